//! Voting (rules 4, 5 and 6).

use model::block::BlockRef;
use model::bounds;
use model::statement::{Height, Slot, Vote};
use model::{Hash, Time};

use super::catch_up::Wanted;
use super::{Bft, Candidate, Turn};
use crate::injected::{self, Mistake};
use crate::message::Message;

/// What stands between a candidate and a vote to notarize it.
enum Verdict {
    /// Nothing.
    Good,
    /// It breaks a rule, or its time is not this member's time.
    Bad,
    /// Its parent is not at hand. It is being fetched.
    ParentMissing,
    /// Its parent is not known to be notarized, or a slot between its parent and itself is not known
    /// to be skipped. Its leader knew when it proposed.
    Unproven {
        /// The first such slot.
        first: Slot,
    },
}

impl Bft {
    /// Casts all votes that the rules allow now. Whether there were any.
    pub(super) fn cast_votes(&mut self, turn: &mut Turn<'_>) -> bool {
        let open: Vec<Slot> = self.slots.keys().copied().collect();
        let mut any = false;
        for slot in open {
            any |= self.notarize(turn, slot);
            any |= self.finalize(turn, slot);
        }
        any | self.skip(turn)
    }

    /// Rule 4.
    fn notarize(&mut self, turn: &mut Turn<'_>, slot: Slot) -> bool {
        let Some(state) = self.slots.get(&slot) else {
            return false;
        };
        if state.own.notarize.is_some() && !injected::makes(Mistake::NotarizesTwice) {
            return false;
        }
        let notarized = state
            .notarized()
            .and_then(|hash| state.candidates.get_key_value(&hash));
        let Some((hash, candidate)) = notarized.or_else(|| state.candidates.iter().next()) else {
            return false;
        };
        match self.judge(turn, slot, candidate) {
            Verdict::Good => {
                let hash = *hash;
                self.cast(turn, slot, Vote::Notarize(hash))
            }
            Verdict::Bad | Verdict::ParentMissing => false,
            Verdict::Unproven { first } => {
                self.ask_for_proof(turn, first, slot);
                false
            }
        }
    }

    /// Asks the leader of a slot, which knew what its proposal builds on.
    fn ask_for_proof(&mut self, turn: &mut Turn<'_>, first: Slot, last: Slot) {
        let leader = turn.member.leader(last);
        let wanted = Wanted::Certificates;
        if leader != turn.member.seat() && self.catch_up.may_ask(turn.now, last, wanted).is_some() {
            turn.send(leader, Message::CertificatesRequest { first, last });
        }
    }

    /// Rule 5.
    fn finalize(&mut self, turn: &mut Turn<'_>, slot: Slot) -> bool {
        let Some(state) = self.slots.get(&slot) else {
            return false;
        };
        match &state.certificates.notarization {
            Some((hash, _)) if state.own.permits(Vote::Finalize(*hash)) => {
                let hash = *hash;
                self.cast(turn, slot, Vote::Finalize(hash))
            }
            Some(_) | None => false,
        }
    }

    /// Rule 6, for the frontier slot. A leader that skips its own slot proposes nothing in it, so
    /// others need not wait for it.
    fn skip(&mut self, turn: &mut Turn<'_>) -> bool {
        let slot = self.frontier;
        if !self.is_due(turn.now) && !self.is_abandoned(turn) {
            return false;
        }
        self.cast(turn, slot, Vote::Skip)
    }

    /// Whether the time of the leader of the frontier slot is over.
    fn is_due(&self, now: crate::Now) -> bool {
        self.skip_deadline()
            .is_some_and(|deadline| now.timer >= deadline)
    }

    /// When the time of the leader of the frontier slot is over; never, without a reason to wait.
    pub(super) fn skip_deadline(&self) -> Option<Time> {
        let since = self
            .waiting_since
            .filter(|_| !injected::makes(Mistake::NeverSkips))?;
        let fruitless = self
            .frontier
            .number()
            .saturating_sub(self.tip.block.slot.number())
            // The frontier itself, and the slot before it whose finalization is under way.
            .saturating_sub(2);
        Some(since.plus_ms(self.pace.skip_after_ms(fruitless)))
    }

    /// Whether the leader of the frontier slot has itself voted to skip it, and has proposed nothing.
    fn is_abandoned(&mut self, turn: &mut Turn<'_>) -> bool {
        let slot = self.frontier;
        let leader = turn.member.leader(slot);
        let Some(state) = self.slots.get_mut(&slot) else {
            return false;
        };
        !state.own.skip
            && state.candidates.is_empty()
            && state
                .votes
                .is_genuine(turn.member, slot, leader, Vote::Skip)
    }

    /// Whether a candidate may be voted for, as far as is known now.
    fn judge(&self, turn: &Turn<'_>, slot: Slot, candidate: &Candidate) -> Verdict {
        let header = &candidate.block.header;
        let parent = header.parent;
        let leaves_tip = parent.slot <= self.tip.block.slot && parent != self.tip.block;
        if parent.slot >= slot || leaves_tip {
            return Verdict::Bad;
        }
        let unproven = self
            .candidate(&parent)
            .filter(|_| injected::makes(Mistake::ParentUnchecked))
            .map(|candidate| (candidate.block.header.height, candidate.block.header.time));
        let Some((height, time)) = self.notarized_parent(&parent).or(unproven) else {
            return if self.is_notarized(&parent) {
                Verdict::ParentMissing
            } else {
                Verdict::Unproven { first: parent.slot }
            };
        };
        if header.height != height.next() || !is_timely(header.time, time, turn.now.clock) {
            return Verdict::Bad;
        }
        // What comes after the end of an epoch can make it final, and nothing else.
        if self.is_over(&parent) && !candidate.entries.is_empty() {
            return Verdict::Bad;
        }
        match self.first_unskipped(parent.slot, slot) {
            Some(first) => Verdict::Unproven { first },
            None => Verdict::Good,
        }
    }

    fn is_notarized(&self, block: &BlockRef) -> bool {
        self.slots
            .get(&block.slot)
            .is_some_and(|state| state.is_notarized(&block.hash))
    }

    /// Height and time of a block that one may build on.
    pub(super) fn notarized_parent(&self, parent: &BlockRef) -> Option<(Height, Time)> {
        if *parent == self.tip.block {
            return Some((self.tip.height, self.tip.time));
        }
        let header = &self.candidate(parent)?.block.header;
        self.is_notarized(parent)
            .then_some((header.height, header.time))
    }

    /// Whether the epoch ends with this block or with one before it that is not applied yet.
    pub(super) fn is_over(&self, block: &BlockRef) -> bool {
        let chain = self.chain_to(block).unwrap_or_default();
        chain.iter().any(|candidate| candidate.ends_epoch())
    }

    /// The first slot strictly between two that has no skip certificate.
    pub(super) fn first_unskipped(&self, parent: Slot, slot: Slot) -> Option<Slot> {
        let mut between = parent.next();
        while between < slot && !injected::makes(Mistake::SkipProofUnchecked) {
            let skipped = self
                .slots
                .get(&between)
                .is_some_and(|state| state.certificates.skip.is_some());
            if !skipped {
                return Some(between);
            }
            between = between.next();
        }
        None
    }

    /// Whether others have made a block matter: it is kept however many there are in its slot.
    pub(super) fn matters(&self, block: &BlockRef, honest: usize) -> bool {
        let supported = self.slots.get(&block.slot).is_some_and(|state| {
            state.is_notarized(&block.hash) || state.votes.supporters(&block.hash) >= honest
        });
        supported || self.missing_ancestors().contains(block)
    }

    /// The next blocks that are missing below the highest final and the highest notarized block.
    /// Both took quorums that knew all before them; this member may have cleared their slots by
    /// skipping them.
    fn missing_ancestors(&self) -> Vec<BlockRef> {
        let last_final = self.finalized().first().copied();
        last_final
            .into_iter()
            .chain(self.highest_notarized())
            .filter_map(|block| self.first_missing(block))
            .collect()
    }

    /// The highest block that is not at hand on the way from `block` down to the last final one.
    fn first_missing(&self, block: BlockRef) -> Option<BlockRef> {
        let mut next = block;
        while next.slot > self.tip.block.slot {
            match self.candidate(&next) {
                Some(candidate) => next = candidate.block.header.parent,
                None => return Some(next),
            }
        }
        None
    }

    /// The proposals that matter and are not at hand, with members that should have them.
    pub(super) fn missing_proposals(
        &self,
        honest: usize,
    ) -> Vec<(BlockRef, Vec<model::shard::Seat>)> {
        let mut missing: Vec<(BlockRef, Vec<model::shard::Seat>)> = self
            .missing_ancestors()
            .into_iter()
            .map(|block| (block, Vec::new()))
            .collect();
        for (slot, state) in &self.slots {
            let favourite = state.votes.favourite();
            let wanted: Option<Hash> = state.notarized().or_else(|| {
                let (hash, seats) = favourite.as_ref()?;
                (seats.len() >= honest).then_some(*hash)
            });
            if let Some(hash) = wanted
                && !state.candidates.contains_key(&hash)
            {
                let holders = favourite
                    .filter(|(found, _)| *found == hash)
                    .map(|(_, seats)| seats)
                    .unwrap_or_default();
                let block = BlockRef { slot: *slot, hash };
                missing.retain(|(known, _)| *known != block);
                missing.push((block, holders));
            }
        }
        missing
    }
}

/// Whether a block may have this time: after its parent's, and near a voter's clock.
///
/// A leader whose parent is ahead of its clock can only take the next millisecond. Voters whose
/// clocks are behind the leader's accept that, or a liar that dates its block as late as it may
/// would cost the leader after it a slot.
fn is_timely(time: Time, parent: Time, clock: Time) -> bool {
    if injected::makes(Mistake::TimeUnchecked) {
        return time > parent;
    }
    let early = time.plus_ms(bounds::CLOCK_TOLERANCE_MS) < clock;
    let late = time > clock.plus_ms(bounds::CLOCK_TOLERANCE_MS) && time != parent.plus_ms(1);
    time > parent && !early && !late
}
