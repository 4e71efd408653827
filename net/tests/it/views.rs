//! Views that change while everything runs: who gains and loses what, on the connections that are there.

use std::collections::BTreeMap;

use bytes::Bytes;
use net::{Config, Limits, Link, PeerInfo, Role, SendError, TellError, View, ViewError};

use crate::support::{
    PATIENCE, Running, all_linked, member, neighbour, node, soon, start, start_committee, until,
    view, wallet,
};

/// What one node thinks of the others, all at once.
fn set(running: &Running, committee: &[u8], neighbours: &[u8]) {
    let set = running.handle.set_view(view(committee, neighbours));
    assert_eq!(set, Ok(()));
}

/// Starts all members of a committee; each dials those before it, and nobody else ever dials.
fn start_patient(numbers: &[u8]) -> Vec<Running> {
    let mut running: Vec<Running> = Vec::new();
    for number in numbers {
        let bootnodes = running.iter().map(Running::address).collect();
        running.push(start(Config {
            bootnodes,
            limits: Limits {
                dialer_grace: PATIENCE,
                ..Limits::on_one_machine()
            },
            ..member(*number, numbers)
        }));
    }
    running
}

fn frame(byte: u8) -> Bytes {
    Bytes::from(vec![byte])
}

/// The connections of a node, by what tells one from another.
fn connections(running: &Running) -> BTreeMap<String, PeerInfo> {
    let peers = running.handle.peers().into_iter();
    peers.map(|peer| (peer.address.clone(), peer)).collect()
}

fn role_of(running: &Running, number: u8) -> Option<Role> {
    let peers = running.handle.peers();
    let peer = peers.iter().find(|peer| peer.node == Some(node(number)))?;
    Some(peer.role)
}

async fn connect(from: &Running, to: &Running) {
    let remote = soon("hello", from.handle.dial(&to.address())).await;
    assert!(remote.is_ok(), "{remote:?}");
}

/// Shows that two nodes are linked: a frame goes each way.
async fn link_carries(one: (u8, &mut Running), two: (u8, &mut Running)) {
    let ((first, one), (second, two)) = (one, two);
    frame_arrives((first, one), (second, two)).await;
    frame_arrives((second, two), (first, one)).await;
}

/// A link that has just come up at one end may not be up at the other.
async fn frame_arrives((from, sender): (u8, &Running), (to, receiver): (u8, &mut Running)) {
    until("a frame", || {
        // What is sent into a link that is being replaced is lost.
        let _ = sender.handle.send(node(to), frame(from));
        !receiver.events.frames.is_empty()
    })
    .await;
    assert_eq!(receiver.frame().await, (node(from), vec![from]));
    while receiver.events.frames.try_recv().is_ok() {}
}

#[tokio::test]
async fn item_9_a_removed_member_loses_its_links_without_reconnecting_and_gets_them_back() {
    let all = [1, 2, 3];
    let mut members = start_patient(&all);
    all_linked(&mut members, &all).await;
    let before: Vec<u64> = members
        .iter()
        .map(|m| m.handle.counters().connections)
        .collect();
    // The one that is removed hears of it last.
    for number in [1, 2] {
        set(&members[number as usize - 1], &[1, 2], &[]);
    }
    for remaining in &mut members[..2] {
        let down = remaining.link().await;
        let expected = Link {
            node: node(3),
            up: false,
        };
        assert_eq!(down, expected);
        let sent = remaining.handle.send(node(3), frame(0));
        assert_eq!(sent, Err(SendError::NotConnected));
        until("the change", || role_of(remaining, 3) == Some(Role::Guest)).await;
    }
    for _ in 0..2 {
        assert!(!members[2].link().await.up);
    }
    set(&members[2], &[], &[]);
    until("the change", || {
        role_of(&members[2], 1) == Some(Role::Guest)
    })
    .await;
    // It comes back, and each of them hears of it in another order.
    set(&members[0], &all, &[]);
    set(&members[2], &all, &[]);
    set(&members[1], &all, &[]);
    for (at, others) in [(0, vec![3]), (1, vec![3]), (2, vec![1, 2])] {
        members[at].linked(&others).await;
    }
    let after: Vec<u64> = members
        .iter()
        .map(|m| m.handle.counters().connections)
        .collect();
    assert_eq!(before, after, "no connection was made anew");
    // The link of those who stayed never moved.
    assert!(members[0].events.links.try_recv().is_err());
    assert!(members[1].events.links.try_recv().is_err());
}

#[tokio::test]
async fn links_that_stay_lose_nothing_while_others_come_and_go() {
    let all = [1, 2, 3, 4];
    let mut members = start_committee(&all);
    all_linked(&mut members, &all).await;
    const FRAMES: u32 = 400;
    let mut expected = 0;
    for number in 0..FRAMES {
        let sent = members[0]
            .handle
            .send(node(2), number.to_be_bytes().to_vec().into());
        assert_eq!(sent, Ok(()), "frame {number}");
        if number % 40 == 0 {
            let committee: &[u8] = if number % 80 == 0 { &[1, 2] } else { &all };
            for member in &members {
                set(member, committee, &[]);
            }
        }
        // The sender runs ahead by as much as its queue holds.
        if number % 8 == 7 {
            for _ in 0..8 {
                let (from, bytes) = members[1].frame().await;
                assert_eq!(
                    (from, bytes),
                    (node(1), u32::to_be_bytes(expected).to_vec())
                );
                expected += 1;
            }
        }
    }
    let counters = members[1].handle.counters();
    assert_eq!(counters.frames_in, u64::from(FRAMES));
    assert_eq!(members[0].handle.counters().frames_dropped_unlinked, 0);
    while let Ok(link) = members[0].events.links.try_recv() {
        assert_ne!(link.node, node(2), "the link that stays was touched");
    }
}

#[tokio::test]
async fn a_node_becomes_a_neighbour_a_guest_and_a_member_on_one_connection() {
    let nodes = start_patient(&[1, 2]);
    let Ok(mut nodes) = <[Running; 2]>::try_from(nodes) else {
        unreachable!("two were started");
    };
    let ways = |nodes: &[Running; 2]| nodes.each_ref().map(|running| connections(running).len());
    let both = |nodes: &[Running; 2], views: [(&[u8], &[u8]); 2]| {
        for (running, (committee, neighbours)) in nodes.iter().zip(views) {
            set(running, committee, neighbours);
        }
    };
    let is = |nodes: &[Running; 2], role| {
        role_of(&nodes[0], 2) == Some(role) && role_of(&nodes[1], 1) == Some(role)
    };
    for round in 0..3 {
        let [one, two] = &mut nodes;
        link_carries((1, one), (2, two)).await;

        both(&nodes, [(&[1], &[2]), (&[2], &[1])]);
        until("neighbours", || is(&nodes, Role::Neighbour)).await;
        let sent = nodes[0].handle.send(node(2), frame(9));
        assert_eq!(sent, Err(SendError::NotConnected), "round {round}");
        for (from, to) in [(0, 1), (1, 0)] {
            // What comes before the other side has changed its view is lost.
            let tell = |nodes: &[Running; 2]| {
                let _ = nodes[from].handle.tell(node(to as u8 + 1), frame(round));
                !nodes[to].events.foreign.is_empty()
            };
            until("a frame", || tell(&nodes)).await;
            // What was told last in the round before may come only now.
            let expected = (node(from as u8 + 1), vec![round]);
            while nodes[to].told().await != expected {}
        }

        both(&nodes, [(&[1], &[]), (&[2], &[])]);
        until("guests", || is(&nodes, Role::Guest)).await;
        for (at, other) in [(0, 2), (1, 1)] {
            let handle = &nodes[at].handle;
            assert_eq!(
                handle.tell(node(other), frame(9)),
                Err(TellError::NotANeighbour)
            );
            assert_eq!(
                handle.send(node(other), frame(9)),
                Err(SendError::NotConnected)
            );
        }

        both(&nodes, [(&[1, 2], &[]), (&[1, 2], &[])]);
        until("members", || is(&nodes, Role::Member)).await;
        assert_eq!(ways(&nodes), [1, 1], "round {round}");
    }
    for running in &nodes {
        assert_eq!(running.handle.counters().connections, 1);
    }
}

#[tokio::test]
async fn what_was_queued_for_those_who_lost_their_place_never_arrives() {
    let mut one = start(neighbour(1, &[1], &[2]));
    let two = start(neighbour(2, &[2], &[1]));
    connect(&one, &two).await;
    let long = Bytes::from(vec![5; 64 * 1024]);
    let mut told = 0;
    while one.handle.tell(node(2), long.clone()) != Err(TellError::Full) {
        told += 1;
        assert!(told < 10_000, "the queue has no bound");
    }
    set(&one, &[1], &[]);
    until("the end of the courier", || {
        let counters = one.handle.counters();
        counters.sbac_frames_out + counters.sbac_frames_lost == told
    })
    .await;
    assert!(one.handle.counters().sbac_frames_lost > 0);
    // What the other one tells is refused now.
    assert_eq!(two.handle.tell(node(1), frame(1)), Ok(()));
    until("the refusal", || {
        two.handle.counters().sbac_frames_lost == 1
    })
    .await;
    assert!(one.events.foreign.try_recv().is_err());
}

#[tokio::test]
async fn a_node_that_gains_a_seat_is_dialed_where_it_said_that_it_listens() {
    let mut one = start(member(1, &[1]));
    let mut newcomer = start(Config {
        view: View::default(),
        ..member(2, &[])
    });
    // The newcomer dials, so that it is the other one who learns where it listens.
    connect(&newcomer, &one).await;
    assert_eq!(role_of(&one, 2), Some(Role::Guest));
    set(&one, &[1, 2], &[]);
    set(&newcomer, &[1, 2], &[]);
    one.linked(&[2]).await;
    newcomer.linked(&[1]).await;
    link_carries((1, &mut one), (2, &mut newcomer)).await;
}

#[tokio::test]
async fn a_node_without_a_seat_stays_connected_with_those_it_follows() {
    let mut member_one = start(member(1, &[1]));
    let follower = start(Config {
        bootnodes: vec![member_one.address()],
        ..neighbour(9, &[1], &[])
    });
    until("a connection", || {
        role_of(&follower, 1) == Some(Role::Member)
    })
    .await;
    assert_eq!(role_of(&member_one, 9), Some(Role::Guest));
    let sent = follower.handle.send(node(1), frame(1));
    assert_eq!(sent, Err(SendError::NotConnected));
    let told = follower.handle.tell(node(1), frame(1));
    assert_eq!(told, Err(TellError::NotANeighbour));
    // Nobody asked for what would be refused.
    assert_eq!(member_one.handle.counters().links_refused, 0);
    assert!(member_one.events.links.try_recv().is_err());
}

#[tokio::test]
async fn of_several_peers_in_the_name_of_a_node_the_newest_has_the_seat_that_it_gains() {
    let mut one = start(member(1, &[1]));
    let named = |seed: u8| Config {
        transport_seed: [seed; 32].into(),
        ..member(2, &[1, 2])
    };
    let old = start(named(70));
    connect(&old, &one).await;
    let mut new = start(named(71));
    connect(&new, &one).await;
    assert_eq!(connections(&one).len(), 2, "guests speak for themselves");
    set(&one, &[1, 2], &[]);
    one.linked(&[2]).await;
    new.linked(&[1]).await;
    until("the end of the old one", || connections(&one).len() == 1).await;
    assert_eq!(one.handle.send(node(2), frame(1)), Ok(()));
    assert_eq!(new.frame().await, (node(1), vec![1]));
}

#[tokio::test]
async fn views_that_make_no_sense_are_refused_and_change_nothing() {
    let one = start(neighbour(1, &[1, 2], &[3]));
    let refused = |committee: &[u8], neighbours: &[u8]| {
        let set = one.handle.set_view(view(committee, neighbours));
        set.expect_err("it makes no sense")
    };
    assert_eq!(
        refused(&[1, 2], &[2]),
        ViewError::NeighbourInCommittee(node(2))
    );
    assert_eq!(refused(&[2], &[1]), ViewError::OwnNeighbour(node(1)));
    let told = one.handle.tell(node(3), frame(1));
    assert_eq!(told, Err(TellError::NotConnected), "still a neighbour");
    let wallet = start(wallet(9));
    let set = wallet.handle.set_view(view(&[1], &[]));
    assert_eq!(set, Err(ViewError::NoNode));
    assert_eq!(wallet.handle.set_view(View::default()), Ok(()));
}
