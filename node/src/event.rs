//! Everything that can wake a node. The set is closed: what is not here cannot happen.

use consensus::message::{Admitted, Blocks};
use consensus::sbac::letter::AdmittedLetter;
use model::api::{Refused, Taken};
use model::shard::Seat;
use model::transaction::Authorized;
use model::{Epoch, Malpractice, Plan, ShardId, Transaction};
use net::PeerName;
use tokio::sync::oneshot;

/// Tells a submitter what became of a transaction. Nobody may be listening any more.
pub(crate) type Answer = oneshot::Sender<Taken>;

/// A transaction that a client submitted and nobody has checked.
#[derive(Debug)]
pub(crate) struct Submission {
    /// The transaction.
    pub(crate) transaction: Transaction,
    /// The client. `None`: this node itself.
    pub(crate) client: Option<PeerName>,
    /// Who wants to know.
    pub(crate) answer: Answer,
}

/// A transaction that a client submitted, checked.
#[derive(Debug)]
pub(crate) struct Submitted {
    /// The transaction.
    pub(crate) transaction: Authorized,
    /// Who wants to know.
    pub(crate) answer: Answer,
}

/// Everything that can wake a node, except time and the wish to stop it.
#[derive(Debug)]
pub(crate) enum Event {
    /// A member said something that was admitted.
    Message {
        /// The member.
        from: Seat,
        /// The epoch in which it said it.
        epoch: Epoch,
        /// What it said.
        message: Admitted,
    },
    /// A member of another shard said something that was admitted.
    Letter {
        /// The shard.
        shard: ShardId,
        /// The member.
        seat: Seat,
        /// What it said.
        letter: AdmittedLetter,
    },
    /// Clients submitted transactions.
    Submitted(Vec<Submitted>),
    /// A member answered a request for blocks.
    Blocks {
        /// The member.
        from: Seat,
        /// Its answer, which nobody has checked.
        blocks: Blocks,
    },
    /// A member did not answer a request for blocks.
    FetchFailed {
        /// The member.
        from: Seat,
    },
    /// Somebody gave final blocks, which nobody has checked, to this node without a seat.
    Final(Blocks),
    /// The operator is for a list of nodes, which has been checked.
    Approve(Plan),
    /// Somebody has shown the proof of a lie, which has been checked.
    Exposed(Malpractice),
    /// A link to a member came up.
    LinkUp(Seat),
}

/// When to try again if too much waits already, in milliseconds: the time of a few blocks.
const RETRY_MS: u32 = 250;

/// Too much waits already.
pub(crate) const BUSY: Refused = Refused::Busy { retry_ms: RETRY_MS };
