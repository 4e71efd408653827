//! What can be wrong with a log, in words that an operator can act on.

use std::io;

use model::encoding::DecodeError;
use model::{NetworkId, NodeId};

use super::frame;

/// What can be wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk refuses, perhaps because it is full.
    #[error("cannot {doing} {file}: {reason}")]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// The file.
        file: String,
        /// What the system says.
        reason: io::Error,
    },
    /// A file is not what was written to it.
    #[error(
        "{file} is damaged at byte {offset}: {what}; restore the node's directory as it was last. \
         Do not start the node without it: a member that forgets its votes may vote twice"
    )]
    Damaged {
        /// The file.
        file: String,
        /// The first byte that is wrong, or the frame that it is in.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A segment between others is missing.
    #[error(
        "{file} is missing; restore the node's directory as it was last. Do not start the node \
         without it: a member that forgets its votes may vote twice"
    )]
    Missing {
        /// The file.
        file: String,
    },
    /// The log was written by another version of the software.
    #[error(
        "{file} has version {found} of the log, this software reads version {}",
        frame::VERSION
    )]
    Version {
        /// The file.
        file: String,
        /// Its version.
        found: u32,
    },
    /// The log is one of another network.
    #[error("{file} is of network {found}, this node is configured for network {expected}")]
    OtherNetwork {
        /// The file.
        file: String,
        /// The network of the log.
        found: NetworkId,
        /// The network of the configuration.
        expected: NetworkId,
    },
    /// The log is one of another node.
    #[error(
        "{file} was written by node {found}, the configured member key is that of node {expected}"
    )]
    OtherNode {
        /// The file.
        file: String,
        /// The node that wrote the log.
        found: NodeId,
        /// The node of the configured key.
        expected: NodeId,
    },
    /// A whole frame holds no record that this version of the software knows.
    #[error("{file} holds no known record at byte {offset}: {reason}")]
    Record {
        /// The file.
        file: String,
        /// The first byte of the frame.
        offset: u64,
        /// What is wrong with it.
        reason: DecodeError,
    },
    /// An earlier write or sync failed, so that nothing more can be kept.
    #[error("the log has failed before")]
    Failed,
}
