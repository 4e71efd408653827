//! That the judge of signatures knows what conflicts, and what a crash makes undone.

use consensus::Message;
use consensus::message::SignedVote;
use model::statement::{Epoch, Height, Slot, Statement, Vote};
use model::{Hash, Signature};

use super::Signing;
use crate::invariants::What;
use crate::invariants::testing::{place, see};
use crate::simulation::Setting;

const A: Hash = Hash::from_bytes([1; 32]);
const B: Hash = Hash::from_bytes([2; 32]);

fn vote(slot: u64, vote: Vote) -> Statement {
    let slot = Slot::new(slot);
    Statement::Vote { slot, vote }
}

const fn proposal(slot: u64, block: Hash) -> Statement {
    let slot = Slot::new(slot);
    Statement::Proposal { slot, block }
}

const fn head(height: u64, head: Hash) -> Statement {
    let height = Height::new(height);
    Statement::Head { height, head }
}

fn signs(judge: &mut Signing, statement: &Statement) -> Result<(), String> {
    let setting = Setting::new(4);
    let bytes = statement.signing_bytes(setting.scope());
    see(judge, 0, &What::Signed(&bytes))
}

#[track_caller]
fn check(first: Statement, second: Statement, conflict: bool) {
    for (first, second) in [(first, second), (second, first)] {
        let mut judge = Signing::default();
        signs(&mut judge, &first).unwrap();
        let said = signs(&mut judge, &second);
        assert_eq!(said.is_err(), conflict, "{first:?} and {second:?}");
        signs(&mut judge, &first).unwrap();
    }
}

#[test]
fn exactly_the_pairs_that_conflict_are_seen() {
    use Vote::{Finalize, Notarize, Skip};
    check(vote(7, Notarize(A)), vote(7, Notarize(B)), true);
    check(vote(7, Finalize(A)), vote(7, Finalize(B)), true);
    check(vote(7, Notarize(A)), vote(7, Finalize(B)), true);
    check(vote(7, Skip), vote(7, Finalize(A)), true);
    check(proposal(7, A), proposal(7, B), true);
    check(head(7, A), head(7, B), true);

    check(vote(7, Skip), vote(7, Notarize(A)), false);
    check(vote(7, Notarize(A)), vote(7, Finalize(A)), false);
    check(vote(7, Notarize(A)), vote(8, Notarize(B)), false);
    check(vote(7, Skip), vote(8, Finalize(A)), false);
    check(proposal(7, A), vote(7, Notarize(B)), false);
    check(proposal(7, A), proposal(8, B), false);
    check(head(7, A), head(8, B), false);
    check(head(7, A), vote(7, Notarize(B)), false);
}

#[test]
fn what_was_let_out_counts_after_a_crash_and_nothing_else_does() {
    for let_out in [false, true] {
        let mut judge = Signing::default();
        let notarize = Vote::Notarize(A);
        signs(&mut judge, &vote(7, notarize)).unwrap();
        if let_out {
            let message = Message::Vote(SignedVote {
                slot: Slot::new(7),
                vote: notarize,
                signature: Signature::from_bytes([0; 64]),
            });
            let sent = What::Sent {
                epoch: Epoch::ZERO,
                message: &message,
                durable: place(0),
            };
            see(&mut judge, 0, &sent).unwrap();
        }
        see(&mut judge, 0, &What::Crashed).unwrap();
        let again = signs(&mut judge, &vote(7, Vote::Notarize(B)));
        assert_eq!(again.is_err(), let_out);
    }
}

#[test]
fn bytes_that_are_no_statement_are_seen() {
    let mut judge = Signing::default();
    see(&mut judge, 0, &What::Signed(b"something else")).unwrap_err();
}
