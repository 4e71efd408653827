//! What nodes of different shards tell each other: that it arrives, together with what waited, and
//! that one that is slow or gone holds back nobody else.

use std::time::Duration;

use bytes::Bytes;
use net::bounds::SBAC_FRAME_BYTES_MAX;
use net::{Config, Direction, Limits, Protocol, RequestError, SendError, Target, TellError};
use tokio::sync::mpsc::error::TryRecvError;

use crate::support::{
    PATIENCE, Running, member, neighbour, node, soon, start, start_committee, until, wallet,
};

/// No time of the network's own decides a test.
fn patient() -> Limits {
    Limits {
        tell_timeout: PATIENCE,
        ..Limits::on_one_machine()
    }
}

/// The node `ours` of one shard, whose neighbour is the node `theirs`.
fn one(ours: u8, theirs: u8, limits: &Limits) -> Config {
    Config {
        limits: limits.clone(),
        ..neighbour(ours, &[ours], &[theirs])
    }
}

/// The node 1 of one shard and the node 2 of another.
fn two(limits: &Limits) -> [Config; 2] {
    [one(1, 2, limits), one(2, 1, limits)]
}

async fn connect(from: &Running, to: &Running) {
    let remote = soon("hello", from.handle.dial(&to.address())).await;
    assert!(remote.is_ok(), "{remote:?}");
}

async fn connected(limits: &Limits) -> [Running; 2] {
    let running = two(limits).map(start);
    connect(&running[0], &running[1]).await;
    running
}

fn port(running: &Running) -> String {
    let address = running.address();
    let bare = address.split("/p2p").next().expect("a first part");
    bare.to_owned()
}

#[tokio::test]
async fn neighbours_tell_each_other_frames_of_every_size() {
    let mut nodes = connected(&patient()).await;
    let sizes = [0, 1, 4096, 65_536, 128 * 1024, SBAC_FRAME_BYTES_MAX];
    for (from, to) in [(0, 1), (1, 0)] {
        let (sender, receiver) = (node(from as u8 + 1), node(to as u8 + 1));
        for size in sizes {
            let told = nodes[from].handle.tell(receiver, vec![7; size].into());
            assert_eq!(told, Ok(()), "size {size}");
        }
        for size in sizes {
            let (teller, frame) = nodes[to].told().await;
            assert_eq!(teller, sender);
            assert!(frame == vec![7; size], "size {size}");
        }
        let counters = nodes[to].handle.counters();
        assert_eq!(counters.sbac_frames_in, sizes.len() as u64);
    }
    // They have no link.
    for node_at in &mut nodes {
        assert!(node_at.events.links.try_recv().is_err());
        assert!(node_at.events.frames.try_recv().is_err());
    }
    let sent = nodes[0].handle.send(node(2), Bytes::from_static(b"vote"));
    assert_eq!(sent, Err(SendError::NotConnected));
}

#[tokio::test]
async fn what_is_told_while_something_is_under_way_leaves_together() {
    // Room for one request and nothing beside its longest frame.
    let [one, two] = two(&patient());
    let limits = Limits {
        inbound_tell_bytes: 0,
        ..patient()
    };
    let (one, mut two) = (start(one), start(Config { limits, ..two }));
    connect(&one, &two).await;
    let longest = Bytes::from(vec![1; SBAC_FRAME_BYTES_MAX]);
    assert_eq!(one.handle.tell(node(2), longest.clone()), Ok(()));
    let held = soon("a frame", two.events.foreign.recv()).await;
    // The next one waits for as long as the first one is held, and the others gather behind it.
    assert_eq!(one.handle.tell(node(2), longest.clone()), Ok(()));
    for number in 0..100 {
        assert_eq!(one.handle.tell(node(2), Bytes::from(vec![number])), Ok(()));
    }
    assert_eq!(
        two.events.foreign.try_recv().err(),
        Some(TryRecvError::Empty)
    );
    drop(held);
    assert!(two.told().await.1 == longest);
    for number in 0..100 {
        assert_eq!(two.told().await, (node(1), vec![number]));
    }
    until("an answer", || one.handle.counters().sbac_frames_out == 102).await;
    assert_eq!(one.handle.counters().sbac_requests_out, 3);
    assert_eq!(two.handle.counters().sbac_requests_in, 3);
}

#[tokio::test]
async fn frames_that_cannot_be_told_are_errors_and_counted() {
    let one = start(neighbour(1, &[1, 3], &[2]));
    let tell = |number, frame: &[u8]| one.handle.tell(node(number), frame.to_vec().into());
    // Neither a stranger, nor a fellow member, nor this node.
    for number in [9, 3, 1] {
        assert_eq!(tell(number, b"?"), Err(TellError::NotANeighbour));
    }
    assert_eq!(one.handle.counters().sbac_frames_dropped_no_neighbour, 3);
    let long = vec![0; SBAC_FRAME_BYTES_MAX + 1];
    assert_eq!(tell(2, &long), Err(TellError::TooLarge));
    assert_eq!(tell(2, b"?"), Err(TellError::NotConnected));
    assert_eq!(one.handle.counters().sbac_frames_dropped_unconnected, 1);
    let wallet = start(wallet(9));
    connect(&wallet, &one).await;
    let told = wallet.handle.tell(node(1), Bytes::from_static(b"?"));
    assert_eq!(told, Err(TellError::NotANeighbour));
    let handle = one.handle.clone();
    soon("the stop", one.handle.shutdown()).await;
    let told = handle.tell(node(2), Bytes::from_static(b"?"));
    assert_eq!(told, Err(TellError::NotConnected));
}

#[tokio::test]
async fn a_wallet_neither_takes_nor_tells() {
    let one = start(neighbour(1, &[1], &[2]));
    let wallet = start(wallet(9));
    connect(&wallet, &one).await;
    let batch = b"\0\0\0\x01a".to_vec();
    let peer = Target::Peer(one.handle.peers()[0].peer);
    let asked = one
        .handle
        .request(peer, Protocol::Sbac, batch.clone(), PATIENCE);
    let outcome = soon("the refusal", asked).await;
    assert_eq!(outcome, Err(RequestError::Unsupported));
    let asked = wallet
        .handle
        .request(Target::Node(node(1)), Protocol::Sbac, batch, PATIENCE);
    let outcome = soon("the refusal", asked).await;
    assert_eq!(outcome, Err(RequestError::Closed));
    assert_eq!(one.handle.counters().sbac_requests_refused, 1);
}

#[tokio::test]
async fn a_neighbour_that_does_not_take_its_frames_fills_only_its_own_queue() {
    let mut one = start(Config {
        limits: patient(),
        ..neighbour(1, &[1], &[2, 3])
    });
    let slow = start(Config {
        limits: patient(),
        ..neighbour(2, &[2], &[1, 3])
    });
    let mut quick = start(neighbour(3, &[3], &[1, 2]));
    connect(&one, &slow).await;
    connect(&one, &quick).await;
    let frame = Bytes::from(vec![5; 64 * 1024]);
    // Queues are bounded, so this ends.
    let mut queued = 0;
    while one.handle.tell(node(2), frame.clone()) != Err(TellError::Full) {
        queued += 1;
        assert!(queued * frame.len() < 1 << 30, "the queue has no bound");
    }
    assert_eq!(one.handle.counters().sbac_frames_dropped_full, 1);
    for number in 0..100 {
        let told = one.handle.tell(node(3), Bytes::from(vec![number]));
        assert_eq!(told, Ok(()));
        assert_eq!(quick.told().await, (node(1), vec![number]));
    }
    // Whatever it does not take, the slow one may tell.
    let told = slow.handle.tell(node(1), Bytes::from_static(b"slow"));
    assert_eq!(told, Ok(()));
    assert_eq!(one.told().await, (node(2), b"slow".to_vec()));
    // Nothing that was queued is lost once it is taken.
    let mut slow = slow;
    for at in 0..queued {
        let (from, bytes) = slow.told().await;
        assert_eq!(from, node(1));
        assert!(bytes == frame, "frame {at}");
    }
    assert_eq!(one.handle.counters().sbac_frames_lost, 0);
}

#[tokio::test]
async fn frames_for_a_neighbour_that_takes_none_are_lost_and_counted() {
    let [one, two] = connected(&patient()).await;
    drop(two.events.foreign);
    assert_eq!(one.handle.tell(node(2), Bytes::from_static(b"?")), Ok(()));
    until("the loss", || one.handle.counters().sbac_frames_lost == 1).await;
    // The connection is as good as before.
    let mut one = one;
    let told = two.handle.tell(node(1), Bytes::from_static(b"sorry"));
    assert_eq!(told, Ok(()));
    assert_eq!(one.told().await, (node(2), b"sorry".to_vec()));
}

#[tokio::test]
async fn what_waits_for_a_neighbour_that_dies_is_lost_and_counted() {
    let [one, two] = connected(&patient()).await;
    let frame = Bytes::from(vec![5; 64 * 1024]);
    let mut told = 0;
    while one.handle.tell(node(2), frame.clone()) != Err(TellError::Full) {
        told += 1;
        assert!(told < 10_000, "the queue has no bound");
    }
    soon("the stop", two.handle.shutdown()).await;
    until("the loss", || {
        let counters = one.handle.counters();
        counters.sbac_frames_out + counters.sbac_frames_lost == told
    })
    .await;
    assert!(one.handle.counters().sbac_frames_lost > 0);
    // A stream can end before its connection does.
    let tell = || one.handle.tell(node(2), frame.clone());
    until("the end", || tell() == Err(TellError::NotConnected)).await;
}

#[tokio::test]
async fn a_neighbour_that_restarts_with_its_keys_is_told_again() {
    for (leaving, staying) in [(1, 2), (2, 1)] {
        let limits = Limits {
            dialer_grace: Duration::ZERO,
            ..patient()
        };
        let stopped = start(one(leaving, staying, &limits));
        let mut stayed = start(one(staying, leaving, &limits));
        connect(&stopped, &stayed).await;
        let listen = vec![port(&stopped)];
        soon("the stop", stopped.handle.shutdown()).await;
        let frame = Bytes::from_static(b"again");
        let tell = || stayed.handle.tell(node(leaving), frame.clone());
        until("the loss", || tell() == Err(TellError::NotConnected)).await;
        // It knows nobody: the one that stayed must find it.
        let mut again = start(Config {
            listen,
            ..one(leaving, staying, &limits)
        });
        until("a connection", || tell() == Ok(())).await;
        assert_eq!(again.told().await.1, frame);
        let told = again.handle.tell(node(staying), frame.clone());
        assert_eq!(told, Ok(()));
        assert_eq!(stayed.told().await.1, frame);
    }
}

#[tokio::test]
async fn a_neighbour_may_speak_through_a_new_transport_key() {
    let [one, old] = connected(&patient()).await;
    let [_, two] = two(&patient());
    let mut new = start(Config {
        transport_seed: [77; 32].into(),
        ..two
    });
    connect(&new, &one).await;
    let frame = Bytes::from_static(b"to the new one");
    assert_eq!(one.handle.tell(node(2), frame.clone()), Ok(()));
    assert_eq!(new.told().await.1, frame);
    drop(old);
}

#[tokio::test]
async fn after_simultaneous_dials_both_sides_use_the_same_connection() {
    for round in 0..20 {
        let mut nodes = two(&patient()).map(start);
        let [one, two] = &nodes;
        let (to_two, to_one) = (two.address(), one.address());
        let dials = async { tokio::join!(one.handle.dial(&to_two), two.handle.dial(&to_one)) };
        let (ones, twos) = soon("both dials", dials).await;
        assert!(
            ones.is_ok() || twos.is_ok(),
            "round {round}: {ones:?}, {twos:?}"
        );
        let used = |running: &Running| -> Vec<Direction> {
            let peers = running.handle.peers();
            let used = peers.iter().filter(|peer| peer.linked);
            used.map(|peer| peer.direction).collect()
        };
        until("an agreement", || {
            let mut both = [used(one), used(two)].concat();
            both.sort_by_key(|direction| *direction == Direction::Outbound);
            both == [Direction::Inbound, Direction::Outbound]
        })
        .await;
        for (from, to) in [(0, 1), (1, 0)] {
            let frame = Bytes::from(vec![round]);
            let told = nodes[from].handle.tell(node(to as u8 + 1), frame.clone());
            assert_eq!(told, Ok(()), "round {round}");
            assert_eq!(nodes[to].told().await.1, frame, "round {round}");
        }
    }
}

#[tokio::test]
async fn a_connection_with_a_neighbour_is_kept_without_a_word() {
    let limits = Limits {
        idle_timeout: Duration::from_secs(1),
        ..patient()
    };
    let [one, mut two] = connected(&limits).await;
    let wallet = start(Config {
        limits,
        ..wallet(9)
    });
    connect(&wallet, &one).await;
    // The wallet came later and is idle for as long as the neighbour.
    until("the end of the wallet", || wallet.handle.peers().is_empty()).await;
    assert_eq!(one.handle.tell(node(2), Bytes::from_static(b"!")), Ok(()));
    assert_eq!(two.told().await.1, b"!");
    assert_eq!(two.handle.counters().connections, 1);
}

#[tokio::test]
async fn neighbours_find_each_other_by_bootnodes_alone() {
    let mut committee = start_committee(&[3]);
    let [one, two] = two(&patient());
    let first = start(one);
    let third = committee.remove(0);
    let mut second = start(Config {
        bootnodes: vec![third.address(), first.address()],
        ..two
    });
    let frame = Bytes::from_static(b"found");
    until("a connection", || {
        first.handle.tell(node(2), frame.clone()) == Ok(())
    })
    .await;
    assert_eq!(second.told().await.1, frame);
}

#[tokio::test]
async fn what_was_told_before_a_shutdown_still_arrives() {
    let [one, mut two] = connected(&patient()).await;
    for number in 0..200 {
        let told = one.handle.tell(node(2), Bytes::from(vec![number; 1000]));
        assert_eq!(told, Ok(()));
    }
    soon("the stop", one.handle.shutdown()).await;
    for number in 0..200 {
        assert_eq!(two.told().await, (node(1), vec![number; 1000]));
    }
}

#[tokio::test]
async fn without_neighbours_there_is_nothing_to_hear_until_the_network_stops() {
    let mut lonely = start(member(1, &[1]));
    let heard = lonely.events.foreign.try_recv();
    assert_eq!(heard.err(), Some(TryRecvError::Empty));
    soon("the stop", lonely.handle.shutdown()).await;
    assert!(
        soon("the end", lonely.events.foreign.recv())
            .await
            .is_none()
    );
}
