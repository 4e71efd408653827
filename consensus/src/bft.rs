//! Agreement inside a shard: Simplex (Chan and Pass, TCC 2023), in the operational form of "Simplex
//! Consensus in TON", whose numbers the rules below keep.
//!
//! Time is cut into slots, each with one leader. In a slot a member may vote once to **notarize** a
//! block, and may vote either to **skip** the slot or to **finalize** a block, never both. `2f + 1`
//! equal votes are a certificate.
//!
//! 1. *Frontier.* A slot is cleared by a notarization, by a skip certificate, or by any finalization
//!    at or above it. The frontier is the first slot that is not cleared.
//! 2. *Resolution.* Proposals that were voted for are kept; missing ones are fetched by slot and hash.
//! 3. *Leader.* Propose on the highest notarized block, with skip certificates for every slot between;
//!    never twice in a slot, also across restarts.
//! 4. *Notarize* the first block of a slot whose parent is notarized, with skip certificates for the
//!    gap. Allowed after one's own vote to skip.
//! 5. *Finalize* a block that is notarized and that one voted to notarize, unless one voted to skip.
//! 6. *Skip* on time-out, unless one voted to finalize.
//! 7. *Certificate.* On a quorum form it, broadcast it once. It is what keeps members together.
//! 8. *Standstill.* Without a new finalization, say again what one voted and what one has.
//!
//! A finalization of a block makes it and all before it final. Two conflicting blocks cannot both
//! be final: the quorums of a finalization and of whatever lets the chain pass it by share an honest
//! member, which would have signed a conflicting pair.
//!
//! Nothing is proposed and no clock runs when there is nothing to do (decision D7). The agreement
//! does not look into blocks; whoever hands it a block has checked its form and its signatures.
//!
//! Paper: Section IV-C, "Byzantine agreement". Deviation: D-5.

mod answers;
mod cast;
mod catch_up;
mod certify;
mod commit;
mod evidence;
#[cfg(feature = "exploration")]
mod outline;
mod pace;
mod propose;
mod recall;
mod restore;
mod slot;
mod standstill;
#[cfg(test)]
mod tests;
mod vote;
mod votes;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::block::BlockRef;
use model::shard::Seat;
use model::statement::Slot;
use model::{Block, Certificate, Signature, Time};

use crate::action::Action;
use crate::ledger::Tip;
use crate::member::Member;
use crate::message::{AdmittedBlock, Message, Proposal, SignedVote, Status};
use crate::record::Record;
use crate::replica::{Contradiction, Output};
use crate::time::Now;

use answers::{Answers, Topic};
use catch_up::CatchUp;
pub(crate) use catch_up::check_chain;
pub(crate) use evidence::{accuse, report};
#[cfg(feature = "exploration")]
pub use outline::{Outline, SlotOutline};
pub use pace::Pace;
pub(crate) use propose::Work;
use slot::SlotState;
use standstill::Standstill;

/// Slots above the frontier of which votes and certificates are kept. A member that is further
/// behind catches up by finalizations, which are kept from any slot.
const WINDOW: u64 = 64;

/// Slots above the frontier of which proposals are kept; proposals are large, and one that comes
/// too early is asked for again when its slot is notarized.
const PROPOSAL_WINDOW: u64 = 8;

/// A block that may become final, with its entries.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// The block.
    pub(crate) block: Arc<Block>,
    /// Its entries, parsed.
    pub(crate) entries: Arc<Vec<Action>>,
    /// The leader's signature; `None` for a final block that was fetched.
    signature: Option<Signature>,
    /// Whether the block is in the log.
    logged: bool,
}

impl Candidate {
    /// Whether the epoch ends with it.
    pub(crate) fn ends_epoch(&self) -> bool {
        matches!(self.entries.last(), Some(Action::End(_)))
    }
}

/// A block that is final now, in the order in which blocks are to be applied.
#[derive(Clone, Debug)]
pub(crate) struct FinalBlock {
    /// The block and its entries.
    pub(crate) candidate: Candidate,
    /// The finalization, if it was of this block itself.
    pub(crate) certificate: Option<Certificate>,
}

/// The agreement of one member. See the module.
#[derive(Clone)]
pub(crate) struct Bft {
    pace: Pace,
    /// The last final block.
    tip: Tip,
    /// Its finalization.
    finalization: Option<Certificate>,
    /// Everything known about slots above the last final block.
    slots: BTreeMap<Slot, SlotState>,
    /// The first slot that is not cleared.
    frontier: Slot,
    /// Since when there is a reason to leave the frontier slot; `None` without one.
    waiting_since: Option<Time>,
    /// This member may have proposed in slots up to this one before it was restarted.
    barrier: Slot,
    /// The log says that this member may have proposed in slots up to this one.
    reserved: Slot,
    /// The blocks, after the first up to the second, whose transactions rest in the pool.
    aside: Option<(BlockRef, BlockRef)>,
    standstill: Standstill,
    catch_up: CatchUp,
    answers: Answers,
}

/// What is around the agreement while it takes a step.
pub(crate) struct Turn<'a> {
    /// The clocks.
    pub(crate) now: Now,
    /// The keys.
    pub(crate) member: &'a mut Member,
    /// The wishes so far.
    pub(crate) out: &'a mut Vec<Output>,
}

impl Turn<'_> {
    pub(crate) fn persist(&mut self, record: Record) {
        self.out.push(Output::Persist(record));
    }

    pub(crate) fn broadcast(&mut self, message: Message) {
        self.out.push(Output::Broadcast(Arc::new(message)));
    }

    pub(crate) fn send(&mut self, to: Seat, message: Message) {
        self.out.push(Output::Send {
            to,
            message: Arc::new(message),
        });
    }
}

impl Bft {
    /// The agreement above the final block `tip`.
    pub(crate) fn new(pace: Pace, tip: Tip) -> Self {
        Self {
            pace,
            tip,
            finalization: None,
            slots: BTreeMap::new(),
            frontier: tip.block.slot.next(),
            waiting_since: None,
            barrier: Slot::ZERO,
            reserved: Slot::ZERO,
            aside: None,
            standstill: Standstill::default(),
            catch_up: CatchUp::default(),
            answers: Answers::default(),
        }
    }

    /// The time-outs.
    pub(crate) const fn pace(&self) -> Pace {
        self.pace
    }

    /// A leader's proposal, from whomever it came.
    pub(crate) fn on_proposal(&mut self, turn: &mut Turn<'_>, admitted: AdmittedBlock) {
        let AdmittedBlock { proposal, entries } = admitted;
        let statement = proposal.statement();
        let name = proposal.block.name();
        let BlockRef { slot, hash } = name;
        let honest = turn.member.committee().honest_threshold();
        let matters = self.matters(&name, honest);
        if !matters && !self.is_open(slot, PROPOSAL_WINDOW) {
            return;
        }
        let leader = turn.member.leader(slot);
        let known = self.candidate(&name).is_some();
        if known || !turn.member.verify(leader, &statement, &proposal.signature) {
            return;
        }
        self.compare_proposals(turn, slot, (hash, proposal.signature));
        let state = self.slots.entry(slot).or_default();
        if !state.candidates.is_empty() && !matters {
            return;
        }
        state.candidates.insert(
            hash,
            Candidate {
                block: Arc::new(proposal.block),
                entries,
                signature: Some(proposal.signature),
                logged: false,
            },
        );
    }

    /// A vote of the member that sent it.
    pub(crate) fn on_vote(&mut self, turn: &mut Turn<'_>, from: Seat, vote: SignedVote) {
        if self.is_open(vote.slot, WINDOW) {
            self.count(turn, from, (vote.slot, vote.vote), vote.signature, false);
        }
    }

    /// Somebody asks for a proposal.
    pub(crate) fn on_proposal_request(
        &mut self,
        turn: &mut Turn<'_>,
        from: Seat,
        wanted: BlockRef,
    ) {
        if let Some(proposal) = self.proposal(&wanted)
            && self
                .answers
                .may_answer(turn.now, from, Topic::Proposal(wanted.slot))
        {
            turn.send(from, Message::Proposal(proposal));
        }
    }

    /// Takes all steps that the rules allow now. Returns the blocks that have become final; the
    /// caller applies them and calls again until nothing happens.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if two conflicting blocks are final.
    pub(crate) fn advance(
        &mut self,
        turn: &mut Turn<'_>,
        work: &mut dyn Work,
    ) -> Result<Vec<FinalBlock>, Contradiction> {
        loop {
            let certified = self.form_certificates(turn);
            let moved = self.move_frontier();
            let final_blocks = self.commit(turn)?;
            if !final_blocks.is_empty() {
                self.standstill.progressed(turn.now);
                return Ok(final_blocks);
            }
            let voted = self.cast_votes(turn);
            let proposed = self.lead(turn, work);
            if !(certified || moved || voted || proposed) {
                break;
            }
        }
        self.fetch_missing(turn);
        Ok(Vec::new())
    }

    /// How far this member is.
    pub(crate) fn status(&self, certified: model::Height) -> Status {
        Status {
            finalization: self.finalization.clone(),
            frontier: self.frontier,
            certified,
        }
    }

    /// Whether there is a reason to get further, so that messages that got lost must be repeated.
    fn is_busy(&self) -> bool {
        self.waiting_since.is_some() || self.catch_up.is_behind()
    }

    /// How long this member waits before it repeats what may have been lost, in milliseconds.
    pub(crate) const fn patience_ms(&self) -> u64 {
        self.pace.standstill_ms
    }

    /// The times at which the agreement may act without input; some may be over.
    pub(crate) fn deadlines(&self, member: &Member) -> impl Iterator<Item = Time> + '_ {
        self.catch_up
            .deadlines()
            .chain(self.skip_deadline())
            .chain(self.empty_deadline(member))
            .chain(self.repair_deadline())
    }

    /// Whether things about `slot` are kept: it is above the last final block, and not far ahead.
    ///
    /// While final blocks are missing, the frontier runs ahead of the last one here; then only what
    /// is near to the latter is kept, so that a member far behind does not keep the whole way.
    fn is_open(&self, slot: Slot, window: u64) -> bool {
        let tip = self.tip.block.slot;
        let mut reach = self.frontier.number();
        if self.is_behind() {
            reach = reach.min(tip.number().saturating_add(WINDOW));
        }
        slot > tip && slot.number() <= reach.saturating_add(window)
    }

    /// The proposal with this name, if it is at hand.
    fn proposal(&self, name: &BlockRef) -> Option<Proposal> {
        let candidate = self.candidate(name)?;
        Some(Proposal {
            block: (*candidate.block).clone(),
            signature: candidate.signature?,
        })
    }

    fn candidate(&self, name: &BlockRef) -> Option<&Candidate> {
        self.slots.get(&name.slot)?.candidates.get(&name.hash)
    }
}
