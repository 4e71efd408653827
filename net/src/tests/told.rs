//! What is told by those who are no neighbours, and what neighbours tell that is not in order.

use std::time::Duration;

use futures::AsyncWriteExt;
use libp2p::Stream;

use super::attacker::{Attacker, last_words, node, say, soon, victim};
use crate::bounds::{SBAC_FRAME_BYTES_MAX, SBAC_FRAMES_MAX, SBAC_REQUEST_BYTES_MAX};
use crate::protocol::Purpose;
use crate::{Events, Limits, Protocol};

const SBAC: Purpose = Purpose::Exchange(Protocol::Sbac);

/// Announces a request of some length.
async fn announce(stream: &mut Stream, length: usize) {
    let length = u32::try_from(length).expect("a length");
    drop(stream.write_all(&length.to_be_bytes()).await);
    drop(stream.flush().await);
}

/// Shows that a neighbour is heard: it tells two frames, and both arrive.
async fn is_heard(attacker: &Attacker, events: &mut Events) {
    let mut stream = attacker.open(SBAC).await;
    say(&mut stream, b"\0\0\0\x01a\0\0\0\x02bc").await;
    for expected in [&b"a"[..], b"bc"] {
        let frame = soon("a frame", events.foreign.recv()).await;
        let frame = frame.expect("the network runs");
        assert_eq!((frame.from, &frame.bytes[..]), (node(4), expected));
    }
    assert_eq!(last_words(&mut stream).await, [0; 4], "taken");
}

#[tokio::test]
async fn item_4_only_neighbours_tell_and_others_are_refused_before_a_byte_is_read() {
    let (handle, mut events) = victim(Limits::on_one_machine());
    // A wallet, a node of no shard that we know, and a member of our own shard.
    for (refused, who) in [None, Some(9), Some(2)].into_iter().enumerate() {
        let attacker = Attacker::greeted(&handle, who).await;
        let mut silent = attacker.open(SBAC).await;
        assert!(last_words(&mut silent).await.is_empty(), "{who:?}");
        let mut stream = attacker.open(SBAC).await;
        say(&mut stream, b"\0\0\0\x01a").await;
        assert!(last_words(&mut stream).await.is_empty(), "{who:?}");
        let counted = handle.counters().sbac_requests_refused;
        assert_eq!(counted, 2 * (refused as u64 + 1), "{who:?}");
    }
    let attacker = Attacker::greeted(&handle, Some(4)).await;
    is_heard(&attacker, &mut events).await;
    let counters = handle.counters();
    assert_eq!((counters.sbac_requests_in, counters.sbac_frames_in), (1, 2));
    assert_eq!(counters.sbac_requests_refused, 6);
    assert!(events.foreign.try_recv().is_err());
}

#[tokio::test]
async fn a_body_that_is_no_batch_is_refused_whole_and_counted() {
    let (handle, mut events) = victim(Limits::on_one_machine());
    let attacker = Attacker::greeted(&handle, Some(4)).await;
    let too_long = u32::try_from(SBAC_FRAME_BYTES_MAX + 1).expect("a length");
    let bodies = [
        Vec::new(),
        b"\0\0".to_vec(),
        b"\0\0\0\x01a\0\0\0\x02b".to_vec(),
        [&too_long.to_be_bytes()[..], &[0; SBAC_FRAME_BYTES_MAX + 1]].concat(),
        vec![0; 4 * (SBAC_FRAMES_MAX + 1)],
    ];
    for (number, body) in bodies.iter().enumerate() {
        let mut stream = attacker.open(SBAC).await;
        say(&mut stream, body).await;
        assert!(last_words(&mut stream).await.is_empty(), "body {number}");
        let counted = handle.counters().sbac_bodies_bad;
        assert_eq!(counted, number as u64 + 1, "body {number}");
        assert!(events.foreign.try_recv().is_err(), "body {number}");
    }
    is_heard(&attacker, &mut events).await;
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused_before_it_is_read() {
    let (handle, mut events) = victim(Limits::on_one_machine());
    let attacker = Attacker::greeted(&handle, Some(4)).await;
    let mut stream = attacker.open(SBAC).await;
    announce(&mut stream, SBAC_REQUEST_BYTES_MAX + 1).await;
    assert!(last_words(&mut stream).await.is_empty());
    assert_eq!(handle.counters().oversize, 1);
    is_heard(&attacker, &mut events).await;
}

#[tokio::test]
async fn a_body_that_does_not_come_gives_its_room_back() {
    let (handle, mut events) = victim(Limits {
        request_timeout: Duration::from_secs(2),
        // Room for one request.
        inbound_tell_bytes: 0,
        ..Limits::on_one_machine()
    });
    let attacker = Attacker::greeted(&handle, Some(4)).await;
    let mut stream = attacker.open(SBAC).await;
    announce(&mut stream, SBAC_REQUEST_BYTES_MAX).await;
    assert!(last_words(&mut stream).await.is_empty());
    let mut stream = attacker.open(SBAC).await;
    let longest = vec![7; SBAC_FRAME_BYTES_MAX];
    let length = u32::try_from(longest.len()).expect("a length");
    say(&mut stream, &[&length.to_be_bytes()[..], &longest].concat()).await;
    let frame = soon("a frame", events.foreign.recv()).await;
    assert!(frame.expect("the network runs").bytes == longest);
}

#[tokio::test]
async fn a_neighbour_that_asks_too_often_at_once_is_refused() {
    let (handle, mut events) = victim(Limits::on_one_machine());
    let attacker = Attacker::greeted(&handle, Some(4)).await;
    // Twice as many as the peer should have in flight, see `Connection::answering`. They are not
    // over, because nothing is said on them.
    let _open = [attacker.open(SBAC).await, attacker.open(SBAC).await];
    let mut beyond = attacker.open(SBAC).await;
    assert!(last_words(&mut beyond).await.is_empty());
    assert_eq!(handle.counters().requests_refused_full, 1);
    drop(_open);
    // Another neighbour has room of its own.
    let other = Attacker::greeted(&handle, Some(5)).await;
    let mut stream = other.open(SBAC).await;
    say(&mut stream, b"\0\0\0\x01a").await;
    assert_eq!(last_words(&mut stream).await, [0; 4]);
    let frame = soon("a frame", events.foreign.recv()).await;
    assert_eq!(frame.map(|frame| frame.from), Some(node(5)));
}
