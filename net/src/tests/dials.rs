//! Dials of a peer that is here already and has not said hello: whoever dials waits for that, and for no more.

use std::pin::pin;

use futures::FutureExt as _;
use libp2p::identity::Keypair;
use model::encoding;

use super::attacker::{Attacker, Disguise, member, node, soon, victim};
use crate::{Handle, Limits};

/// Waits until a node has so many connections.
async fn connections(handle: &Handle, count: u64) {
    let event = async {
        while handle.counters().connections < count {
            tokio::task::yield_now().await;
        }
    };
    soon("the connections", event).await;
}

fn disguise(keypair: &Keypair) -> Disguise {
    Disguise {
        keypair: keypair.clone(),
        ..Disguise::default()
    }
}

#[tokio::test]
async fn of_two_connections_the_one_that_says_hello_is_taken() {
    let keypair = Keypair::generate_ed25519();
    let (handle, _events) = victim(Limits::on_one_machine());
    let _silent = Attacker::dial_as(&handle, &disguise(&keypair)).await;
    connections(&handle, 1).await;
    let other = Attacker::dial_as(&handle, &disguise(&keypair)).await;
    connections(&handle, 2).await;
    // Nobody listens there.
    let there = format!("/ip4/127.0.0.1/tcp/1/p2p/{}", other.peer);
    let mut dial = pin!(handle.dial(&there));
    assert!(dial.as_mut().now_or_never().is_none());
    let hello = encoding::encode(&other.hello(None));
    other.greet(&hello).await.expect("it is answered");
    let remote = soon("the hello", dial).await.expect("it has said hello");
    assert_eq!(remote.peer.to_string(), other.peer.to_string());
}

#[tokio::test]
async fn whoever_goes_without_a_hello_is_dialed_after_all() {
    let (listener, _heard) =
        crate::spawn(member(2, Limits::on_one_machine())).expect("the network starts");
    let keypair = Keypair::ed25519_from_bytes([2; 32]).expect("the key of member 2");
    let (handle, _events) = victim(Limits::on_one_machine());
    let silent = Attacker::dial_as(&handle, &disguise(&keypair)).await;
    connections(&handle, 1).await;
    let there = listener.listen_addresses().remove(0);
    let mut dial = pin!(handle.dial(&there));
    assert!(dial.as_mut().now_or_never().is_none());
    drop(silent);
    let remote = soon("the hello", dial).await.expect("it is dialed");
    assert_eq!(remote.node, Some(node(2)));
}
