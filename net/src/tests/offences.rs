//! What comes of what peers do: guests lose their connection and then their welcome, and those who have a
//! place keep it.

use futures::AsyncWriteExt;
use libp2p::Stream;

use super::attacker::{Attacker, Disguise, last_words, node, say, soon, still_works, victim};
use crate::bounds::API_REQUEST_BYTES_MAX;
use crate::protocol::Purpose;
use crate::{Handle, Limits, Offence, PeerName, Protocol, Rate, Role, View};

const API: Purpose = Purpose::Exchange(Protocol::Api);
const SBAC: Purpose = Purpose::Exchange(Protocol::Sbac);

/// Asks for more than there can be.
async fn oversize(attacker: &Attacker) {
    let mut stream = attacker.open(API).await;
    let length = u32::try_from(API_REQUEST_BYTES_MAX + 1).expect("a length");
    drop(stream.write_all(&length.to_be_bytes()).await);
    drop(stream.flush().await);
    assert!(last_words(&mut stream).await.is_empty());
}

/// Waits until something is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let event = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    soon(what, event).await;
}

/// Comes as somebody who is banned, and is not let in.
async fn is_not_let_in(handle: &Handle, disguise: &Disguise) {
    let refused = handle.counters().connections_refused;
    let attacker = Attacker::dial_as(handle, disguise).await;
    attacker.closed().await;
    until("the refusal", || {
        handle.counters().connections_refused > refused
    })
    .await;
}

#[tokio::test]
async fn a_guest_that_does_it_again_and_again_is_banned_and_nobody_else_is() {
    let (handle, mut events) = victim(Limits::on_one_machine());
    let disguise = Disguise::default();
    for times in 1..=3 {
        let attacker = Attacker::greeted_as(&handle, None, &disguise).await;
        oversize(&attacker).await;
        attacker.closed().await;
        assert_eq!(handle.counters().offences, times);
    }
    let counters = handle.counters();
    assert_eq!((counters.peers_disconnected, counters.peers_banned), (2, 1));
    is_not_let_in(&handle, &disguise).await;
    still_works(&handle, &mut events).await;
}

#[tokio::test]
async fn members_and_neighbours_are_never_let_go_for_what_they_do() {
    let (handle, mut events) = victim(Limits::on_one_machine());
    let member = Attacker::greeted(&handle, Some(2)).await;
    let neighbour = Attacker::greeted(&handle, Some(4)).await;
    for _ in 0..10 {
        oversize(&member).await;
        let mut stream = neighbour.open(SBAC).await;
        say(&mut stream, b"no batch").await;
        assert!(last_words(&mut stream).await.is_empty());
    }
    until("the count", || handle.counters().offences == 20).await;
    let counters = handle.counters();
    assert_eq!((counters.peers_disconnected, counters.peers_banned), (0, 0));
    assert_eq!(handle.peers().len(), 2);
    still_works(&handle, &mut events).await;
}

#[tokio::test]
async fn what_others_report_counts_and_a_place_in_the_view_is_a_pardon() {
    let (handle, mut events) = victim(Limits::on_one_machine());
    let disguise = Disguise::default();
    let _other = Attacker::greeted(&handle, Some(8)).await;
    let attacker = Attacker::greeted_as(&handle, Some(9), &disguise).await;
    handle.report(PeerName(attacker.peer), Offence::Forged);
    attacker.closed().await;
    assert_eq!(handle.counters().peers_banned, 1);
    is_not_let_in(&handle, &disguise).await;
    let nodes = |numbers: &[u8]| numbers.iter().copied().map(node).collect();
    let view = View {
        committee: nodes(&[1, 2, 3, 8, 9]),
        neighbours: nodes(&[4, 5]),
    };
    assert_eq!(handle.set_view(view), Ok(()));
    // Whether the view has been taken shows on one who was there all the time.
    let role = |role| {
        handle
            .peers()
            .iter()
            .any(|peer| peer.node == Some(node(8)) && peer.role == role)
    };
    until("the view", || role(Role::Member)).await;
    let attacker = Attacker::greeted_as(&handle, Some(9), &disguise).await;
    handle.report(PeerName(attacker.peer), Offence::Forged);
    until("the count", || handle.counters().offences == 2).await;
    assert_eq!(handle.counters().peers_banned, 1);
    assert_eq!(handle.peers().len(), 2);
    still_works(&handle, &mut events).await;
}

#[tokio::test]
async fn a_guest_that_asks_too_often_is_told_to_wait_then_not_told_and_then_let_go() {
    let (handle, mut events) = victim(Limits {
        exempt_loopback: false,
        per_ip_per_minute: 1_000,
        api_rate: Rate::new(1, 2),
        refusals_rate: Rate::new(1, 2),
        ..Limits::on_one_machine()
    });
    let attacker = Attacker::greeted(&handle, None).await;
    let asks = async || -> Stream {
        let mut stream = attacker.open(API).await;
        say(&mut stream, b"?").await;
        stream
    };
    // A busy machine may fill a bucket again in between, so each step takes as often as it takes.
    let mut stream = asks().await;
    let first = soon("a request", events.requests.recv()).await;
    let first = first.expect("the network runs");
    assert_eq!(first.over_quota, None);
    assert_eq!(first.reply.send(vec![1]), Ok(()));
    assert_eq!(last_words(&mut stream).await, [0, 0, 0, 1, 1]);
    let told = loop {
        let _stream = asks().await;
        let request = soon("a request", events.requests.recv()).await;
        let request = request.expect("the network runs");
        if let Some(time) = request.over_quota {
            break time;
        }
    };
    assert!(told > std::time::Duration::ZERO);
    // Nobody answers any more, so each stream ends by itself or is held.
    let mut held = Vec::new();
    while handle.counters().peers_disconnected == 0 {
        let Some(mut stream) = attacker.try_open(API).await else {
            break;
        };
        say(&mut stream, b"?").await;
        held.push(stream);
        assert!(held.len() < 10_000, "it is never let go");
    }
    attacker.closed().await;
    assert_eq!(handle.counters().peers_disconnected, 1);
    assert!(handle.counters().requests_over_quota > 2);
}

#[tokio::test]
async fn a_member_that_asks_too_often_is_slowed_down_and_answered() {
    let (handle, mut events) = victim(Limits {
        exempt_loopback: false,
        api_rate: Rate::new(100, 1),
        ..Limits::on_one_machine()
    });
    let member = Attacker::greeted(&handle, Some(2)).await;
    let mut streams = Vec::new();
    for number in 0..20 {
        let mut stream = member.open(API).await;
        say(&mut stream, &[number]).await;
        streams.push(stream);
    }
    for _ in 0..20 {
        let request = soon("a request", events.requests.recv()).await;
        let request = request.expect("the network runs");
        assert_eq!(request.over_quota, None);
        assert_eq!(request.reply.send(vec![7]), Ok(()));
    }
    for stream in &mut streams {
        assert_eq!(last_words(stream).await, [0, 0, 0, 1, 7]);
    }
    assert_eq!(handle.counters().offences, 0);
}
