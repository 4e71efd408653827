//! What one node says, all hear.

use std::collections::BTreeSet;

use bytes::Bytes;
use net::{Config, Gossip, PublishError, Topic};

use crate::support::{Running, member, soon, start, start_committee, wallet};

impl Running {
    /// The next message of gossip.
    async fn gossip(&mut self) -> Gossip {
        let gossip = soon("gossip", self.events.gossip.recv()).await;
        gossip.expect("the network runs")
    }
}

#[tokio::test]
async fn what_one_node_says_all_others_hear_once() {
    let mut running = start_committee(&[1, 2, 3, 4]);
    let said: Vec<Bytes> = ["a", "b", "c", "d"].map(Bytes::from).to_vec();
    for (node, said) in running.iter().zip(&said) {
        let published = node.handle.publish(Topic::Heads, said.clone());
        assert_eq!(published, Ok(()));
    }
    for (own, node) in running.iter_mut().enumerate() {
        let mut heard = BTreeSet::new();
        while heard.len() < said.len() - 1 {
            let Gossip {
                topic,
                bytes,
                verdict,
            } = node.gossip().await;
            verdict.accept();
            assert_eq!(topic, Topic::Heads);
            assert!(heard.insert(bytes.clone()), "{bytes:?} twice");
        }
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
