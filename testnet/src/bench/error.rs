//! What can be in the way of a measurement.

use std::io;
use std::path::PathBuf;

use crate::local::LocalError;

/// Why there is no measurement. Nothing that was started runs any more.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The directory is not a fresh one.
    #[error("{} is not empty", .0.display())]
    NotEmpty(PathBuf),
    /// What was asked for cannot be measured.
    #[error("{0}")]
    Options(String),
    /// The system does not do what it should.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The network could not be started, or did not stop as it should.
    #[error(transparent)]
    Local(#[from] LocalError),
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A node ended by itself.
    #[error("node {node} {how}")]
    NodeDown {
        /// The node.
        node: String,
        /// How it ended, such as `ended with exit code 1`.
        how: String,
    },
    /// The load cannot be made.
    #[error("cannot make payments: {0}")]
    Payments(String),
    /// A node does not answer, or not as it should.
    #[error("node n{node} {problem}")]
    Node {
        /// The number of the node.
        node: usize,
        /// What it does.
        problem: String,
    },
    /// What nodes say does not fit together.
    #[error("the network is at fault: {0}")]
    Wrong(String),
}

impl BenchError {
    /// Says what of the system failed.
    pub(crate) fn system(action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { action, source }
    }
}
