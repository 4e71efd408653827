//! What happens to a local network, as whoever started it is told.

use std::path::PathBuf;
use std::time::Duration;

use client::Amount;
use model::api::Status;
use model::{NetworkId, PublicKey, TransactionId};

use super::control::NodeState;
use super::endpoint::EndpointNode;

/// What has happened. Durations are counted from the start of the step.
#[derive(Clone, Debug)]
pub enum Event {
    /// There is a network to run.
    Network {
        /// Its name for people, such as `local-7f3a9c21`.
        name: String,
        /// The hash of its genesis document.
        network: NetworkId,
        /// Whether it was here before.
        resumed: bool,
        /// The number of nodes, in all shards.
        nodes: usize,
        /// The number of shards.
        shards: usize,
        /// The number of accounts in the genesis document.
        accounts: usize,
        /// How long it took to make or to read.
        took: Duration,
    },
    /// All nodes answer.
    Answering {
        /// The number of nodes.
        nodes: usize,
        /// How long it took.
        took: Duration,
    },
    /// All nodes are ready to decide transactions.
    Linked {
        /// The number of nodes.
        nodes: usize,
        /// How long it took.
        took: Duration,
    },
    /// The network has committed a transaction of ours.
    SelfTest {
        /// The transaction.
        transaction: TransactionId,
        /// How long it took.
        took: Duration,
    },
    /// The network can be used.
    Ready {
        /// How the nodes are.
        nodes: Vec<NodeReport>,
        /// The public test accounts and what they hold.
        accounts: Vec<AccountReport>,
        /// How long it took from the very start.
        took: Duration,
    },
    /// How the nodes are, every now and then.
    Beat(Vec<NodeReport>),
    /// A node ended by itself.
    NodeDown {
        /// The node.
        node: String,
        /// How it ended, such as `ended with exit code 1`.
        how: String,
        /// The last lines of its log.
        log_tail: Vec<String>,
        /// Its log.
        log: PathBuf,
    },
    /// Something that the user has asked for has been done, or something that is good to know.
    Note(String),
    /// Something that may become a problem.
    Warning(String),
    /// The nodes are being stopped.
    Stopping,
    /// The nodes have stopped.
    Stopped {
        /// Where the state is kept, `None` for an ephemeral network.
        kept: Option<PathBuf>,
    },
}

/// A node: its process, and what it says about itself if it answers.
#[derive(Clone, Debug)]
pub struct NodeReport {
    /// The process.
    pub process: NodeState,
    /// The node.
    pub endpoint: EndpointNode,
    /// What the node says.
    pub status: Option<Status>,
}

/// One of the public test accounts.
#[derive(Clone, Debug)]
pub struct AccountReport {
    /// The name, such as `alice`.
    pub name: &'static str,
    /// The key that owns the money.
    pub key: PublicKey,
    /// The money.
    pub balance: Amount,
}
