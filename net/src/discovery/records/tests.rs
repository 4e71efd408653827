//! What is kept for others, and what is not.

use std::sync::Arc;

use libp2p::kad::ProviderRecord;
use model::{NetworkId, SecretKey};

use super::*;
use crate::reach::Reach;
use crate::record::NodeRecord;

const NOW: u64 = 1_000_000;

/// The largest number that a stranger needs in these tests.
const MANY: usize = RECORDS_MAX + 1;

fn network() -> NetworkId {
    NetworkId::from_bytes([7; 32])
}

fn secret(number: usize) -> SecretKey {
    let mut seed = [1; 32];
    seed[..8].copy_from_slice(&number.to_be_bytes());
    SecretKey::from_seed(seed)
}

fn node(number: usize) -> NodeId {
    NodeId::new(secret(number).public())
}

fn records() -> Records {
    let (network, reach) = (network(), Reach::Local);
    Records::new(PeerId::random(), Rules { network, reach })
}

/// The members with some numbers, of the shards with some.
fn know(records: &mut Records, nodes: &[usize], shards: &[u32]) {
    records.set_known(Known {
        nodes: nodes.iter().copied().map(node).collect(),
        shards: shards.iter().copied().map(ShardId::new).collect(),
    });
}

/// A node's record after a change, and its key.
fn record(number: usize, change: impl FnOnce(&mut NodeRecord)) -> (RecordKey, Vec<u8>) {
    let secret = secret(number);
    let mut record = NodeRecord {
        network: network(),
        node: node(number),
        peer: PeerId::random().to_bytes().into(),
        addresses: vec!["/ip4/127.0.0.1/tcp/9000".into()],
        sequence: 5,
        expires: NOW + 1_000,
    };
    change(&mut record);
    let key = Key::of_node(&network(), &record.node).into();
    let sign: crate::Sign = Arc::new(move |message: &[u8]| secret.sign(message));
    (key, record.sign(&sign).encode())
}

/// Offers a node's record after a change.
fn offer(
    records: &mut Records,
    number: usize,
    change: impl FnOnce(&mut NodeRecord),
) -> Result<(), Unkept> {
    let (key, value) = record(number, change);
    records.offer_at(&key, &value, NOW).map(|_| ())
}

/// Fills the room with records of strangers, without the cost of as many signatures.
fn fill(records: &mut Records) {
    let (_, value) = record(0, |_| ());
    let signed = SignedRecord::decode(&value).expect("a record");
    let proven = signed.prove(&records.rules, NOW).expect("in order");
    for number in 1..MANY {
        let mut proven = proven.clone();
        (proven.node, proven.peer) = (node(number), PeerId::random());
        proven.expires += number as u64;
        let key = Key::of_node(&network(), &proven.node);
        let kept = records.keep(key, proven, value.clone(), NOW);
        assert_eq!(kept, Ok(()), "stranger {number}");
    }
    assert_eq!(records.records().count(), RECORDS_MAX);
}

#[test]
fn a_record_that_proves_itself_is_kept_as_it_is() {
    let mut records = records();
    let (key, value) = record(1, |_| ());
    let proven = records.offer_at(&key, &value, NOW).expect("it is kept");
    assert_eq!(records.newest(&node(1)), Some(&proven));
    assert_eq!(records.newest(&node(2)), None);
    let kept = records.get(&key).expect("it is kept");
    assert_eq!(kept.value, value);
    assert_eq!(kept.publisher, Some(proven.peer));
}

#[test]
fn only_a_newer_record_of_a_node_takes_the_place_of_an_older_one() {
    let mut records = records();
    assert_eq!(offer(&mut records, 1, |_| ()), Ok(()));
    for sequence in [0, 4, 5] {
        let again = offer(&mut records, 1, |record| record.sequence = sequence);
        assert_eq!(again, Err(Unkept::Stale), "{sequence}");
    }
    assert_eq!(offer(&mut records, 1, |record| record.sequence = 6), Ok(()));
    let newest = records.newest(&node(1)).map(|proven| proven.sequence);
    assert_eq!(newest, Some(6));
    assert_eq!(records.records().count(), 1);
}

#[test]
fn what_is_forged_or_of_no_use_is_not_kept() {
    let mut records = records();
    let (key, mut value) = record(1, |_| ());
    let last = value.len() - 1;
    value[last] ^= 1;
    let forged = records.offer_at(&key, &value, NOW).map(|_| ());
    assert_eq!(forged, Err(RecordError::Signature.into()));

    let (other, _) = record(2, |_| ());
    let (key, value) = record(1, |_| ());
    for wrong in [other, RecordKey::new(b"short")] {
        let misplaced = records.offer_at(&wrong, &value, NOW).map(|_| ());
        assert_eq!(misplaced, Err(Unkept::OtherKey));
    }
    let oversize = records.offer_at(&key, &[0; RECORD_BYTES_MAX + 1], NOW);
    assert!(matches!(
        oversize,
        Err(Unkept::Record(RecordError::NotARecord(_)))
    ));

    let hundred = vec!["/ip4/127.0.0.1/tcp/9000".to_owned(); 100];
    let crowded = offer(&mut records, 1, |record| record.addresses = hundred);
    assert!(matches!(crowded, Err(Unkept::Record(_))), "{crowded:?}");
    let expired = offer(&mut records, 1, |record| record.expires = NOW);
    assert_eq!(expired, Err(RecordError::Expired.into()));
    assert_eq!(records.records().count(), 0, "nothing is stored");
}

#[test]
fn strangers_displace_nobody_and_members_displace_strangers() {
    let mut records = records();
    know(&mut records, &[1, MANY + 1], &[]);
    fill(&mut records);
    assert_eq!(offer(&mut records, MANY + 2, |_| ()), Err(Unkept::Full));
    assert_eq!(offer(&mut records, MANY + 1, |_| ()), Ok(()));
    assert_eq!(records.records().count(), RECORDS_MAX);
    assert!(records.newest(&node(1)).is_some(), "a member stays");
    assert!(
        records.newest(&node(2)).is_none(),
        "the stranger that expires first goes"
    );
    let renewed = offer(&mut records, 3, |record| record.sequence = 6);
    assert_eq!(renewed, Ok(()), "who has a place keeps it");
}

/// Offers a peer as a provider of a shard.
fn provide(records: &mut Records, shard: u32, peer: PeerId) -> Result<(), Unkept> {
    let key: RecordKey = Key::of_shard(&network(), ShardId::new(shard)).into();
    records.offer_provider(ProviderRecord::new(key, peer, Vec::new()))
}

fn provider_count(records: &Records, shard: u32) -> usize {
    let key: RecordKey = Key::of_shard(&network(), ShardId::new(shard)).into();
    records.providers(&key).len()
}

#[test]
fn once_the_shards_are_known_others_have_no_providers() {
    let mut records = records();
    for shard in [1, 2] {
        assert_eq!(provide(&mut records, shard, PeerId::random()), Ok(()));
    }
    know(&mut records, &[], &[1]);
    assert_eq!(provider_count(&records, 1), 1);
    assert_eq!(provider_count(&records, 2), 0);
    let unknown = provide(&mut records, 2, PeerId::random());
    assert_eq!(unknown, Err(Unkept::OtherKey));
}

#[test]
fn as_long_as_no_shard_is_known_keys_have_a_bound() {
    let mut records = records();
    for shard in 0..UNKNOWN_KEYS_MAX as u32 {
        assert_eq!(provide(&mut records, shard, PeerId::random()), Ok(()));
    }
    let beyond = UNKNOWN_KEYS_MAX as u32;
    assert_eq!(
        provide(&mut records, beyond, PeerId::random()),
        Err(Unkept::Full)
    );
    let known = provide(&mut records, 0, PeerId::random());
    assert_eq!(known, Ok(()), "a key that is there");
}

#[test]
fn a_thousand_false_providers_do_not_keep_a_member_out() {
    let mut records = records();
    know(&mut records, &[1], &[0]);
    let peer = PeerId::random();
    let bytes = peer.to_bytes();
    assert_eq!(
        offer(&mut records, 1, |record| record.peer = bytes.into()),
        Ok(())
    );
    for _ in 0..1_000 {
        drop(provide(&mut records, 0, PeerId::random()));
    }
    assert_eq!(provider_count(&records, 0), PROVIDERS_MAX);
    assert_eq!(provide(&mut records, 0, peer), Ok(()));
    assert_eq!(provider_count(&records, 0), PROVIDERS_MAX);
    for _ in 0..1_000 {
        drop(provide(&mut records, 0, PeerId::random()));
    }
    let key: RecordKey = Key::of_shard(&network(), ShardId::new(0)).into();
    let stays = records.providers(&key).iter().any(|p| p.provider == peer);
    assert!(stays, "a member is displaced by nobody");
}

#[test]
fn a_provider_is_kept_once_and_without_useless_addresses() {
    let mut records = records();
    let key: RecordKey = Key::of_shard(&network(), ShardId::new(0)).into();
    let peer = PeerId::random();
    for port in 1..=9 {
        let useless = "/dns4/example.org/tcp/1".parse().expect("an address");
        let good = format!("/ip4/127.0.0.1/tcp/{port}")
            .parse()
            .expect("an address");
        let offered = ProviderRecord::new(key.clone(), peer, vec![useless, good]);
        assert_eq!(records.offer_provider(offered), Ok(()));
    }
    let kept = records.providers(&key);
    assert_eq!(kept.len(), 1);
    let last = "/ip4/127.0.0.1/tcp/9".parse().expect("an address");
    assert_eq!(kept[0].addresses, [last]);
}

#[test]
fn what_this_node_serves_is_kept_whatever_others_say() {
    let mut records = records();
    let ours = records.ours;
    know(&mut records, &[], &[1]);
    assert_eq!(provide(&mut records, 2, ours), Ok(()), "a shard to come");
    know(&mut records, &[], &[1, 3]);
    for _ in 0..100 {
        drop(provide(&mut records, 2, PeerId::random()));
    }
    let own: Vec<_> = records.provided().map(|record| record.provider).collect();
    assert_eq!(own, [ours]);
}
