//! What one node knows, all others hear; and whoever knows one node finds those who serve a shard.

use std::sync::Arc;

use consensus::Signer as _;
use model::api::{Request, Response, Status};
use model::key::Zip215;
use model::{Hash, Height, Lie, Malpractice, NodeId, SecretKey, Statement, encoding};
use net::{Events, Handle, PeerName, Protocol, Target, Topic};

use crate::network::{LONG, MEMBERS, Network, SHARD, Wallet, soon, wait_for};

/// A process that takes part in the directory and in gossip, and is no node of the ledger.
fn stranger(network: &Network, number: u8, bootnodes: Vec<String>) -> (Handle, Events) {
    let secret = SecretKey::from_seed([number; 32]);
    let config = net::Config {
        network: network.genesis.network(),
        transport_seed: [number; 32].into(),
        identity: Some(net::Identity {
            node: NodeId::new(secret.public()),
            sign: Arc::new(move |message| secret.sign(message)),
        }),
        view: net::View::default(),
        listen: vec!["/ip4/127.0.0.1/tcp/0".to_owned()],
        bootnodes,
        agent: "test-stranger/1".to_owned(),
        discovery: net::Discovery {
            private_addresses: true,
            ..net::Discovery::default()
        },
        limits: net::Limits::default(),
    };
    net::spawn(config).expect("it starts")
}

fn status(wallet: &Wallet, peer: PeerName) -> Status {
    match wallet.ask(peer, &Request::Status) {
        Response::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

/// The liars of whom a node holds proofs.
fn liars(wallet: &Wallet, peer: PeerName) -> Vec<NodeId> {
    match wallet.ask(peer, &Request::Evidence { after: 0 }) {
        Response::Evidence(page) => {
            let records = page.exhibits.into_iter().map(|exhibit| exhibit.record);
            records.map(|record| record.node).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_node_in_no_shard_hears_how_far_the_root_shard_is() {
    let network = Network::with_guests(1).all_started();
    let wallet = Wallet::new(&network);
    let first = wallet.connect(network.address(0));
    let guest = wallet.connect(network.address(MEMBERS));
    let paid = wallet.pay(first, 1, Height::ZERO).head.head.height;
    let told = wait_for("the guest hears of the payment", || {
        let told = status(&wallet, guest);
        (told.tip.height >= paid).then_some(told)
    });
    assert_eq!(told.certified, told.tip.height);
    match wallet.ask(guest, &Request::Head) {
        Response::Head(head) => {
            let committee = network.genesis.committee(SHARD).unwrap().unwrap();
            assert_eq!(head.verify(&committee, &mut Zip215), Ok(()));
            assert!(head.head.height >= paid);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_proof_of_a_lie_reaches_all_and_what_proves_nothing_is_kept_by_nobody() {
    let mut network = Network::new().all_started();
    let wallet = Wallet::new(&network);
    let peers: Vec<PeerName> = (0..MEMBERS)
        .map(|number| wallet.connect(network.address(number)))
        .collect();
    let scope = *network.genesis.committee(SHARD).unwrap().unwrap().scope();
    let two_heads = |number: usize| {
        let key = network.key(number);
        let head = |byte| {
            let statement = Statement::Head {
                height: Height::new(1_000),
                head: Hash::from_bytes([byte; 32]),
            };
            (statement, key.sign(&statement.signing_bytes(&scope)))
        };
        Malpractice {
            node: key.node(),
            lie: Lie::Statements {
                scope,
                first: head(1),
                second: head(2),
            },
        }
    };
    let mut forged = two_heads(2);
    forged.node = network.key(1).node();
    let teller = stranger(&network, 50, vec![network.address(0).to_owned()]);
    for record in [&forged, &two_heads(3)] {
        let said = encoding::encode(record);
        let published = teller.0.publish(Topic::Evidence, said.into());
        assert_eq!(published, Ok(()));
    }
    let liar = network.key(3).node();
    for peer in &peers {
        wait_for("the node holds the proof", || {
            (liars(&wallet, *peer) == [liar]).then_some(())
        });
    }
    // It is kept for good.
    network.stop(0);
    network.start(0).expect("it starts again");
    let again = wallet.connect(network.address(0));
    assert_eq!(liars(&wallet, again), [liar]);
}

#[test]
fn those_who_serve_a_shard_find_each_other_and_are_found_through_a_node_that_is_in_none() {
    let mut network = Network::new();
    let (hub, _hub) = stranger(&network, 60, Vec::new());
    network.bootnode = Some(hub.listen_addresses()[0].clone());
    let network = network.all_started();
    // It knows no member, not even that there are any.
    let (asking, _asking) = stranger(&network, 61, hub.listen_addresses());
    let runtime = tokio::runtime::Runtime::new().expect("there are threads");
    let found = wait_for("all members are found", || {
        let found = soon(&runtime, "those who serve it", asking.providers(SHARD));
        (found.len() == MEMBERS).then_some(found)
    });
    for remote in found {
        let body = Request::Status.to_bytes();
        let asked = asking.request(Target::Peer(remote.peer), Protocol::Api, body, LONG);
        let answer = runtime.block_on(asked).expect("a member answers");
        match Response::from_bytes(&answer).expect("in our words") {
            Response::Status(status) => assert_eq!(status.shard, SHARD),
            other => panic!("{other:?}"),
        }
    }
    // And they have found each other: nobody had the address of another one.
    let wallet = Wallet::new(&network);
    let first = wallet.connect(network.address(0));
    wait_for("all members are linked", || {
        (status(&wallet, first).linked as usize == MEMBERS - 1).then_some(())
    });
    wallet.pay(first, 1, Height::ZERO);
}
