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

mod catch_up;
mod certify;
mod commit;
mod pace;
mod propose;
mod restore;
mod slot;
mod standstill;
mod vote;
mod votes;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::block::BlockRef;
use model::shard::Seat;
use model::statement::{Slot, Statement, Vote};
use model::transaction::Authorized;
use model::{Block, Certificate, Malpractice, Signature, Time};

use crate::ledger::Tip;
use crate::member::Member;
use crate::message::{AdmittedBlock, Message, Proposal, SignedVote, Status};
use crate::record::Record;
use crate::replica::{Contradiction, Output};
use crate::time::Now;

pub use pace::Pace;
pub(crate) use propose::Work;
use catch_up::CatchUp;
use slot::SlotState;
use standstill::Standstill;
use votes::Added;

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
    pub(crate) entries: Arc<Vec<Authorized>>,
    /// The leader's signature; `None` for a final block that was fetched.
    signature: Option<Signature>,
    /// Whether the block is in the log.
    logged: bool,
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
pub(crate) struct Bft {
    pace: Pace,
    /// The last final block.
    tip: Tip,
    /// Its finalization, or that of the descendant that made it final.
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
    fn persist(&mut self, record: Record) {
        self.out.push(Output::Persist(record));
    }

    pub(crate) fn broadcast(&mut self, message: Message) {
        self.out.push(Output::Broadcast(Arc::new(message)));
    }

    fn send(&mut self, to: Seat, message: Message) {
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
        }
    }

    /// A leader's proposal, from whomever it came.
    pub(crate) fn on_proposal(&mut self, turn: &mut Turn<'_>, admitted: AdmittedBlock) {
        let AdmittedBlock { proposal, entries } = admitted;
        let statement = proposal.statement();
        let slot = proposal.block.header.slot;
        if !self.is_open(slot, PROPOSAL_WINDOW) {
            return;
        }
        let hash = proposal.block.hash();
        let leader = turn.member.leader(slot);
        let state = self.slots.entry(slot).or_default();
        if state.candidates.contains_key(&hash) {
            return;
        }
        if !turn.member.verify(leader, &statement, &proposal.signature) {
            return;
        }
        let other = state
            .candidates
            .iter()
            .find_map(|(other, candidate)| Some((*other, candidate.signature?)));
        if let Some((other, signature)) = other {
            let first = (Statement::Proposal { slot, block: other }, signature);
            accuse(turn, leader, first, (statement, proposal.signature));
            // One more than the first is kept only if others have made it matter.
            let honest = turn.member.committee().honest_threshold();
            if !state.is_notarized(&hash) && state.votes.supporters(&hash) < honest {
                return;
            }
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
        if !self.is_open(vote.slot, WINDOW) {
            return;
        }
        let state = self.slots.entry(vote.slot).or_default();
        match state.votes.add(from, vote.vote, vote.signature) {
            Added::New | Added::Known => {}
            Added::Conflict(first) => {
                let slot = vote.slot;
                let of = |vote| Statement::Vote { slot, vote };
                let first = (of(first.vote), first.signature);
                accuse(turn, from, first, (of(vote.vote), vote.signature));
            }
        }
    }

    /// Somebody asks for a proposal.
    pub(crate) fn on_proposal_request(&self, turn: &mut Turn<'_>, from: Seat, wanted: BlockRef) {
        if let Some(proposal) = self.proposal(&wanted) {
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
    pub(crate) fn is_busy(&self) -> bool {
        self.waiting_since.is_some() || self.catch_up.is_behind()
    }

    /// When the agreement wants to be woken next.
    pub(crate) fn deadline(&self, now: Now, member: &Member, busy: bool) -> Option<Time> {
        self.catch_up
            .deadlines()
            .chain(self.skip_deadline())
            .chain(self.empty_deadline(member))
            .chain(self.repair_deadline(busy))
            .filter(|deadline| *deadline > now.timer)
            .min()
    }

    /// Whether things about `slot` are kept: it is above the last final block, and not far ahead.
    fn is_open(&self, slot: Slot, window: u64) -> bool {
        slot > self.tip.block.slot
            && slot.number() <= self.frontier.number().saturating_add(window)
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

    /// Signs and keeps a vote, and says it. The only place where this member votes: what conflicts
    /// with an earlier vote of its own in the slot is not signed.
    fn cast(&mut self, turn: &mut Turn<'_>, slot: Slot, vote: Vote) -> bool {
        let state = self.slots.entry(slot).or_default();
        if !state.own.permits(vote) {
            return false;
        }
        if let Vote::Notarize(hash) | Vote::Finalize(hash) = vote
            && let Some(candidate) = state.candidates.get_mut(&hash)
        {
            log(turn, candidate);
        }
        let through = slot.number().saturating_add(turn.member.size());
        self.reserve_through(turn, Slot::new(through));
        let signature = turn.member.sign(&Statement::Vote { slot, vote });
        let state = self.slots.entry(slot).or_default();
        state.own.record(vote);
        state.votes.add_own(turn.member.seat(), vote, signature);
        turn.persist(Record::Vote { slot, vote });
        turn.broadcast(Message::Vote(SignedVote {
            slot,
            vote,
            signature,
        }));
        true
    }
}

impl Bft {
    /// Writes ahead that this member may propose in slots up to `through`.
    fn reserve_through(&mut self, turn: &mut Turn<'_>, through: Slot) {
        if self.reserved < through {
            self.reserved = through;
            turn.persist(Record::Reserved(through));
        }
    }
}

/// Writes a candidate to the log, once.
fn log(turn: &mut Turn<'_>, candidate: &mut Candidate) {
    if candidate.logged {
        return;
    }
    candidate.logged = true;
    let block = (*candidate.block).clone();
    turn.persist(match candidate.signature {
        Some(signature) => Record::Proposal(Proposal { block, signature }),
        None => Record::Block(block),
    });
}

/// Keeps and reports two conflicting statements of a member, if it really signed both.
pub(crate) fn accuse(
    turn: &mut Turn<'_>,
    seat: Seat,
    first: (Statement, Signature),
    second: (Statement, Signature),
) {
    let record = turn.member.malpractice(seat, first, second);
    if let Some(record) = record {
        report(turn, record);
    }
}

/// Keeps and reports a record of malpractice.
fn report(turn: &mut Turn<'_>, record: Malpractice) {
    turn.persist(Record::Malpractice(record.clone()));
    turn.out.push(Output::Malpractice(record));
}
