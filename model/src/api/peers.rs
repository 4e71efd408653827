//! Whom a node is connected with, as it tells its operator.

use serde::{Deserialize, Serialize};

use crate::id::{NodeId, ShardId};
use crate::shard::Seat;

/// Whom a node is connected with, and whom it misses.
///
/// It is one node's view of this moment, and nothing in it is proven to whoever reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerList {
    /// The addresses at which the node listens, each with its own `/p2p/` name.
    pub listens: Vec<String>,
    /// The addresses at which it tells others to call it. Empty if nobody is told.
    pub announces: Vec<String>,
    /// First the members of its shard, then those of other shards, then everybody else. Members that are
    /// not connected are listed, too.
    pub rows: Vec<PeerRow>,
    /// Rows that had no room in the answer.
    pub left_out: u32,
    /// Peers that may not connect for now because of what they have done.
    pub banned: Vec<BannedPeer>,
}

/// One connection of a node, or a member with which it has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerRow {
    /// The node that the peer has proven to be. `None` for wallets and others that are no nodes.
    pub node: Option<NodeId>,
    /// Its seat in the epoch of its shard that is known last. `None` for those who have none.
    pub seat: Option<(ShardId, Seat)>,
    /// The connection; `None` with a member that is missed.
    pub connection: Option<PeerConnection>,
}

/// A connection with a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerConnection {
    /// The name of the peer on the network, the last part of its addresses.
    pub peer: String,
    /// Its software and version, as it says.
    pub agent: String,
    /// Where it is connected from or to.
    pub address: String,
    /// Where it says that it can be called.
    pub announces: Vec<String>,
    /// Who called.
    pub direction: PeerDirection,
    /// Whether frames go over this connection: the link of two members of a shard, or what neighbours
    /// are told. Of two connections with one node at most one is used.
    pub linked: bool,
    /// The time to it and back, measured last, in microseconds. `None` before the first measurement.
    pub latency_us: Option<u64>,
    /// How long it has been connected, in milliseconds.
    pub connected_ms: u64,
    /// What is left of the hundred points that everybody begins with: a guest with 80 or fewer is
    /// disconnected, and with 50 or fewer banned.
    pub conduct: u8,
}

/// Who called whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PeerDirection {
    /// The peer called the node.
    Inbound,
    /// The node called the peer.
    Outbound,
}

/// A peer that may not connect for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BannedPeer {
    /// The name of the peer on the network.
    pub peer: String,
    /// The node for which it spoke, if it did.
    pub node: Option<NodeId>,
    /// For how long it is banned still, in milliseconds.
    pub left_ms: u64,
    /// How often it has been banned.
    pub bans: u32,
}
