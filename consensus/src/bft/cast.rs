//! Casting votes: the only place where this member signs a new one.

use model::statement::{Slot, Statement, Vote};

use super::{Bft, Candidate, Turn};
use crate::injected::{self, Mistake};
use crate::message::{Message, Proposal, SignedVote};
use crate::record::Record;

impl Bft {
    /// Signs and keeps a vote, and says it, unless it conflicts, or may conflict, with an earlier vote
    /// of this member in the slot. Whether it did.
    pub(super) fn cast(&mut self, turn: &mut Turn<'_>, slot: Slot, vote: Vote) -> bool {
        let state = self.slots.entry(slot).or_default();
        if !state.own.permits(vote) || !turn.member.recall.may_sign(slot) {
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
        let written = Record::Vote { slot, vote };
        let said = Message::Vote(SignedVote {
            slot,
            vote,
            signature,
        });
        if injected::makes(Mistake::SaysBeforeWriting) {
            turn.broadcast(said);
            turn.persist(written);
        } else {
            turn.persist(written);
            turn.broadcast(said);
        }
        true
    }

    /// Writes ahead that this member may propose in slots up to `through`.
    pub(super) fn reserve_through(&mut self, turn: &mut Turn<'_>, through: Slot) {
        if self.reserved < through {
            self.reserved = through;
            turn.persist(Record::Reserved(through));
        }
    }
}

/// Writes a candidate to the log, once.
pub(super) fn log(turn: &mut Turn<'_>, candidate: &mut Candidate) {
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
