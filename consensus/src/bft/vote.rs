//! Voting (rules 4, 5 and 6).

use model::block::BlockRef;
use model::bounds;
use model::statement::{Height, Slot, Vote};
use model::{Hash, Time};

use super::{Bft, Candidate, Turn};
use crate::message::Message;

/// What stands between a candidate and a vote to notarize it.
enum Verdict {
    /// Nothing.
    Good,
    /// It will never be voted for by this member.
    Bad,
    /// Its parent is not at hand, or not known to be notarized.
    ParentMissing,
    /// Slots between its parent and itself are not known to be skipped.
    GapOpen {
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
        if state.own.notarize.is_some() || slot > self.frontier {
            return false;
        }
        let notarized = state.notarized().and_then(|hash| state.candidates.get_key_value(&hash));
        let Some((hash, candidate)) = notarized.or_else(|| state.candidates.iter().next()) else {
            return false;
        };
        match self.judge(turn, slot, candidate) {
            Verdict::Good => {
                let hash = *hash;
                self.cast(turn, slot, Vote::Notarize(hash))
            }
            Verdict::Bad | Verdict::ParentMissing => false,
            Verdict::GapOpen { first } => {
                let leader = turn.member.leader(slot);
                if self.catch_up.may_ask(turn.now, slot) && leader != turn.member.seat() {
                    let last = slot;
                    turn.send(leader, Message::CertificatesRequest { first, last });
                }
                false
            }
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
        let since = self.waiting_since?;
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
            && state.votes.has_skipped(turn.member, slot, leader)
    }

    /// Whether a candidate may be voted for, as far as is known now.
    fn judge(&self, turn: &Turn<'_>, slot: Slot, candidate: &Candidate) -> Verdict {
        let header = &candidate.block.header;
        let parent = header.parent;
        if parent.slot >= slot || parent.slot < self.tip.block.slot {
            return Verdict::Bad;
        }
        if header.time.distance_ms(turn.now.clock) > bounds::CLOCK_TOLERANCE_MS {
            return Verdict::Bad;
        }
        let Some((height, time)) = self.notarized_parent(&parent) else {
            return Verdict::ParentMissing;
        };
        if header.height != height.next() || header.time <= time {
            return Verdict::Bad;
        }
        match self.first_unskipped(parent.slot, slot) {
            Some(first) => Verdict::GapOpen { first },
            None => Verdict::Good,
        }
    }

    /// Height and time of a block that one may build on.
    pub(super) fn notarized_parent(&self, parent: &BlockRef) -> Option<(Height, Time)> {
        if *parent == self.tip.block {
            return Some((self.tip.height, self.tip.time));
        }
        let state = self.slots.get(&parent.slot)?;
        let candidate = state.candidates.get(&parent.hash)?;
        let header = &candidate.block.header;
        state
            .is_notarized(&parent.hash)
            .then_some((header.height, header.time))
    }

    /// The first slot strictly between two that has no skip certificate.
    pub(super) fn first_unskipped(&self, parent: Slot, slot: Slot) -> Option<Slot> {
        let mut between = parent.next();
        while between < slot {
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

    /// The proposals that have enough support to matter and are not at hand, with members that
    /// should have them.
    pub(super) fn missing_proposals(&self, honest: usize) -> Vec<(BlockRef, Vec<model::shard::Seat>)> {
        let mut missing = Vec::new();
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
                missing.push((BlockRef { slot: *slot, hash }, holders));
            }
        }
        missing
    }
}
