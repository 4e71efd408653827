//! What the other members of the shard tell this one, and what it tells them again.

use model::Epoch;
use model::shard::Seat;
use model::statement::Scope;

use super::{Contradiction, Output, Replica};
use crate::message::{Admitted, Message, TRANSACTIONS_MAX};
use crate::time::Now;

impl Replica {
    /// A member of the shard told this member something.
    ///
    /// # Errors
    ///
    /// [`Contradiction`] if a quorum has signed another head than the one this member computed.
    pub(super) fn on_message(
        &mut self,
        now: Now,
        from: Seat,
        epoch: Epoch,
        message: Admitted,
        out: &mut Vec<Output>,
    ) -> Result<(), Contradiction> {
        if from == self.member.seat() {
            return Ok(());
        }
        if let Admitted::Changes(changes) = message {
            let mut changes = changes.iter();
            return changes.try_for_each(|change| self.learn(now, change, Some(from), out));
        }
        if let Admitted::HeadSignature(signature) = &message {
            let scope = Scope {
                epoch,
                ..self.ledger.scope
            };
            self.compare_place(scope, from, *signature, out);
        }
        if epoch != self.ledger.scope.epoch {
            self.on_other_epoch(now, from, epoch, out);
            return Ok(());
        }
        let (turn, bft, heads) = &mut self.parts(now, out);
        match message {
            Admitted::Proposal(proposal) => bft.on_proposal(turn, proposal),
            Admitted::Vote(vote) => bft.on_vote(turn, from, vote),
            Admitted::Certificate(certificate) => bft.on_certificate(turn, from, certificate),
            Admitted::Status(status) => {
                let certified = status.certified;
                if bft.on_status(turn, from, status) {
                    heads.on_status(turn, from, certified);
                }
            }
            Admitted::ProposalRequest(block) => bft.on_proposal_request(turn, from, block),
            Admitted::CertificatesRequest { first, last } => {
                bft.on_certificates_request(turn, from, first, last);
            }
            Admitted::HeadSignature(signature) => heads.on_signature(turn, from, signature),
            Admitted::HeadCertificate(certificate) => heads.on_certificate(turn, certificate)?,
            Admitted::Transactions(transactions) => {
                for transaction in transactions {
                    self.take_in(now, &transaction);
                }
            }
            Admitted::Approval(approval) => self.on_approval(from, approval),
            Admitted::Changes(_) => {} // see above
            Admitted::Recall(name) => self.on_recall(now, from, name, out),
            Admitted::Reminder(reminder) => self.on_reminder(now, from, reminder, out)?,
        }
        Ok(())
    }

    /// A link to a member came up: it is told what it may have missed.
    pub(super) fn on_link_up(&mut self, now: Now, seat: Seat, out: &mut Vec<Output>) {
        // One message of transactions: a link that comes and goes must not cost more than it carries.
        let oldest = self.oldest(TRANSACTIONS_MAX).into_iter().take(1);
        let said: Vec<Message> = oldest.chain(self.said()).collect();
        let (turn, bft, heads) = &mut self.parts(now, out);
        bft.on_link_up(seat);
        turn.send(seat, Message::Status(bft.status(heads.certified())));
        for message in said {
            turn.send(seat, message);
        }
        if let Some(question) = turn.member.recall.question_for(seat) {
            turn.send(seat, Message::Recall(question));
        }
        self.remind(now, seat, out);
    }

    /// What this member has said and others may lack.
    pub(super) fn said(&self) -> impl Iterator<Item = Message> + use<> {
        let seat = self.member.seat();
        let heads = self.heads.said(seat);
        let said = self.bft.said(seat).into_iter().chain(heads);
        said.chain(self.succession.said(seat))
    }
}
