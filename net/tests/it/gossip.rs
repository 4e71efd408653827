//! What one node says, all hear.

use std::collections::BTreeSet;

use bytes::Bytes;
use net::{Config, Gossip, PublishError, Topic};

use crate::support::{Running, all_linked, member, soon, start, start_committee, wallet};

impl Running {
    /// The next message of gossip.
    async fn gossip(&mut self) -> Gossip {
        let gossip = soon("gossip", self.events.gossip.recv()).await;
        gossip.expect("the network runs")
    }
}

/// Passes on what it hears, until it has heard something from everybody.
async fn hear_all(mut node: Running, said: BTreeSet<Bytes>) -> (Running, BTreeSet<Bytes>) {
    let mut heard = BTreeSet::new();
    while !said.is_subset(&heard) {
        let gossip = node.gossip().await;
        gossip.verdict.accept();
        assert_eq!(gossip.topic, Topic::Heads);
        assert!(
            heard.insert(gossip.bytes.clone()),
            "{:?} twice",
            gossip.bytes
        );
    }
    (node, heard)
}

#[tokio::test]
async fn what_one_node_says_all_others_hear_once() {
    let mut running = start_committee(&[1, 2, 3, 4]);
    all_linked(&mut running, &[1, 2, 3, 4]).await;
    let said: Vec<Bytes> = ["a", "b", "c", "d"].map(Bytes::from).to_vec();
    for (node, said) in running.iter().zip(&said) {
        let published = node.handle.publish(Topic::Heads, said.clone());
        assert_eq!(published, Ok(()));
    }
    let hearing = running.into_iter().enumerate().map(|(own, node)| {
        let others = said.iter().enumerate().filter(|(of, _)| *of != own);
        let others: BTreeSet<Bytes> = others.map(|(_, said)| said.clone()).collect();
        tokio::spawn(hear_all(node, others))
    });
    for (own, hearing) in hearing.collect::<Vec<_>>().into_iter().enumerate() {
        let (_node, heard) = hearing.await.expect("no panic");
        assert!(!heard.contains(&said[own]), "its own words");
    }
}

#[tokio::test]
async fn what_is_said_before_anybody_listens_is_heard_by_the_first_who_does() {
    let alone = start(member(1, &[1, 2]));
    let said = Bytes::from("hello");
    let published = alone.handle.publish(Topic::Evidence, said.clone());
    assert_eq!(published, Ok(()));
    let mut other = start(Config {
        bootnodes: vec![alone.address()],
        ..member(2, &[1, 2])
    });
    let gossip = other.gossip().await;
    assert_eq!((gossip.topic, gossip.bytes), (Topic::Evidence, said));
}

#[tokio::test]
async fn what_is_too_long_is_not_said() {
    let node = start(wallet(1));
    for topic in Topic::ALL {
        let limit = topic.bytes_max();
        let longest = node.handle.publish(topic, vec![0; limit].into());
        assert_eq!(longest, Ok(()));
        let longer = node.handle.publish(topic, vec![0; limit + 1].into());
        let found = limit + 1;
        assert_eq!(longer, Err(PublishError::TooLarge { limit, found }));
    }
}

#[tokio::test]
async fn the_longest_message_of_each_topic_arrives() {
    let mut running = start_committee(&[1, 2]);
    for topic in Topic::ALL {
        let longest = vec![1; topic.bytes_max()];
        let published = running[0].handle.publish(topic, longest.clone().into());
        assert_eq!(published, Ok(()));
        let gossip = running[1].gossip().await;
        assert_eq!((gossip.topic, gossip.bytes.to_vec()), (topic, longest));
    }
}
