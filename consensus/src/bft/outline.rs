//! The agreement of a member as far as what it will do follows from it.

use model::block::BlockRef;
use model::shard::Seat;
use model::statement::{Slot, Vote};
use model::{Hash, TransactionId};

use super::Bft;
use super::slot::SlotState;

/// What there is to know of a replica to foresee what it answers: two replicas with the same outline
/// vote and propose alike, whatever comes, if their clocks give them the same reasons to.
///
/// Left out are times, what was sent and asked for when, and the signatures under the same words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Outline {
    /// The last final block.
    pub tip: BlockRef,
    /// The first slot that is not cleared.
    pub frontier: Slot,
    /// Slots up to this one are those of an earlier life: the replica proposes nothing in them.
    pub barrier: Slot,
    /// Whether there is a reason to leave the frontier slot.
    pub waiting: bool,
    /// The open slots of which anything is known.
    pub slots: Vec<SlotOutline>,
    /// The transactions that it would propose.
    pub ready: Vec<TransactionId>,
    /// Whether it goes no further.
    pub halted: bool,
}

/// An open slot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotOutline {
    /// The slot.
    pub slot: Slot,
    /// The blocks that are at hand.
    pub candidates: Vec<Hash>,
    /// What quorums voted.
    pub certified: Vec<Vote>,
    /// What this replica voted.
    pub own: Vec<Vote>,
    /// Whether it proposed.
    pub proposed: bool,
    /// The votes that it holds, its own and those under certificates among them.
    pub ballots: Vec<(Seat, Vote)>,
}

impl Bft {
    /// See [`Outline`]; the rest of it is the replica's.
    pub(crate) fn outline(&self, ready: Vec<TransactionId>, halted: bool) -> Outline {
        Outline {
            tip: self.tip.block,
            frontier: self.frontier,
            barrier: self.barrier,
            waiting: self.waiting_since.is_some(),
            slots: self
                .slots
                .iter()
                .map(|(slot, state)| state.outline(*slot))
                .collect(),
            ready,
            halted,
        }
    }
}

impl SlotState {
    fn outline(&self, slot: Slot) -> SlotOutline {
        let certified = self.certificates.iter();
        SlotOutline {
            slot,
            candidates: self.candidates.keys().copied().collect(),
            certified: certified
                .filter_map(|certificate| match certificate.statement {
                    model::Statement::Vote { slot: _, vote } => Some(vote),
                    model::Statement::Proposal { .. }
                    | model::Statement::Head { .. }
                    | model::Statement::Succession { .. } => None,
                })
                .collect(),
            own: self.own.cast().collect(),
            proposed: self.proposed,
            ballots: self.votes.held().collect(),
        }
    }
}
