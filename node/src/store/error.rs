//! Why a node's store cannot be used, in words that an operator can act on.

use model::encoding::DecodeError;
use model::{NetworkId, NodeId, ObjectId, ShardId};

use super::log::{LogError, Position};

/// Why a store cannot be opened, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The tables cannot be read or written.
    #[error(
        "cannot {doing}: {reason}; if the disk is in order, stop the node, remove its file \
         `{TABLES_FILE}` and start it again: the tables are made anew from the log, if that \
         begins with the first block"
    )]
    Tables {
        /// What was tried.
        doing: &'static str,
        /// What the database says.
        reason: String,
    },
    /// The tables have another version.
    #[error(
        "the tables have version {found}, this software knows version {known}; remove the file \
         `{TABLES_FILE}` and start the node again: the tables are made anew from the log, if that \
         begins with the first block"
    )]
    Format {
        /// Their version.
        found: u32,
        /// The version of this software.
        known: u32,
    },
    /// The tables are those of another network.
    #[error(
        "the node's directory is of network {found}, the genesis file is that of network {expected}"
    )]
    OtherNetwork {
        /// The network of the directory.
        found: NetworkId,
        /// The network of the configuration.
        expected: NetworkId,
    },
    /// The tables are those of another node.
    #[error(
        "the node's directory is that of node {found}, the member key is that of node {expected}"
    )]
    OtherNode {
        /// The node of the directory.
        found: NodeId,
        /// The node of the configured key.
        expected: NodeId,
    },
    /// The tables are those of another shard.
    #[error("the node's directory is of shard {found}, the node is a member of shard {expected}")]
    OtherShard {
        /// The shard of the directory.
        found: ShardId,
        /// The shard of the node.
        expected: ShardId,
    },
    /// Another process has the directory open.
    #[error("{directory} is in use by another process; a second node needs a directory of its own")]
    InUse {
        /// The directory.
        directory: String,
    },
    /// The directory cannot be made or locked.
    #[error("cannot use {directory}: {reason}")]
    Directory {
        /// The directory.
        directory: String,
        /// What the system says.
        reason: std::io::Error,
    },
    /// An object that a block consumed is in no table.
    #[error(
        "object {0} is missing in the tables; stop the node, remove its file `{TABLES_FILE}` and \
         start it again: the tables are made anew from the log, if that begins with the first block"
    )]
    ObjectMissing(ObjectId),
    /// The log has something else where a block was.
    #[error("the log has no block at byte {} of segment {}", .0.offset, .0.segment)]
    NotABlock(Position),
    /// A block of the log does not hold what the shard decided.
    #[error("a block of the log cannot be read: {0}")]
    Entries(#[from] DecodeError),
}

/// The file with the tables, within the node's directory.
pub(super) const TABLES_FILE: &str = "state.redb";
