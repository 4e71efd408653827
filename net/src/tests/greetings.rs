//! Greetings that are not in order, from those who dial and from those who are dialed.

use std::time::Duration;

use model::{NetworkId, encoding};

use super::attacker::{
    Attacker, Disguise, last_words, network, node, say, soon, still_works, victim, wait,
};
use crate::bounds::HELLO_BYTES_MAX;
use crate::codec::{FrameError, read_frame};
use crate::identity::{Hello, identify_agent};
use crate::protocol::Purpose;
use crate::rpc::Greeting;
use crate::{DialError, Limits};

fn hasty() -> Limits {
    Limits {
        hello_timeout: Duration::from_secs(2),
        ..Limits::on_one_machine()
    }
}

/// Says a greeting that is nearly in order, and shows that the node closes the connection.
async fn refused(what: &str, change: impl FnOnce(&Attacker, &mut Hello)) {
    let (handle, mut events) = victim(Limits::on_one_machine());
    let attacker = Attacker::dial(&handle).await;
    let mut hello = attacker.hello(Some(2));
    change(&attacker, &mut hello);
    let answer = attacker.greet(&encoding::encode(&hello)).await;
    assert!(
        matches!(answer, Err(FrameError::Ended | FrameError::Io(_))),
        "{what}: {answer:?}"
    );
    attacker.closed().await;
    assert_eq!(handle.counters().hellos_refused, 1, "{what}");
    assert!(handle.peers().is_empty(), "{what}");
    still_works(&handle, &mut events).await;
}

#[tokio::test]
async fn greetings_that_are_not_in_order_are_refused() {
    let other = NetworkId::from_bytes([8; 32]);
    refused("another network", |_, hello| hello.network = other).await;
    refused("an agent of two lines", |_, hello| {
        hello.agent = "a\nb".into()
    })
    .await;
    refused("another network's record", |attacker, hello| {
        hello.record = Some(attacker.record(2, |record| record.network = other));
    })
    .await;
    refused("a record of another peer", |attacker, hello| {
        hello.record = Some(attacker.record(2, |record| record.peer = vec![1].into()));
    })
    .await;
    refused("a record of another node", |attacker, hello| {
        hello.record = Some(attacker.record(2, |record| record.node = node(3)));
    })
    .await;
    refused("too many addresses", |attacker, hello| {
        let many = vec!["/ip4/127.0.0.1/tcp/1".into(); 5];
        hello.record = Some(attacker.record(2, |record| record.addresses = many));
    })
    .await;
    refused("the victim's own key", |attacker, hello| {
        hello.record = Some(attacker.record(1, |_| ()));
    })
    .await;
}

#[tokio::test]
async fn a_greeting_in_order_is_answered_with_a_greeting() {
    let (handle, _events) = victim(Limits::on_one_machine());
    let attacker = Attacker::dial(&handle).await;
    let hello = encoding::encode(&attacker.hello(Some(2)));
    let answer = attacker.greet(&hello).await.expect("an answer");
    let answer = Hello::decode(&answer).expect("a greeting");
    let victim = handle.listen_addresses()[0].clone();
    let (_, peer) = victim.split_once("/p2p/").expect("a peer");
    let peer: crate::PeerName = peer.parse().expect("a peer name");
    let record = answer.record.expect("a record").verify(&network(), &peer.0);
    let record = record.expect("a record that proves itself");
    assert_eq!(record.node, node(1));
    assert_eq!(
        vec![format!("{}/p2p/{peer}", record.addresses[0])],
        handle.listen_addresses()
    );
}

#[tokio::test]
async fn bytes_that_are_no_greeting_are_refused() {
    let junk: [&[u8]; 4] = [b"", b"\xff", &[0x83; 100], &[0; 9000]];
    for bytes in junk {
        let (handle, mut events) = victim(Limits::on_one_machine());
        let attacker = Attacker::dial(&handle).await;
        assert!(attacker.greet(bytes).await.is_err());
        attacker.closed().await;
        still_works(&handle, &mut events).await;
    }
}

#[tokio::test]
async fn a_second_greeting_changes_nothing() {
    let (handle, mut events) = victim(Limits::on_one_machine());
    let attacker = Attacker::greeted(&handle, None).await;
    let hello = encoding::encode(&attacker.hello(Some(2)));
    assert!(attacker.greet(&hello).await.is_err());
    assert_eq!(handle.peers().len(), 1);
    assert_eq!(handle.peers()[0].node, None);
    still_works(&handle, &mut events).await;
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_closed() {
    let (handle, mut events) = victim(hasty());
    let attacker = Attacker::dial(&handle).await;
    attacker.closed().await;
    still_works(&handle, &mut events).await;
}

#[tokio::test]
async fn a_peer_that_stops_within_its_greeting_is_closed() {
    let (handle, mut events) = victim(hasty());
    let attacker = Attacker::dial(&handle).await;
    let mut stream = attacker.open(Purpose::Hello).await;
    drop(futures::AsyncWriteExt::write_all(&mut stream, b"\0\0\0\xffhalf").await);
    drop(futures::AsyncWriteExt::flush(&mut stream).await);
    assert!(last_words(&mut stream).await.is_empty());
    attacker.closed().await;
    still_works(&handle, &mut events).await;
}

#[tokio::test]
async fn an_answer_that_is_no_greeting_ends_the_dial() {
    let (handle, mut events) = victim(Limits::on_one_machine());
    let waiting = wait(Disguise::default()).await;
    let dial = handle.dial(&waiting.address);
    let answer = async {
        let mut attacker = waiting.attacker.await.expect("a connection");
        let mut stream = attacker.inbound.recv().await.expect("a greeting").stream;
        let heard = read_frame(&mut stream, HELLO_BYTES_MAX).await;
        assert!(heard.is_ok(), "{heard:?}");
        say(&mut stream, b"what?").await;
        attacker
    };
    let (outcome, _attacker) = soon("the end", async { tokio::join!(dial, answer) }).await;
    let Err(DialError::Refused { reason, .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(reason.contains("malformed"), "{reason}");
    still_works(&handle, &mut events).await;
}

#[tokio::test]
async fn a_peer_that_hangs_up_on_a_greeting_has_refused() {
    let (handle, _events) = victim(Limits::on_one_machine());
    let waiting = wait(Disguise::default()).await;
    let dial = handle.dial(&waiting.address);
    let answer = async {
        let mut attacker = waiting.attacker.await.expect("a connection");
        drop(attacker.inbound.recv().await);
        attacker
    };
    let (outcome, _attacker) = soon("the end", async { tokio::join!(dial, answer) }).await;
    let expected = Err(DialError::Refused {
        address: waiting.address,
        reason: Greeting::Refused.to_string(),
    });
    assert_eq!(outcome, expected);
}

#[tokio::test]
async fn a_peer_that_never_answers_a_greeting_is_given_up() {
    let (handle, _events) = victim(hasty());
    let waiting = wait(Disguise::default()).await;
    let address = waiting.address.clone();
    let outcome = soon("the timeout", handle.dial(&waiting.address)).await;
    assert_eq!(outcome, Err(DialError::Timeout { address }));
    assert!(handle.peers().is_empty());
}

#[tokio::test]
async fn other_software_is_told_from_other_networks() {
    let theirs = NetworkId::from_bytes([8; 32]);
    for (agent, network_named) in [
        ("kubo/0.30".to_owned(), None),
        (identify_agent("x", &network()), None),
        (identify_agent("x", &theirs), Some(theirs)),
    ] {
        let (handle, _events) = victim(Limits::on_one_machine());
        let waiting = wait(Disguise {
            offers: false,
            agent,
            ..Disguise::default()
        })
        .await;
        let address = waiting.address.clone();
        let outcome = soon("the refusal", handle.dial(&waiting.address)).await;
        let expected = match network_named {
            Some(theirs) => DialError::WrongNetwork {
                ours: network(),
                theirs,
            },
            None => DialError::NotChainspace { address },
        };
        assert_eq!(outcome, Err(expected));
    }
}
