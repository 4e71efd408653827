//! What a replica asks to be kept, and gets back when it starts again.
//!
//! The log of records is the truth of a node (decision D22). A record is appended before anything
//! that depends on it is sent; replaying the records of a log, in order, gives the replica that
//! wrote them.

use model::statement::{Slot, Vote};
use model::{Block, Certificate, EpochChange, Head, HeadCertificate, Malpractice};
use serde::{Deserialize, Serialize};

use crate::message::Proposal;

/// One record of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// The node may have proposed in slots up to this one, and will not again after a restart.
    ///
    /// Written ahead, with votes, so that proposing itself waits for no disk.
    Reserved(Slot),
    /// A proposal that the node voted for or fetched: it must be there when others ask for it.
    Proposal(Proposal),
    /// A final block that the node fetched to catch up.
    Block(Block),
    /// The node's own vote. Durable before it is sent.
    Vote {
        /// The slot.
        slot: Slot,
        /// The vote.
        vote: Vote,
    },
    /// A certificate that the node formed or received.
    Certificate(Certificate),
    /// The node signed this head: the signing guard. A node that computes another head for the
    /// height after a restart stops.
    Head(Head),
    /// A quorum signed a head.
    HeadCertificate(HeadCertificate),
    /// A member was seen to lie.
    Malpractice(Malpractice),
    /// The node has forgotten what it signed, and signs nothing in slots up to this one.
    Abstain(Slot),
    /// The epoch has ended, and this is the next one. What follows in the log is of that one.
    Change(EpochChange),
}

impl Record {
    /// Whether what follows the record may only be sent once the record is durable.
    ///
    /// A promise that no other disk can bring back must be durable: votes, and with them everything
    /// before them in the log, such as the proposals they are about. All else is a function of what
    /// quorums signed and of the blocks, so that losing it costs time and nothing more; it becomes
    /// durable with the next promise.
    #[must_use]
    pub const fn is_promise(&self) -> bool {
        match self {
            Self::Reserved(_) | Self::Vote { .. } => true,
            Self::Proposal(_)
            | Self::Block(_)
            | Self::Certificate(_)
            | Self::Head(_)
            | Self::HeadCertificate(_)
            | Self::Malpractice(_)
            | Self::Change(_)
            | Self::Abstain(_) => false,
        }
    }
}
