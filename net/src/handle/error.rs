//! Every way in which what a handle was asked for can fail.

use model::NetworkId;
use thiserror::Error;

use crate::bounds::{FRAME_BYTES_MAX, SBAC_FRAME_BYTES_MAX};
use crate::identity::PeerName;
use crate::link::Unqueued;

/// Why a frame was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// There is no link with the node.
    #[error("no link with the node")]
    NotConnected,
    /// The node does not take frames as fast as they come.
    #[error("the queue for the node is full")]
    Full,
    /// The frame is longer than [`FRAME_BYTES_MAX`].
    #[error("the frame is longer than {FRAME_BYTES_MAX} bytes")]
    TooLarge,
}

impl From<Unqueued> for SendError {
    fn from(reason: Unqueued) -> Self {
        match reason {
            Unqueued::Full => Self::Full,
            Unqueued::Closed => Self::NotConnected,
        }
    }
}

/// Why a neighbour will not be told a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TellError {
    /// The node is in no other shard of the network.
    #[error("the node is no neighbour")]
    NotANeighbour,
    /// There is no connection with the neighbour.
    #[error("no connection with the neighbour")]
    NotConnected,
    /// The neighbour does not take frames as fast as they come.
    #[error("the queue for the neighbour is full")]
    Full,
    /// The frame is longer than [`SBAC_FRAME_BYTES_MAX`].
    #[error("the frame is longer than {SBAC_FRAME_BYTES_MAX} bytes")]
    TooLarge,
}

impl From<Unqueued> for TellError {
    fn from(reason: Unqueued) -> Self {
        match reason {
            Unqueued::Full => Self::Full,
            Unqueued::Closed => Self::NotConnected,
        }
    }
}

/// Why a dial came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DialError {
    /// The text is not an address, or of a kind that is not supported.
    #[error("not an address: {address}: {reason}")]
    BadAddress {
        /// The text.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody answers there, or not in the language of libp2p.
    #[error("nobody can be reached at {address}: {reason}")]
    Unreachable {
        /// The address.
        address: String,
        /// What the transport says.
        reason: String,
    },
    /// Somebody else answers there.
    #[error("peer {found} answers at {address}")]
    WrongPeer {
        /// The address, with the peer that was expected.
        address: String,
        /// The peer that answered.
        found: PeerName,
    },
    /// It is this node's own address.
    #[error("{address} is this node's own address")]
    Own {
        /// The address.
        address: String,
    },
    /// The peer is of another network.
    #[error("the peer is of network {theirs}, this node is of network {ours}")]
    WrongNetwork {
        /// Our network.
        ours: NetworkId,
        /// The peer's network.
        theirs: NetworkId,
    },
    /// The peer speaks libp2p and is none of ours.
    #[error("the peer at {address} is not a Chainspace node")]
    NotChainspace {
        /// The address.
        address: String,
    },
    /// The greeting failed: the peer turned us away, or we did not believe it.
    #[error("the peer at {address} was not accepted: {reason}")]
    Refused {
        /// The address.
        address: String,
        /// Why.
        reason: String,
    },
    /// The peer did not answer in time.
    #[error("the peer at {address} did not answer in time")]
    Timeout {
        /// The address.
        address: String,
    },
    /// This node has too many dials under way, or too many connections with that peer.
    #[error("too many dials or connections")]
    Busy,
    /// The network has stopped.
    #[error("the network has stopped")]
    Stopped,
}

/// Why a request has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// There is no connection with the node or the peer.
    #[error("not connected")]
    NotConnected,
    /// The request is too long for its protocol.
    #[error("a request of {found} bytes, where {limit} are allowed")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// The length, in bytes.
        found: usize,
    },
    /// As many requests as allowed are in flight on the connection.
    #[error("too many requests in flight")]
    Busy,
    /// The peer does not speak the protocol.
    #[error("the peer does not speak the protocol")]
    Unsupported,
    /// The peer closed the stream or the connection instead of answering.
    #[error("the peer closed the stream without an answer")]
    Closed,
    /// The peer's answer is too long for the protocol.
    #[error("a response of {found} bytes, where {limit} are allowed")]
    ResponseTooLarge {
        /// The limit, in bytes.
        limit: usize,
        /// The length, in bytes.
        found: usize,
    },
    /// There was no answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The network has stopped.
    #[error("the network has stopped")]
    Stopped,
}
