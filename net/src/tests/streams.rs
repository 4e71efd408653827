//! What is said on links and in exchanges by those who may not, or not like that.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use futures::AsyncWriteExt;
use model::encoding;

use super::attacker::{
    Attacker, Disguise, GUARD, last_words, member, node, say, soon, still_works, victim, wait,
};
use crate::bounds::{API_REQUEST_BYTES_MAX, EARLY_STREAMS_MAX, FRAME_BYTES_MAX};
use crate::codec::read_frame;
use crate::protocol::Purpose;
use crate::{Config, Events, Limits, Protocol};

const API: Purpose = Purpose::Exchange(Protocol::Api);
const SYNC: Purpose = Purpose::Exchange(Protocol::Sync);
const SBAC: Purpose = Purpose::Exchange(Protocol::Sbac);

/// A generator whose seed is all there is to know about it.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Bytes of any length below the limit; every other time they begin like a short frame.
    fn bytes(&mut self, limit: u64) -> Vec<u8> {
        let length = self.next() % limit;
        let mut bytes: Vec<u8> = (0..length).map(|_| self.next() as u8).collect();
        if self.next().is_multiple_of(2) && bytes.len() > 4 {
            bytes[..3].fill(0);
        }
        bytes
    }
}

/// Waits for the next change of a link.
async fn link(events: &mut Events) -> (model::NodeId, bool) {
    let link = soon("a change of a link", events.links.recv()).await;
    let link = link.expect("the network runs");
    (link.node, link.up)
}

/// Opens a link as a member that has said hello, and waits until it is accepted.
async fn linked(attacker: &Attacker) -> libp2p::Stream {
    let mut stream = attacker.open(Purpose::Bft).await;
    let accepted = soon("acceptance", read_frame(&mut stream, 0)).await;
    assert!(accepted.is_ok(), "{accepted:?}");
    stream
}

#[tokio::test]
async fn nothing_is_read_from_a_peer_that_has_not_said_hello() {
    let (handle, mut events) = victim(Limits {
        hello_timeout: Duration::from_secs(3),
        ..Limits::on_one_machine()
    });
    let attacker = Attacker::dial(&handle).await;
    let mut streams = Vec::new();
    for purpose in [Purpose::Bft, API, SYNC, SBAC] {
        let mut stream = attacker.open(purpose).await;
        say(&mut stream, b"let me in").await;
        streams.push(stream);
    }
    for mut stream in streams {
        assert!(last_words(&mut stream).await.is_empty());
    }
    attacker.closed().await;
    let counters = handle.counters();
    assert_eq!((counters.frames_in, counters.requests_in), (0, 0));
    assert_eq!(counters.sbac_requests_in, 0);
    assert!(events.requests.try_recv().is_err());
    assert!(events.foreign.try_recv().is_err());
    assert!(events.frames.try_recv().is_err());
    still_works(&handle, &mut events).await;
}

#[tokio::test]
async fn requests_that_come_before_the_greeting_are_few() {
    let (handle, mut events) = victim(Limits::on_one_machine());
    let attacker = Attacker::dial(&handle).await;
    let mut waiting = Vec::new();
    for _ in 0..EARLY_STREAMS_MAX {
        waiting.push(attacker.open(API).await);
    }
    let mut beyond = attacker.open(API).await;
    assert!(last_words(&mut beyond).await.is_empty());
    assert_eq!(handle.counters().requests_refused_full, 1);
    // After it there are as many as anybody may have, and those that waited are heard.
    let hello = encoding::encode(&attacker.hello(None));
    assert!(attacker.greet(&hello).await.is_ok());
    waiting.push(attacker.open(API).await);
    for stream in &mut waiting {
        say(stream, b"a question").await;
        let request = soon("a request", events.requests.recv()).await;
        assert_eq!(request.expect("the network runs").body, b"a question");
    }
    still_works(&handle, &mut events).await;
}

#[tokio::test]
async fn a_link_is_refused_to_everybody_but_members_before_a_byte_is_read() {
    let (handle, mut events) = victim(Limits::on_one_machine());
    for not_a_member in [None, Some(9)] {
        let attacker = Attacker::greeted(&handle, not_a_member).await;
        let mut stream = attacker.open(Purpose::Bft).await;
        say(&mut stream, b"a vote").await;
        assert!(last_words(&mut stream).await.is_empty());
        // It may still ask.
        let mut stream = attacker.open(API).await;
        say(&mut stream, b"a question").await;
        let request = soon("a request", events.requests.recv()).await;
        let request = request.expect("the network runs");
        assert_eq!(request.from.node, not_a_member.map(node));
        assert_eq!(request.reply.send(b"an answer".to_vec()), Ok(()));
        assert_eq!(last_words(&mut stream).await, b"\0\0\0\x09an answer");
    }
    assert_eq!(handle.counters().links_refused, 2);
    assert_eq!(handle.counters().frames_in, 0);
    assert!(events.frames.try_recv().is_err());
    assert!(events.links.try_recv().is_err());
}

#[tokio::test]
async fn only_whoever_dialed_opens_a_link() {
    let (handle, mut events) = victim(Limits::on_one_machine());
    let waiting = wait(Disguise::default()).await;
    let dial = handle.dial(&waiting.address);
    let answer = async {
        let mut attacker = waiting.attacker.await.expect("a connection");
        let mut hello = attacker.inbound.recv().await.expect("a greeting").stream;
        // As member 3, so that the victim opens a link of its own as well.
        let ours = attacker.hello(Some(3));
        say(&mut hello, &encoding::encode(&ours)).await;
        let theirs = attacker.inbound.recv().await.expect("a link");
        assert_eq!(theirs.purpose, Purpose::Bft);
        let mut stream = attacker.open(Purpose::Bft).await;
        say(&mut stream, b"a vote").await;
        assert!(last_words(&mut stream).await.is_empty());
        (attacker, theirs)
    };
    let (remote, _attacker) = soon("the refusal", async { tokio::join!(dial, answer) }).await;
    assert_eq!(remote.map(|remote| remote.node), Ok(Some(node(3))));
    assert_eq!(handle.counters().links_refused, 1);
    assert!(events.frames.try_recv().is_err());
}

#[tokio::test]
async fn a_frame_that_is_too_long_ends_the_link_of_the_member_that_sent_it() {
    let (handle, mut events) = victim(Limits::on_one_machine());
    let honest = Config {
        bootnodes: handle.listen_addresses(),
        ..member(3, Limits::on_one_machine())
    };
    let (honest, mut honest_events) = crate::spawn(honest).expect("the network starts");
    assert_eq!(link(&mut events).await, (node(3), true));
    assert_eq!(link(&mut honest_events).await, (node(1), true));

    let attacker = Attacker::greeted(&handle, Some(2)).await;
    let mut stream = linked(&attacker).await;
    assert_eq!(link(&mut events).await, (node(2), true));
    say(&mut stream, b"fine").await;
    let frame = soon("a frame", events.frames.recv()).await;
    let frame = frame.expect("the network runs");
    assert_eq!((frame.from, &frame.bytes[..]), (node(2), &b"fine"[..]));

    let length = u32::try_from(FRAME_BYTES_MAX + 1).expect("a length");
    drop(stream.write_all(&length.to_be_bytes()).await);
    drop(stream.flush().await);
    assert!(last_words(&mut stream).await.is_empty());
    assert_eq!(link(&mut events).await, (node(2), false));
    attacker.closed().await;
    assert_eq!(handle.counters().oversize, 1);

    // The honest member has noticed nothing.
    assert_eq!(honest.send(node(1), vec![1].into()), Ok(()));
    let frame = soon("a frame", events.frames.recv()).await;
    assert_eq!(frame.map(|frame| frame.from), Some(node(3)));
    assert!(honest_events.links.try_recv().is_err());
}

#[tokio::test]
async fn a_member_gets_one_link_from_one_connection() {
    let (handle, mut events) = victim(Limits::on_one_machine());
    let attacker = Attacker::greeted(&handle, Some(2)).await;
    let mut first = linked(&attacker).await;
    assert_eq!(link(&mut events).await, (node(2), true));
    let mut second = attacker.open(Purpose::Bft).await;
    say(&mut second, b"twice").await;
    assert!(last_words(&mut second).await.is_empty());
    say(&mut first, b"once").await;
    let frame = soon("a frame", events.frames.recv()).await;
    assert_eq!(frame.expect("the network runs").bytes, &b"once"[..]);
    assert!(events.links.try_recv().is_err());
}

#[tokio::test]
async fn a_request_that_is_too_long_is_not_read() {
    let (handle, mut events) = victim(Limits::on_one_machine());
    let attacker = Attacker::greeted(&handle, None).await;
    let mut stream = attacker.open(API).await;
    let length = u32::try_from(API_REQUEST_BYTES_MAX + 1).expect("a length");
    drop(stream.write_all(&length.to_be_bytes()).await);
    drop(stream.flush().await);
    assert!(last_words(&mut stream).await.is_empty());
    assert_eq!(handle.counters().oversize, 1);
    // No guest does that.
    attacker.closed().await;
    assert_eq!(handle.counters().peers_disconnected, 1);
    still_works(&handle, &mut events).await;
}

#[tokio::test]
async fn more_than_a_request_ends_the_exchange() {
    let (handle, mut events) = victim(Limits::on_one_machine());
    let attacker = Attacker::greeted(&handle, None).await;
    let mut stream = attacker.open(API).await;
    say(&mut stream, b"one").await;
    let request = soon("a request", events.requests.recv()).await;
    let mut request = request.expect("the network runs");
    say(&mut stream, b"two").await;
    soon("the end of interest", request.reply.gone()).await;
    assert!(last_words(&mut stream).await.is_empty());
    still_works(&handle, &mut events).await;
}

#[tokio::test]
async fn a_request_that_does_not_come_gives_its_place_back() {
    let (handle, mut events) = victim(Limits {
        request_timeout: Duration::from_secs(1),
        ..Limits::on_one_machine()
    });
    let attacker = Attacker::greeted(&handle, None).await;
    let mut stream = attacker.open(API).await;
    drop(stream.write_all(b"\0\0\x01\0half").await);
    drop(stream.flush().await);
    assert!(last_words(&mut stream).await.is_empty());
    still_works(&handle, &mut events).await;
}

#[tokio::test]
async fn streams_beyond_the_limit_of_a_connection_are_closed_at_once() {
    let limits = Limits {
        api_in_flight: 2,
        ..Limits::on_one_machine()
    };
    let (handle, mut events) = victim(limits);
    let attacker = Attacker::greeted(&handle, None).await;
    // Twice as many as the peer should have in flight, see `Connection::answering`.
    let mut streams = Vec::new();
    for number in 0..4 {
        let mut stream = attacker.open(API).await;
        say(&mut stream, &[number]).await;
        streams.push(stream);
    }
    let mut requests = Vec::new();
    for _ in 0..4 {
        requests.push(soon("a request", events.requests.recv()).await);
    }
    let mut beyond = attacker.open(API).await;
    say(&mut beyond, &[4]).await;
    assert!(last_words(&mut beyond).await.is_empty());
    assert_eq!(handle.counters().requests_refused_full, 1);
    still_works(&handle, &mut events).await;
}

#[tokio::test]
async fn garbage_on_any_stream_is_survived() {
    let (handle, mut events) = victim(Limits {
        request_timeout: Duration::from_secs(1),
        serve_timeout: Duration::from_secs(1),
        ..Limits::on_one_machine()
    });
    for seed in 0..40 {
        let mut random = Random(seed);
        let purpose = [Purpose::Hello, Purpose::Bft, API, SYNC, SBAC][random.next() as usize % 5];
        let attacker = match purpose {
            Purpose::Hello => Attacker::dial(&handle).await,
            Purpose::Bft => Attacker::greeted(&handle, Some(2)).await,
            Purpose::Exchange(Protocol::Sbac) => Attacker::greeted(&handle, Some(4)).await,
            Purpose::Exchange(_) => Attacker::greeted(&handle, None).await,
        };
        let mut stream = attacker.open(purpose).await;
        let garbage = random.bytes(20_000);
        drop(soon("room for it", stream.write_all(&garbage)).await);
        drop(soon("room for its end", stream.close()).await);
        last_words(&mut stream).await;
        assert!(!events.frames.is_closed(), "seed {seed}");
        while events.frames.try_recv().is_ok() {}
        while events.foreign.try_recv().is_ok() {}
        while events.requests.try_recv().is_ok() {}
    }
    still_works(&handle, &mut events).await;
}

#[tokio::test]
async fn garbage_on_the_socket_is_survived() {
    let (handle, mut events) = victim(Limits {
        connection_timeout: Duration::from_secs(1),
        ..Limits::on_one_machine()
    });
    let address = handle.listen_addresses().remove(0);
    let port = address.split('/').nth(4).expect("a port").to_owned();
    for seed in 0..40 {
        let mut random = Random(seed);
        let mut socket = TcpStream::connect(format!("127.0.0.1:{port}")).expect("it listens");
        let guarded = socket.set_read_timeout(Some(GUARD));
        guarded.expect("a time to wait");
        let mut bytes = random.bytes(2_000);
        if random.next().is_multiple_of(2) {
            // Past the first step of the handshake.
            bytes.splice(0..0, *b"\x13/multistream/1.0.0\n\x07/noise\n");
        }
        // The node may close before it has read everything.
        drop(socket.write_all(&bytes));
        drop(socket.shutdown(std::net::Shutdown::Write));
        let end = socket.read_to_end(&mut Vec::new());
        let end = end.map_err(|error| error.kind());
        // A reset is an end as well.
        assert!(
            !matches!(end, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)),
            "seed {seed}: {end:?}"
        );
    }
    still_works(&handle, &mut events).await;
}

#[tokio::test]
async fn a_member_that_floods_fills_its_own_budget_and_nobody_elses() {
    let (handle, mut events) = victim(Limits::on_one_machine());
    let honest = Config {
        bootnodes: handle.listen_addresses(),
        ..member(3, Limits::on_one_machine())
    };
    let (honest, mut honest_events) = crate::spawn(honest).expect("the network starts");
    assert_eq!(link(&mut events).await, (node(3), true));
    assert_eq!(link(&mut honest_events).await, (node(1), true));
    let attacker = Attacker::greeted(&handle, Some(2)).await;
    let mut stream = linked(&attacker).await;
    assert_eq!(link(&mut events).await, (node(2), true));

    // Nobody takes frames while the attacker writes for as long as the node reads.
    let flood = tokio::spawn(async move {
        let mut frame = (64 * 1024_u32).to_be_bytes().to_vec();
        frame.resize(4 + 64 * 1024, 1);
        while stream.write_all(&frame).await.is_ok() {}
    });
    for number in 0..100_u8 {
        assert_eq!(honest.send(node(1), vec![number].into()), Ok(()));
    }
    // The honest frames come through, between at most a budget's worth of the others.
    let mut flooded = 0;
    let mut held = Vec::new();
    let mut expected = 0..100_u8;
    while !expected.is_empty() {
        let frame = soon("a frame", events.frames.recv()).await;
        let frame = frame.expect("the network runs");
        if frame.from == node(3) {
            assert_eq!(Some(frame.bytes[0]), expected.next());
        } else {
            flooded += frame.bytes.len();
            held.push(frame);
        }
    }
    assert!(flooded <= Limits::on_one_machine().inbound_link_bytes);
    flood.abort();
}
