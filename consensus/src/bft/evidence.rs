//! Evidence: two statements of one member that no honest member signs together.
//!
//! Whatever this member checks or keeps is compared with what it holds of the same member and slot.
//! One record of each kind per member and epoch is kept, so that a liar cannot fill the log.

use model::shard::Seat;
use model::statement::{Slot, Statement, Vote};
use model::{Hash, Lie, Malpractice, Signature};

use super::votes::Added;
use super::{Bft, Turn};
use crate::injected::{self, Mistake};
use crate::member::Member;
use crate::record::Record;
use crate::replica::Output;

impl Bft {
    /// Takes in a vote of a member, whose signature has been `checked` or not, and reports it if it
    /// conflicts with what the member has voted before.
    pub(super) fn count(
        &mut self,
        turn: &mut Turn<'_>,
        seat: Seat,
        (slot, vote): (Slot, Vote),
        signature: Signature,
        checked: bool,
    ) {
        let votes = &mut self.slots.entry(slot).or_default().votes;
        while let Added::Conflict(first) = votes.add(seat, vote, signature, checked) {
            // A vote that the member never signed makes room for the one that it may have signed.
            if votes.is_genuine(turn.member, slot, seat, first.vote) {
                let of = |vote| Statement::Vote { slot, vote };
                let first = (of(first.vote), first.signature);
                if accuse(turn, seat, first, (of(vote), signature)) {
                    votes.note_liar(seat);
                }
                return;
            }
        }
    }

    /// Reports the leader of a slot if it proposed another block in it than the one that is held.
    pub(super) fn compare_proposals(
        &mut self,
        turn: &mut Turn<'_>,
        slot: Slot,
        (block, signature): (Hash, Signature),
    ) {
        let Some(state) = self.slots.get_mut(&slot) else {
            return;
        };
        let held = state
            .candidates
            .iter()
            .find_map(|(hash, candidate)| Some((*hash, candidate.signature?)));
        let Some((other, theirs)) = held.filter(|(hash, _)| *hash != block) else {
            return;
        };
        if !state.leader_lied {
            let of = |block| Statement::Proposal { slot, block };
            let leader = turn.member.leader(slot);
            state.leader_lied = accuse(turn, leader, (of(other), theirs), (of(block), signature));
        }
    }
}

/// Keeps and reports two conflicting statements of a member, if it really signed both. Whether it
/// was reported, now or before.
pub(crate) fn accuse(
    turn: &mut Turn<'_>,
    seat: Seat,
    first: (Statement, Signature),
    second: (Statement, Signature),
) -> bool {
    let Some(node) = turn.member.committee().member(seat) else {
        return false;
    };
    let scope = *turn.member.committee().scope();
    let lie = Lie::Statements {
        scope,
        first,
        second,
    };
    let kind = lie.kind();
    report(turn.member, Malpractice { node, lie }, turn.out);
    turn.member.reported.contains(scope.shard, &node, kind)
}

/// Keeps and reports a record of malpractice, if it proves something and is the first of its kind
/// against the node in this epoch.
pub(crate) fn report(member: &mut Member, record: Malpractice, out: &mut Vec<Output>) {
    if member.reports(&record) && !injected::makes(Mistake::Conceals) {
        out.push(Output::Persist(Record::Malpractice(record.clone())));
        out.push(Output::Malpractice(record));
    }
}
