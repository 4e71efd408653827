//! What everybody should hear soon: who is in which shard, how far each shard has come, who has lied.
//!
//! Gossip is a hint. It may be lost, late, or there twice, and whatever matters is also to be had by
//! asking. Nobody passes on what he has not checked: a message goes to the rest of the node with a
//! [`Verdict`], and leaves for others when it is accepted. Messages are not signed by who passes them
//! on; what is in them is signed by those whom it is about.

mod behaviour;
mod outbox;

use std::fmt;

use bytes::Bytes;
use libp2p::PeerId;
use libp2p::gossipsub::{IdentTopic, MessageAcceptance, MessageId, TopicHash};
use model::NetworkId;
use thiserror::Error;
use tokio::sync::mpsc;

use crate::protocol::digits;

pub(crate) use behaviour::{Behaviour, build};
pub(crate) use outbox::Outbox;

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// Changes in the ledger's directory of shards.
    Directory,
    /// How far the shards have come: certified heads.
    Heads,
    /// What proves that a node has lied.
    Evidence,
}

impl Topic {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Directory, Self::Heads, Self::Evidence];

    /// The longest message, in bytes.
    #[must_use]
    pub const fn bytes_max(self) -> usize {
        match self {
            Self::Directory => 64 * 1024,
            Self::Heads => 16 * 1024,
            Self::Evidence => 32 * 1024,
        }
    }

    /// Its name in a network.
    pub(crate) fn name(self, network: &NetworkId) -> IdentTopic {
        let word = match self {
            Self::Directory => "dir",
            Self::Heads => "ckpt",
            Self::Evidence => "evidence",
        };
        IdentTopic::new(format!("/cs/{}/{word}/1", digits(network)))
    }

    /// The topic with this name in a network.
    pub(crate) fn named(name: &TopicHash, network: &NetworkId) -> Option<Self> {
        let is_named = |topic: &Self| topic.name(network).hash() == *name;
        Self::ALL.into_iter().find(is_named)
    }
}

/// A message that somebody has passed on to us.
#[derive(Debug)]
pub struct Gossip {
    /// What it is about.
    pub topic: Topic,
    /// What it says. Nobody has checked it.
    pub bytes: Bytes,
    /// Takes what came of checking it.
    pub verdict: Verdict,
}

/// Takes what came of checking a message. Dropping it is [`Verdict::ignore`].
///
/// A message that is not judged within a few seconds is passed on no more.
pub struct Verdict {
    subject: Option<Subject>,
    outlet: mpsc::UnboundedSender<Judged>,
}

/// The message that a verdict is about.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) message: MessageId,
    /// Who passed it on to us.
    pub(crate) from: PeerId,
}

/// A message that has been judged.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) subject: Subject,
    pub(crate) acceptance: MessageAcceptance,
}

impl Verdict {
    /// The verdict on a message, to be said to `outlet`. What waits there has no bound of its own: it
    /// has that of the messages in the hands of the node.
    pub(crate) fn on(subject: Subject, outlet: mpsc::UnboundedSender<Judged>) -> Self {
        Self {
            subject: Some(subject),
            outlet,
        }
    }

    /// It is true and new: others should hear it.
    pub fn accept(self) {
        self.say(MessageAcceptance::Accept);
    }

    /// It is false, and whoever passed it on could have known.
    pub fn reject(self) {
        self.say(MessageAcceptance::Reject);
    }

    /// It is of no use, and nobody is to blame: it is old, or about something that we do not know.
    pub fn ignore(self) {
        self.say(MessageAcceptance::Ignore);
    }

    fn say(mut self, acceptance: MessageAcceptance) {
        self.deliver(acceptance);
    }

    fn deliver(&mut self, acceptance: MessageAcceptance) {
        if let Some(subject) = self.subject.take() {
            // Without a network there is nobody to tell.
            drop(self.outlet.send(Judged {
                subject,
                acceptance,
            }));
        }
    }
}

impl Drop for Verdict {
    fn drop(&mut self) {
        self.deliver(MessageAcceptance::Ignore);
    }
}

impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Verdict").field(&self.subject).finish()
    }
}

/// Why a message is not published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PublishError {
    /// It is longer than [`Topic::bytes_max`].
    #[error("a message of {found} bytes, where {limit} are allowed")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// The length, in bytes.
        found: usize,
    },
    /// The network has as much to do as it takes on.
    #[error("too much is to be done by the network")]
    Busy,
    /// The network has stopped.
    #[error("the network has stopped")]
    Stopped,
}
