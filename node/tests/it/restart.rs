//! Nodes commit, stop, start again and know what they knew.

use model::api::{Request, Response, WAIT_MS_MAX};
use model::{Height, Outcome};
use node::Fatal;
use node::store::StoreError;
use node::store::log::LogError;

use crate::network::{Network, Wallet, files};

/// Waits until a node has applied the block at `height`.
fn wait_for(wallet: &Wallet, peer: net::PeerName, height: Height) {
    let request = Request::Labelled {
        label: model::Hash::ZERO,
        after: None,
        at_least: height,
        wait_ms: WAIT_MS_MAX,
    };
    match wallet.ask(peer, &request) {
        Response::Labelled(page) => assert!(page.height >= height),
        other => panic!("{other:?}"),
    }
}

#[test]
fn four_nodes_commit_and_one_that_was_down_catches_up() {
    let mut network = Network::started();
    let wallet = Wallet::new(&network);
    let first = wallet.connect(network.address(0));
    let paid = wallet.pay(first, 1, Height::ZERO);
    assert_eq!(paid.result.outcome, Outcome::Committed);
    let height = paid.head.head.height;

    // Three of four go on without the last one, which learns of it when it is back.
    network.stop(3);
    let missed = wallet.pay(first, 2, height);
    assert_eq!(missed.result.outcome, Outcome::Committed);
    let height = missed.head.head.height;
    network.start(3).unwrap();
    let last = wallet.connect(network.address(3));
    wait_for(&wallet, last, height);
    let seen = wallet.outcome(last, missed.result.transaction);
    assert_eq!(seen.result, missed.result);
    assert_eq!(seen.head.head, missed.head.head);

    // It takes part again: without node 2 a quorum needs it.
    network.stop(2);
    let third = wallet.pay(last, 3, height);
    assert_eq!(third.result.outcome, Outcome::Committed);
    for number in [0, 1, 3] {
        network.stop(number);
    }

    // All were down. What was decided is known, with its proof.
    for number in 0..4 {
        network.start(number).unwrap();
    }
    let again = wallet.connect(network.address(1));
    for result in [&paid, &missed, &third] {
        let seen = wallet.outcome(again, result.result.transaction);
        assert_eq!(seen.result, result.result);
        match wallet.ask(again, &Request::Transaction(result.result.transaction)) {
            Response::Transaction(found) => {
                assert_eq!(found.transaction.body.id(), result.result.transaction);
                assert_eq!(found.height, result.head.head.height);
                assert_eq!(found.result, Some(seen));
            }
            other => panic!("{other:?}"),
        }
    }
    let fourth = wallet.pay(again, 4, third.head.head.height);
    assert_eq!(fourth.result.outcome, Outcome::Committed);
    for number in 0..4 {
        network.stop(number);
    }
}

#[test]
fn a_directory_serves_one_node_of_one_network() {
    let mut network = Network::new();
    network.start(0).unwrap();
    let refused = network.start(0);
    assert!(
        matches!(refused, Err(Fatal::Store(StoreError::InUse { .. }))),
        "{refused:?}"
    );
    network.stop(0);

    // The directory of node 0 with the key of node 1.
    let mut config = network.config(1);
    config.directory = network.data(0);
    let refused = node::Node::start(config, node::Contracts::system()).map(|_| ());
    assert!(
        matches!(refused, Err(Fatal::Store(StoreError::OtherNode { .. }))),
        "{refused:?}"
    );

    // The same node in another network.
    let mut genesis = network.genesis.clone();
    genesis.name = "another".to_owned();
    std::fs::write(network.path("other.bin"), genesis.to_bytes()).unwrap();
    let mut config = network.config(0);
    config.genesis = network.path("other.bin");
    let refused = node::Node::start(config, node::Contracts::system()).map(|_| ());
    match refused {
        Err(error @ Fatal::Store(StoreError::OtherNetwork { .. })) => {
            let text = error.to_string();
            assert!(text.contains(&genesis.network().to_string()), "{text}");
            assert!(
                text.contains(&network.genesis.network().to_string()),
                "{text}"
            );
        }
        other => panic!("{other:?}"),
    }

    // The directory of a member with a key that is in no shard.
    let path = network.path("stranger.key");
    node::signer::MemberKey::create(&path).unwrap();
    let mut config = network.config(0);
    config.member_key = path;
    let refused = node::Node::start(config, node::Contracts::system()).map(|_| ());
    assert!(
        matches!(refused, Err(Fatal::Store(StoreError::OtherNode { .. }))),
        "{refused:?}"
    );
    network.start(0).unwrap();
    network.stop(0);
}

#[test]
fn a_port_in_use_is_named_and_nothing_runs() {
    let mut network = Network::new();
    network.start(0).unwrap();
    let mut config = network.config(1);
    config.listen = network.config(0).listen;
    let refused = node::Node::start(config, node::Contracts::system()).map(|_| ());
    match refused {
        Err(error @ Fatal::Network(_)) => {
            assert!(error.to_string().contains(network.address(0)), "{error}");
        }
        other => panic!("{other:?}"),
    }
    network.start(1).unwrap();
    for number in 0..2 {
        network.stop(number);
    }
}

#[test]
fn a_damaged_log_keeps_the_node_from_starting() {
    let mut network = Network::started();
    let wallet = Wallet::new(&network);
    let peer = wallet.connect(network.address(0));
    wallet.pay(peer, 1, Height::ZERO);
    for number in 0..4 {
        network.stop(number);
    }
    let file = files(&network.data(0).join("log"))
        .pop()
        .expect("there is a segment");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&file, &bytes).unwrap();
    let refused = network.start(0);
    match refused {
        Err(error @ Fatal::Store(StoreError::Log(LogError::Damaged { .. }))) => {
            assert!(
                error.to_string().contains(&file.display().to_string()),
                "{error}"
            );
        }
        other => panic!("{other:?}"),
    }
}
