//! What a member signs, put before the judge as it leaves.

use consensus::Message;
use consensus::message::HeadSignature;
use model::shard::Seat;
use model::{HeadCertificate, Signature, Statement};

use super::Member;
use crate::shard::world::{MEMBERS, World};

impl Member {
    /// Judges what is signed in a message that the member sends.
    pub(super) fn judge_message(&mut self, message: &Message) {
        match message {
            Message::Vote(vote) => {
                let kept = self.votes.contains(&(vote.slot, vote.vote));
                assert!(kept, "a vote is kept before it is said");
                let statement = Statement::Vote {
                    slot: vote.slot,
                    vote: vote.vote,
                };
                self.judge(&statement);
            }
            Message::HeadSignature(signature) => {
                // The power may have taken the record of a head, and others remind the member of it.
                let kept = self.heads.contains(&signature.head);
                let HeadSignature { height, head, .. } = *signature;
                assert!(
                    kept || self.judge.has_heard(height, head),
                    "a head is kept before it is said"
                );
                let statement = Statement::Head {
                    height: signature.height,
                    head: signature.head,
                };
                self.judge(&statement);
            }
            Message::Proposal(proposal) => {
                let leader = proposal.block.header.slot.number() % MEMBERS as u64;
                if leader == self.index as u64 {
                    self.judge(&proposal.statement());
                }
            }
            Message::Certificate(certificate) => {
                self.judge_signatures(&certificate.statement, &certificate.signatures);
            }
            Message::HeadCertificate(HeadCertificate {
                head: _,
                certificate,
            }) => {
                self.judge_signatures(&certificate.statement, &certificate.signatures);
            }
            Message::Status(_)
            | Message::ProposalRequest(_)
            | Message::CertificatesRequest { .. }
            | Message::Transactions(_)
            | Message::Recall(_)
            | Message::Approval(_)
            | Message::Changes(_)
            | Message::Reminder(_) => {}
        }
    }

    /// Its own signature in a certificate is a statement like any other.
    fn judge_signatures(&mut self, statement: &Statement, signatures: &[(Seat, Signature)]) {
        let own = World::get().sign(self.index, statement);
        if signatures.contains(&(self.seat(), own)) {
            self.judge(statement);
        }
    }

    fn judge(&mut self, statement: &Statement) {
        let verdict = self.judge.hears(statement);
        assert_eq!(verdict, Ok(()), "member {} says {statement:?}", self.index);
    }
}
