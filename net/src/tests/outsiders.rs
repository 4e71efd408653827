//! What strangers hand in for everybody, and what they pass on.
//!
//! The stranger is a swarm with Kademlia and gossipsub as they come, so that it can say anything in
//! both. It never says hello: for what is signed by others that makes no difference.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt;
use libp2p::identity::Keypair;
use libp2p::kad::store::MemoryStore;
use libp2p::kad::{self, ProgressStep, Quorum, Record};
use libp2p::swarm::{NetworkBehaviour, Swarm, SwarmEvent};
use libp2p::{Multiaddr, PeerId, SwarmBuilder, gossipsub, identify, noise, tcp, yamux};
use model::{NetworkId, ShardId};
use tokio::task::JoinHandle;

use super::attacker::{member, network, node, signer, soon, still_works, victim};
use crate::discovery::Key;
use crate::gossip::Topic;
use crate::protocol::kademlia;
use crate::record::{NodeRecord, SignedRecord};
use crate::{Config, Counters, Discovery, Handle, Limits};

#[derive(NetworkBehaviour)]
struct Behaviour {
    identify: identify::Behaviour,
    table: kad::Behaviour<MemoryStore>,
    gossip: crate::gossip::Behaviour,
}

/// See [the module](self). Connected with one node.
struct Outsider {
    swarm: Swarm<Behaviour>,
    at: PeerId,
}

impl Outsider {
    async fn dial(handle: &Handle) -> Self {
        let keypair = Keypair::generate_ed25519();
        let ours = keypair.public().to_peer_id();
        let mut table = kad::Config::new(kademlia(&network()));
        table.set_query_timeout(Duration::from_secs(60));
        let identify = identify::Config::new("chainspace/1".into(), keypair.public());
        let mut swarm = SwarmBuilder::with_existing_identity(keypair)
            .with_tokio()
            .with_tcp(
                tcp::Config::default(),
                noise::Config::new,
                yamux::Config::default,
            )
            .expect("a transport")
            .with_behaviour(|_| Behaviour {
                identify: identify::Behaviour::new(identify),
                table: kad::Behaviour::with_config(ours, MemoryStore::new(ours), table),
                gossip: crate::gossip::build(&network()).expect("settings in order"),
            })
            .expect("a behaviour")
            .build();
        let address: Multiaddr = handle.listen_addresses()[0].parse().expect("an address");
        swarm.dial(address.clone()).expect("a dial");
        let at = loop {
            let event = soon("a connection", swarm.select_next_some()).await;
            if let SwarmEvent::ConnectionEstablished { peer_id, .. } = event {
                break peer_id;
            }
        };
        swarm.behaviour_mut().table.add_address(&at, address);
        Self { swarm, at }
    }

    async fn next(&mut self) -> BehaviourEvent {
        loop {
            let event = soon("an event", self.swarm.select_next_some()).await;
            if let SwarmEvent::Behaviour(event) = event {
                return event;
            }
        }
    }

    /// Hands something in and waits until the node has taken note.
    async fn put(&mut self, key: Key, value: Vec<u8>) {
        let record = Record::new(kad::RecordKey::from(key), value);
        let to = [self.at].into_iter();
        let table = &mut self.swarm.behaviour_mut().table;
        let query = table.put_record_to(record, to, Quorum::One);
        loop {
            if let BehaviourEvent::Table(kad::Event::OutboundQueryProgressed {
                id,
                step: ProgressStep { last: true, .. },
                ..
            }) = self.next().await
                && id == query
            {
                return;
            }
        }
    }

    /// What the node has under a key.
    async fn get(&mut self, key: Key) -> Option<Vec<u8>> {
        let query = self.swarm.behaviour_mut().table.get_record(key.into());
        let mut found = None;
        loop {
            if let BehaviourEvent::Table(kad::Event::OutboundQueryProgressed {
                id,
                result: kad::QueryResult::GetRecord(result),
                step,
                ..
            }) = self.next().await
                && id == query
            {
                if let Ok(kad::GetRecordOk::FoundRecord(found_record)) = result {
                    found = Some(found_record.record.value);
                }
                if step.last {
                    return found;
                }
            }
        }
    }

    /// Waits until the node listens to gossip.
    async fn heard(&mut self) {
        let mut topics = BTreeSet::new();
        while topics.len() < Topic::ALL.len() {
            let event = self.next().await;
            if let BehaviourEvent::Gossip(gossipsub::Event::Subscribed { topic, .. }) = event {
                topics.insert(topic.to_string());
            }
        }
    }

    fn publish(&mut self, topic: Topic, bytes: &[u8]) {
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        let published = gossip.publish(topic.name(&network()), bytes);
        assert!(published.is_ok(), "{published:?}");
    }

    /// Keeps the connection going until a number was counted.
    async fn linger_until(&mut self, handle: &Handle, of: fn(&Counters) -> u64, count: u64) {
        let mut counted = std::pin::pin!(counted(handle, of, count));
        loop {
            tokio::select! {
                () = &mut counted => return,
                _ = self.swarm.select_next_some() => {}
            }
        }
    }

    /// Keeps the connection going.
    fn linger(mut self) -> JoinHandle<()> {
        tokio::spawn(async move {
            loop {
                self.swarm.select_next_some().await;
            }
        })
    }
}

/// Limits under which a stranger may be silent for as long as a test takes.
fn patient() -> Limits {
    Limits {
        hello_timeout: Duration::from_secs(100),
        ..Limits::on_one_machine()
    }
}

/// The record of a node, signed after a change, and where it belongs.
fn record(number: u8, change: impl FnOnce(&mut NodeRecord)) -> (Key, SignedRecord) {
    let mut record = NodeRecord {
        network: network(),
        node: node(number),
        peer: PeerId::random().to_bytes().into(),
        addresses: vec!["/ip4/127.0.0.1/tcp/1".into()],
        sequence: 5,
        expires: u64::MAX,
    };
    change(&mut record);
    (
        Key::of_node(&network(), &record.node),
        record.sign(&signer(number)),
    )
}

/// Waits until a number was counted.
async fn counted(handle: &Handle, of: fn(&Counters) -> u64, count: u64) {
    let event = async {
        while of(&handle.counters()) < count {
            tokio::task::yield_now().await;
        }
    };
    soon("the count", event).await;
}

#[tokio::test]
async fn a_record_that_anybody_hands_in_is_there_for_everybody() {
    let (handle, _events) = victim(patient());
    let mut outsider = Outsider::dial(&handle).await;
    let (key, signed) = record(9, |_| ());
    outsider.put(key, signed.encode()).await;
    counted(&handle, |c| c.records_kept, 1).await;
    let mut other = Outsider::dial(&handle).await;
    assert_eq!(other.get(key).await, Some(signed.encode()));
    let (_, older) = record(9, |record| record.sequence = 4);
    outsider.put(key, older.encode()).await;
    assert_eq!(other.get(key).await, Some(signed.encode()), "the newer one");
}

#[tokio::test]
async fn what_is_forged_or_useless_is_refused_and_not_stored() {
    let (handle, mut events) = victim(patient());
    let mut outsider = Outsider::dial(&handle).await;
    let (key, good) = record(9, |_| ());
    let mut forged = good.clone();
    forged.record.sequence += 1;
    let address = "/ip4/127.0.0.1/tcp/1".to_owned();
    let with = |addresses: Vec<String>| record(9, |r| r.addresses = addresses).1.encode();
    let other = NetworkId::from_bytes([8; 32]);
    let bad: Vec<Vec<u8>> = vec![
        b"garbage".to_vec(),
        vec![0; 4096],
        forged.encode(),
        with(vec![address; 100]),
        with(Vec::new()),
        with(vec!["/ip4/0.0.0.0/tcp/1".into()]),
        record(9, |record| record.expires = 1).1.encode(),
        record(9, |record| record.network = other).1.encode(),
        record(8, |_| ()).1.encode(),
    ];
    for (at, value) in bad.into_iter().enumerate() {
        outsider.put(key, value).await;
        counted(&handle, |c| c.records_refused, at as u64 + 1).await;
    }
    assert_eq!(outsider.get(key).await, None);
    assert_eq!(handle.counters().records_kept, 0);
    still_works(&handle, &mut events).await;
}

#[tokio::test]
async fn an_open_network_keeps_no_private_addresses() {
    let config = member(1, patient());
    let open = Config {
        discovery: Discovery::default(),
        ..config
    };
    let (handle, _events) = crate::spawn(open).expect("the network starts");
    let mut outsider = Outsider::dial(&handle).await;
    for private in ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.0.1"] {
        let address = format!("/ip4/{private}/tcp/1");
        let (key, signed) = record(9, |record| record.addresses = vec![address]);
        outsider.put(key, signed.encode()).await;
        assert_eq!(outsider.get(key).await, None, "{private}");
    }
    assert_eq!(handle.counters().records_refused, 4);
    let global = vec!["/ip4/8.8.8.8/tcp/1".to_owned()];
    let (key, signed) = record(9, |record| record.addresses = global);
    outsider.put(key, signed.encode()).await;
    assert_eq!(outsider.get(key).await, Some(signed.encode()));
}

#[tokio::test]
async fn only_those_who_serve_shards_that_exist_are_remembered() {
    let (handle, _events) = victim(patient());
    handle.know_shards(BTreeSet::from([ShardId::new(1)])).await;
    let mut outsider = Outsider::dial(&handle).await;
    for shard in [2, 1] {
        let key = Key::of_shard(&network(), ShardId::new(shard));
        let table = &mut outsider.swarm.behaviour_mut().table;
        table.start_providing(key.into()).expect("there is room");
    }
    let lingering = outsider.linger();
    counted(&handle, |c| c.records_refused, 1).await;
    counted(&handle, |c| c.records_kept, 1).await;
    lingering.abort();
}

#[tokio::test]
async fn a_flood_of_questions_is_left_unanswered_and_harms_nobody() {
    let (handle, mut events) = victim(patient());
    let mut outsider = Outsider::dial(&handle).await;
    let (key, signed) = record(9, |_| ());
    outsider.put(key, signed.encode()).await;
    for number in 0..2_000_u32 {
        let key = Key::of_shard(&network(), ShardId::new(number));
        outsider.swarm.behaviour_mut().table.get_record(key.into());
    }
    let lingering = outsider.linger();
    counted(&handle, |c| c.directory_unanswered, 1).await;
    still_works(&handle, &mut events).await;
    let mut other = Outsider::dial(&handle).await;
    assert_eq!(other.get(key).await, Some(signed.encode()));
    lingering.abort();
}

#[tokio::test]
async fn what_is_false_is_not_passed_on_and_what_is_true_is() {
    let (near, mut near_events) = victim(patient());
    let far = member(2, Limits::on_one_machine());
    let bootnodes = near.listen_addresses();
    let (_far, mut far_events) = crate::spawn(Config { bootnodes, ..far }).expect("it starts");
    soon("a link", near_events.links.recv()).await;
    let mut outsider = Outsider::dial(&near).await;
    outsider.heard().await;
    for word in ["false", "useless", "dropped", "true"] {
        outsider.publish(Topic::Evidence, word.as_bytes());
    }
    let lingering = outsider.linger();
    for _ in 0..4 {
        let gossip = soon("gossip", near_events.gossip.recv()).await;
        let gossip = gossip.expect("the network runs");
        match &gossip.bytes[..] {
            b"false" => gossip.verdict.reject(),
            b"useless" => gossip.verdict.ignore(),
            b"true" => gossip.verdict.accept(),
            _ => drop(gossip),
        }
    }
    let passed_on = soon("gossip", far_events.gossip.recv()).await;
    let passed_on = passed_on.expect("the network runs");
    assert_eq!(
        (passed_on.topic, &passed_on.bytes[..]),
        (Topic::Evidence, &b"true"[..])
    );
    assert_eq!(near.counters().gossip_rejected, 1);
    lingering.abort();
}

#[tokio::test]
async fn who_says_too_much_is_not_listened_to() {
    let (handle, mut events) = victim(patient());
    let mut outsider = Outsider::dial(&handle).await;
    outsider.heard().await;
    let read = |c: &Counters| c.gossip_in + c.gossip_refused_rate + c.gossip_dropped_full;
    for number in 1..=300_u64 {
        outsider.publish(Topic::Heads, &number.to_be_bytes());
        // So many have room with the outsider at a time.
        if number.is_multiple_of(100) {
            outsider.linger_until(&handle, read, number).await;
        }
    }
    let lingering = outsider.linger();
    let counters = handle.counters();
    assert!(counters.gossip_refused_rate > 0, "{counters:?}");
    still_works(&handle, &mut events).await;
    lingering.abort();
}

/// net.md, 4.10, test 12: a peer refuses an identify message of more than 4,096 bytes.
#[tokio::test]
async fn what_identify_says_stays_short_with_all_protocols() {
    let (handle, _events) = victim(patient());
    let mut outsider = Outsider::dial(&handle).await;
    let info = loop {
        let event = outsider.next().await;
        if let BehaviourEvent::Identify(identify::Event::Received { info, .. }) = event {
            break info;
        }
    };
    let names = info.protocols.iter().map(|name| name.as_ref().len() + 3);
    let addresses = info.listen_addrs.iter().map(|address| address.len() + 3);
    let rest = 64 + info.agent_version.len() + info.protocol_version.len();
    let bytes = names.sum::<usize>() + addresses.sum::<usize>() + rest;
    let has = |word: &str| {
        info.protocols
            .iter()
            .any(|name| name.as_ref().contains(word))
    };
    assert!(
        has("/kad/1") && has("/meshsub/") && has("/bft/"),
        "{info:?}"
    );
    assert!(bytes < 2048, "{bytes} bytes: {info:?}");
}

/// A member whose key is in two places, or whose clock was ahead once, finds out.
#[tokio::test]
async fn a_node_outdoes_a_record_of_its_own_from_a_time_to_come() {
    let (handle, _events) = victim(patient());
    let peer = handle.listen_addresses()[0].clone();
    let (_, peer) = peer.rsplit_once('/').expect("a peer");
    let peer: PeerId = peer.parse().expect("a peer");
    let mut outsider = Outsider::dial(&handle).await;
    let to_come = 1 << 60;
    let (key, signed) = record(1, |record| {
        record.sequence = to_come;
        record.peer = peer.to_bytes().into();
    });
    outsider.put(key, signed.encode()).await;
    let newest = outsider.get(key).await.expect("a record");
    let newest = SignedRecord::decode(&newest).expect("a record").record;
    assert_eq!(newest.sequence, to_come + 1);
    let listening = newest.addresses[0].as_str();
    assert!(handle.listen_addresses()[0].starts_with(listening));
}
