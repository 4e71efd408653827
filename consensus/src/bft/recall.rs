//! What others hold that a member has signed, and what this member does about what it has forgotten.

use model::shard::Seat;
use model::statement::{Slot, Statement, Vote};
use model::{Certificate, Signature};

use super::answers::Topic;
use super::slot::SlotState;
use super::{Bft, Turn};
use crate::member::Member;
use crate::record::Record;
use crate::time::Now;

impl Bft {
    /// Whether it is time to remind a member (again).
    pub(crate) fn may_remind(&mut self, now: Now, from: Seat) -> bool {
        self.answers.may_answer(now, from, Topic::Recall)
    }

    /// What a member has signed in the highest open slot in which it voted, and the highest proposal
    /// that it made, as far as they are held here. Whether it did sign is for itself to check.
    pub(crate) fn signed_by(&self, member: &Member, seat: Seat) -> Vec<(Statement, Signature)> {
        let votes = self.slots.iter().rev().find_map(|(slot, state)| {
            let votes = votes_of(*slot, state, seat);
            (!votes.is_empty()).then_some(votes)
        });
        let proposal = self
            .slots
            .iter()
            .rev()
            .filter(|(slot, _)| member.leader(**slot) == seat)
            .find_map(|(slot, state)| {
                let (hash, signature) = state
                    .candidates
                    .iter()
                    .find_map(|(hash, candidate)| Some((*hash, candidate.signature?)))?;
                let statement = Statement::Proposal {
                    slot: *slot,
                    block: hash,
                };
                Some((statement, signature))
            });
        votes.into_iter().flatten().chain(proposal).collect()
    }

    /// The finalization of the highest slot that is known to be final.
    pub(crate) fn highest_finalization(&self) -> Option<Certificate> {
        let open = self.slots.values().rev();
        open.filter_map(|state| state.certificates.finalization.as_ref())
            .map(|(_, certificate)| certificate)
            .next()
            .or(self.finalization.as_ref())
            .cloned()
    }

    /// The highest slot that is known to be final.
    pub(crate) fn highest_final(&self) -> Slot {
        let open = self.finalized().first().map(|block| block.slot);
        let target = self.catch_up.target_slot();
        let known = open.into_iter().chain(target);
        known.fold(self.tip.block.slot, Slot::max)
    }

    /// From now on this member signs nothing in slots up to this one, also after a restart.
    pub(crate) fn abstain(&self, turn: &mut Turn<'_>, through: Slot) {
        if through > self.tip.block.slot && through > turn.member.recall.through() {
            turn.member.recall.abstain(through);
            turn.persist(Record::Abstain(through));
        }
    }

    /// Somebody holds a vote that this member has signed.
    pub(crate) fn reminded_of_vote(&mut self, turn: &mut Turn<'_>, slot: Slot, vote: Vote) {
        let known = self
            .slots
            .get(&slot)
            .is_some_and(|state| state.own.cast().any(|cast| cast == vote));
        if !known {
            self.abstain(turn, slot);
            // Whoever votes reserves so many slots with it.
            let through = slot.number().saturating_add(turn.member.size());
            self.propose_above(turn, Slot::new(through));
        }
    }

    /// Somebody holds a proposal that this member has signed.
    pub(crate) fn reminded_of_proposal(&mut self, turn: &mut Turn<'_>, slot: Slot) {
        let known = self.slots.get(&slot).is_some_and(|state| state.proposed);
        if !known && slot > self.barrier {
            self.abstain(turn, slot);
            self.propose_above(turn, slot);
        }
    }

    /// This member may have proposed in slots up to this one.
    fn propose_above(&mut self, turn: &mut Turn<'_>, through: Slot) {
        self.barrier = self.barrier.max(through);
        self.reserve_through(turn, through);
    }
}

/// The votes of a member in a slot, from itself or from certificates.
fn votes_of(slot: Slot, state: &SlotState, seat: Seat) -> Vec<(Statement, Signature)> {
    let certified = state.certificates.iter().filter_map(|certificate| {
        let of = |(signer, signature): &(Seat, Signature)| (*signer == seat).then_some(*signature);
        let signature = certificate.signatures.iter().find_map(of)?;
        Some((certificate.statement, signature))
    });
    let mut votes: Vec<(Statement, Signature)> = certified.collect();
    for (vote, signature) in state.votes.of_member(seat) {
        let statement = Statement::Vote { slot, vote };
        if !votes.iter().any(|(known, _)| *known == statement) {
            votes.push((statement, signature));
        }
    }
    votes
}
