//! Following the chain: which payments are certified, and since when.
//!
//! Nothing is believed without proof, and the proof is checked once for each block: the signatures of
//! a quorum over the head, and that the decisions are those under it, all of them.

use std::time::Duration;

use model::api::{Refused, Request, Response};
use model::key::Zip215;
use model::{Committee, Height, TransactionId, TransactionResult};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::error::BenchError;
use super::link::{Link, problem};

/// How long the node may let us wait for the next block before it is asked again.
const WAIT: Duration = Duration::from_secs(30);

/// How long to wait before the node is asked again for a head that it has no signatures of, although
/// it has those of a later one.
const ASK_AGAIN: Duration = Duration::from_millis(2);

/// The decisions of a block whose head a quorum has signed.
#[derive(Debug)]
pub(crate) struct Certified {
    pub(crate) height: Height,
    /// When the proof had been checked.
    pub(crate) at: Instant,
    pub(crate) results: Vec<TransactionResult>,
}

impl Certified {
    /// The transactions that were decided.
    pub(crate) fn transactions(&self) -> impl Iterator<Item = &TransactionId> {
        self.results.iter().map(|result| &result.transaction)
    }
}

/// What the follower has to say.
pub(crate) type Followed = Result<Certified, BenchError>;

/// Follows the chain of one node.
pub(crate) struct Follower {
    link: Link,
    /// The node that is asked.
    node: usize,
    committee: Committee,
    next: Height,
}

impl Follower {
    /// Follows from the block after `height`.
    pub(crate) fn new(link: Link, node: usize, committee: Committee, height: Height) -> Self {
        Self {
            link,
            node,
            committee,
            next: height.next(),
        }
    }

    /// Tells of each block, until something goes wrong or nobody listens any more.
    pub(crate) async fn run(mut self, blocks: mpsc::Sender<Followed>) {
        while !blocks.is_closed() {
            let followed = match self.follow().await {
                Ok(Some(certified)) => Ok(certified),
                Ok(None) => continue,
                Err(error) => Err(error),
            };
            let failed = followed.is_err();
            if blocks.send(followed).await.is_err() || failed {
                return;
            }
        }
    }

    /// Waits for the decisions of the next block, and checks their proof.
    async fn follow(&mut self) -> Result<Option<Certified>, BenchError> {
        let request = Request::Results {
            height: self.next,
            wait_ms: u32::try_from(WAIT.as_millis()).unwrap_or(u32::MAX),
        };
        let found = match self.link.ask(self.node, &request, WAIT).await? {
            Response::Results(found) => found,
            Response::Refused(Refused::NotYet(_)) => {
                sleep(ASK_AGAIN).await;
                return Ok(None);
            }
            other => {
                return Err(problem(
                    self.node,
                    format_args!("has no results: {other:?}"),
                ));
            }
        };
        let verified = found.verify(&self.committee, &mut Zip215);
        verified.map_err(|error| problem(self.node, error))?;
        let height = found.head.head.height;
        if height != self.next {
            return Err(problem(
                self.node,
                format_args!("sends height {height} unasked"),
            ));
        }
        self.next = height.next();
        Ok(Some(Certified {
            height,
            at: Instant::now(),
            results: found.results,
        }))
    }
}
