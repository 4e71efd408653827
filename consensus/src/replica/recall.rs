//! Asking the others what this member has signed, and telling them what they have signed.

use model::Time;
use model::shard::Seat;
use model::statement::Statement;

use super::{Contradiction, Output, Replica};
use crate::message::{Message, Reminder};
use crate::time::Now;

impl Replica {
    /// Another member has started and asks what it has signed.
    pub(super) fn on_recall(&mut self, now: Now, from: Seat, name: Time, out: &mut Vec<Output>) {
        self.member.recall.note_question(from, name);
        if self.bft.may_remind(now, from) {
            self.remind(now, from, out);
        }
    }

    /// Answers a member's last question (again).
    pub(super) fn remind(&mut self, now: Now, to: Seat, out: &mut Vec<Output>) {
        let Some(asked) = self.member.recall.question_of(to) else {
            return;
        };
        let (turn, bft, heads) = &mut self.parts(now, out);
        let mut signed = bft.signed_by(turn.member, to);
        signed.extend(heads.signed_by(to));
        let reminder = Reminder {
            asked,
            finalization: bft.highest_finalization(),
            signed,
        };
        turn.send(to, Message::Reminder(reminder));
    }

    /// A member answers: what it shows that this member has signed must be in the log, or has been
    /// forgotten.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if this member has signed another head than the one it computed.
    pub(super) fn on_reminder(
        &mut self,
        now: Now,
        from: Seat,
        reminder: Reminder,
        out: &mut Vec<Output>,
    ) -> Result<(), Contradiction> {
        let Reminder {
            asked,
            finalization,
            signed,
        } = reminder;
        if !self.member.recall.is_answer(from, asked) {
            return Ok(());
        }
        let (turn, bft, heads) = &mut self.parts(now, out);
        if let Some(certificate) = finalization {
            bft.on_certificate(turn, from, certificate);
        }
        // What is final needs no vote, and this member may have voted there.
        bft.abstain(turn, bft.highest_final());
        let seat = turn.member.seat();
        for (statement, signature) in signed {
            if !turn.member.verify(seat, &statement, &signature) {
                continue;
            }
            match statement {
                Statement::Vote { slot, vote } => bft.reminded_of_vote(turn, slot, vote),
                Statement::Proposal { slot, block: _ } => bft.reminded_of_proposal(turn, slot),
                Statement::Head { height, head } => heads.reminded(height, head)?,
                Statement::Succession { .. } => {} // it contradicts nothing
            }
        }
        let quorum = turn.member.committee().quorum();
        if turn.member.recall.answered(from, quorum) {
            heads.resume(turn);
        }
        Ok(())
    }

    /// Asks again, if too few have answered for too long.
    pub(super) fn ask_again(&mut self, now: Now, out: &mut Vec<Output>) {
        let Some(name) = self.member.recall.ask_again(now) else {
            return;
        };
        for other in self.member.others() {
            if self.member.recall.question_for(other).is_some() {
                out.push(Output::Send {
                    to: other,
                    message: std::sync::Arc::new(Message::Recall(name)),
                });
            }
        }
    }
}
