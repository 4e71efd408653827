//! What happens on a network: frames, requests and links, as the rest of a node receives them.

use std::time::Duration;

use bytes::Bytes;
use model::NodeId;
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::gossip::Gossip;
use crate::identity::PeerName;
use crate::protocol::Protocol;

/// What happens on the network. All channels are bounded.
///
/// A member that drops a channel stops taking part: without [`Events::frames`] its links end, and
/// without [`Events::foreign`] it takes nothing from its neighbours.
pub struct Events {
    /// Frames from members, in order within a link. One that is not taken holds back only the
    /// member who sent it.
    pub frames: mpsc::Receiver<Frame>,
    /// Frames from neighbours, which may be missing, late or there twice. One that is not taken
    /// holds back only the neighbour who sent it.
    pub foreign: mpsc::Receiver<Frame>,
    /// Requests from peers. When as many wait as [`Limits`](crate::Limits) allow, peers are turned
    /// away.
    pub requests: mpsc::Receiver<Inbound>,
    /// Links that come up and go down. When this is full, changes that cancel out are left out,
    /// and the last word about each member still arrives.
    pub links: mpsc::Receiver<Link>,
    /// Gossip to be judged. When as many wait as there is room for, what comes is not passed on.
    pub gossip: mpsc::Receiver<Gossip>,
}

/// A frame from a member of the committee, or from a neighbour.
#[derive(Debug)]
pub struct Frame {
    /// The node. Its member key vouches for the connection, not for what the frame says.
    pub from: NodeId,
    /// What it sent.
    pub bytes: Bytes,
    _share: OwnedSemaphorePermit,
}

impl Frame {
    /// A frame and its share of its node's budget, which it gives back when it is dropped.
    pub(crate) fn new(from: NodeId, bytes: Bytes, share: OwnedSemaphorePermit) -> Self {
        Self {
            from,
            bytes,
            _share: share,
        }
    }
}

/// A member's link came up or went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The member.
    pub node: NodeId,
    /// Whether frames can be sent to it now.
    pub up: bool,
}

/// A request from a peer.
#[derive(Debug)]
pub struct Inbound {
    /// Who asks.
    pub from: Origin,
    /// By which protocol.
    pub protocol: Protocol,
    /// The question.
    pub body: Vec<u8>,
    /// If the peer asks more often than it may: how long it should wait. It is owed an answer that says
    /// so, and none to its question.
    pub over_quota: Option<Duration>,
    /// Takes the answer. Dropping it tells the peer that there is none.
    pub reply: Reply,
    _share: OwnedSemaphorePermit,
}

impl Inbound {
    /// A request and its share of the bytes that requests may take.
    pub(crate) fn new(
        from: Origin,
        protocol: Protocol,
        body: Vec<u8>,
        over_quota: Option<Duration>,
        reply: Reply,
        share: OwnedSemaphorePermit,
    ) -> Self {
        Self {
            from,
            protocol,
            body,
            over_quota,
            reply,
            _share: share,
        }
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The peer.
    pub peer: PeerName,
    /// The node it has proven to be, of whatever shard.
    pub node: Option<NodeId>,
    /// Whether it asks from the machine of this node.
    pub local: bool,
}

/// Takes the answer to a request.
#[derive(Debug)]
pub struct Reply {
    answer: oneshot::Sender<Vec<u8>>,
    limit: usize,
}

/// Why an answer was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReplyError {
    /// It is too long for its protocol: a mistake of this node.
    #[error("a response of {found} bytes, where {limit} are allowed")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// The length, in bytes.
        found: usize,
    },
    /// Nobody waits for it any more.
    #[error("the requester is gone")]
    Gone,
}

impl Reply {
    /// A reply of at most `limit` bytes.
    pub(crate) fn new(answer: oneshot::Sender<Vec<u8>>, limit: usize) -> Self {
        Self { answer, limit }
    }

    /// Answers.
    ///
    /// # Errors
    ///
    /// [`ReplyError`]. The peer is told that there is no answer.
    pub fn send(self, response: Vec<u8>) -> Result<(), ReplyError> {
        let (limit, found) = (self.limit, response.len());
        if found > limit {
            return Err(ReplyError::TooLarge { limit, found });
        }
        self.answer.send(response).map_err(|_| ReplyError::Gone)
    }

    /// Waits until nobody waits for the answer any more: the way out of a long poll.
    pub async fn gone(&mut self) {
        self.answer.closed().await;
    }
}
