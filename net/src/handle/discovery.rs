//! What a node wants of the directory and of gossip.

use std::collections::BTreeSet;

use bytes::Bytes;
use model::ShardId;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

use super::{Command, Handle, Remote};
use crate::gossip::{PublishError, Topic};

/// What the network task is asked to do.
#[derive(Debug)]
pub(crate) enum Wish {
    /// Say that this node serves these shards, and no others.
    Provide(BTreeSet<ShardId>),
    /// Know that the network has these shards.
    KnowShards(BTreeSet<ShardId>),
    /// Search for those who serve a shard.
    Survey {
        shard: ShardId,
        outcome: oneshot::Sender<Vec<Remote>>,
    },
    /// Say something to everybody.
    Publish { topic: Topic, bytes: Bytes },
}

impl Handle {
    /// Says to everybody who looks for them that this node serves these shards, and no others.
    ///
    /// What it said before is believed by some for up to a day.
    pub async fn provide(&self, shards: BTreeSet<ShardId>) {
        // A network that has stopped serves nothing.
        drop(self.wish(Wish::Provide(shards)).await);
    }

    /// Says which shards the ledger has. Until that is said, peers that serve anything at all are
    /// remembered for others, with a bound; after that, only those who serve one of these.
    pub async fn know_shards(&self, shards: BTreeSet<ShardId>) {
        // A network that has stopped keeps nothing for anybody.
        drop(self.wish(Wish::KnowShards(shards)).await);
    }

    /// Searches for peers that say they serve a shard, and connects with them.
    ///
    /// Returns those that answered, by the names at which they can be asked. Nobody vouches for what
    /// they say. Empty if nobody is found, if too many searches are under way, or if the network has
    /// stopped; and for wallets, which have no part in the directory.
    pub async fn providers(&self, shard: ShardId) -> Vec<Remote> {
        let (outcome, answer) = oneshot::channel();
        drop(self.wish(Wish::Survey { shard, outcome }).await);
        answer.await.unwrap_or_default()
    }

    /// Says something to everybody. Never waits.
    ///
    /// What nobody hears is said again for a minute. That it was said does not mean that everybody
    /// hears it.
    ///
    /// # Errors
    ///
    /// Every [`PublishError`].
    pub fn publish(&self, topic: Topic, bytes: Bytes) -> Result<(), PublishError> {
        let (limit, found) = (topic.bytes_max(), bytes.len());
        if found > limit {
            return Err(PublishError::TooLarge { limit, found });
        }
        let wish = Wish::Publish { topic, bytes };
        let sent = self.commands.try_send(Command::Discover(wish));
        sent.map_err(|error| match error {
            TrySendError::Full(_) => PublishError::Busy,
            TrySendError::Closed(_) => PublishError::Stopped,
        })
    }

    /// How many peers hear what this node says to everybody, and pass on to it what others say. Up to
    /// date within a second.
    #[must_use]
    pub fn audience(&self) -> usize {
        self.peers.audience()
    }

    async fn wish(&self, wish: Wish) -> Result<(), Stopped> {
        let sent = self.commands.send(Command::Discover(wish)).await;
        sent.map_err(|_| Stopped)
    }
}

/// The network has stopped.
struct Stopped;
