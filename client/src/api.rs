//! One question to one node: the seam between what the client believes and how bytes travel.
//!
//! [`crate::Network`] asks over libp2p; tests and the simulator put something else here.

use std::future::Future;
use std::time::Duration;

use model::api::{Request, Response};
use model::{NetworkId, NodeId};

use crate::connection::NodeEndpoint;

/// Asks nodes.
pub trait Api: Send + Sync {
    /// Asks `node`, and waits for its answer at most `timeout`, connecting included.
    ///
    /// # Errors
    ///
    /// [`AskError`], which says whether the question can have reached the node.
    fn ask(
        &self,
        node: &NodeId,
        request: Request,
        timeout: Duration,
    ) -> impl Future<Output = Result<Response, AskError>> + Send;

    /// Says where a node can be reached that was not known before. Of several places for one node each
    /// is tried.
    fn introduce(&self, endpoint: NodeEndpoint);
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// There is no way to the node. The question has not left.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// The node is of another network. The question has not left.
    #[error("is of network {theirs}, this is network {ours}")]
    WrongNetwork {
        /// Our network.
        ours: NetworkId,
        /// The network of the node.
        theirs: NetworkId,
    },
    /// The question may have reached the node, and no answer came.
    #[error("did not answer: {0}")]
    Silent(String),
    /// The answer is not one.
    #[error("gave an answer that cannot be true: {0}")]
    Lying(String),
}

impl AskError {
    /// Whether the node can have read the question.
    #[must_use]
    pub const fn has_left(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::WrongNetwork { .. } => false,
            Self::Silent(_) | Self::Lying(_) => true,
        }
    }
}
