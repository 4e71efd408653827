//! One question to one node: the seam between what the client believes and how bytes travel.
//!
//! [`crate::Network`] asks over libp2p; tests and the simulator put something else here.

use std::future::Future;
use std::time::Duration;

use model::api::{Refused, Request, Response};
use model::{NetworkId, NodeId};
use tokio::time::{Instant, sleep_until};

use crate::connection::NodeEndpoint;

/// How soon a node is asked again at the earliest, whatever it says.
const TURN_MIN: Duration = Duration::from_millis(10);

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

    /// Asks as [`Api::ask`] does, and as long as the node says that it is busy, asks again when it says, until
    /// the time is up. A node that many strangers ask has its turn for each of them.
    ///
    /// # Errors
    ///
    /// [`AskError`]. That the node is busy to the end is an answer.
    fn ask_in_turn(
        &self,
        node: &NodeId,
        request: Request,
        timeout: Duration,
    ) -> impl Future<Output = Result<Response, AskError>> + Send {
        async move {
            let until = Instant::now() + timeout;
            loop {
                let left = until.saturating_duration_since(Instant::now());
                let answer = self.ask(node, request.clone(), left).await?;
                let Response::Refused(Refused::Busy { retry_ms }) = answer else {
                    return Ok(answer);
                };
                let turn = Instant::now() + Duration::from_millis(retry_ms.into()).max(TURN_MIN);
                if turn >= until {
                    return Ok(answer);
                }
                sleep_until(turn).await;
            }
        }
    }

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
