//! That the judge of liveness knows when a world is settled, just and silent.

use model::{Outcome, Time, TransactionId};

use super::{Expected, Liveness};
use crate::invariants::testing::{HEIGHT_1, certificate, follow, genesis, seat, state, tip};
use crate::invariants::{Sighting, What};
use crate::simulation::Setting;

/// Two honest nodes.
fn judge() -> Liveness {
    Liveness::new([0, 1].map(seat).into_iter())
}

fn see(judge: &mut Liveness, node: usize, what: &What<'_>) {
    judge.see(&Sighting {
        at: Time::ZERO,
        seat: seat(node),
        what,
    });
}

const fn transaction(mark: u8) -> TransactionId {
    TransactionId::from_bytes([mark; 32])
}

#[test]
fn a_world_is_settled_when_all_stand_at_one_certified_head() {
    let setting = Setting::new(4);
    let block = follow(&setting, &genesis(&setting), 1, Vec::new());
    let before = state(&setting, genesis(&setting), Default::default());
    let after = state(&setting, tip(&block), Default::default());
    let head = certificate(&block.applied.head);

    let mut judge = judge();
    assert!(judge.settled().unwrap_err().contains("not up"));
    see(&mut judge, 0, &What::Stands(&after));
    see(&mut judge, 1, &What::Stands(&before));
    assert!(judge.settled().unwrap_err().contains("certificate"));
    see(&mut judge, 0, &What::Certified(&head));
    assert!(judge.settled().unwrap_err().contains("another head"));
    see(&mut judge, 1, &What::Stands(&after));
    see(&mut judge, 1, &What::Certified(&head));
    judge.settled().unwrap();
    see(&mut judge, 1, &What::Crashed);
    judge.settled().unwrap_err();
}

#[test]
fn a_transaction_that_is_expected_must_be_decided() {
    let setting = Setting::new(4);
    let ledger = setting.ledger();
    let mut judge = judge();
    for node in [0, 1] {
        see(&mut judge, node, &What::Stands(&ledger));
    }
    judge.settled().unwrap();
    judge.expect(transaction(1), Expected::Decided);
    assert!(judge.settled().unwrap_err().contains("not decided"));
}

#[test]
fn exactly_one_of_two_that_contend_commits() {
    let abort = Outcome::Aborted(model::AbortReason::Invalid(
        model::Invalid::OutputsWithoutInputs {
            trace: model::TraceId::from_bytes([0; 32]),
        },
    ));
    let cases = [
        (Outcome::Committed, Outcome::Committed, false),
        (Outcome::Committed, abort, true),
        (abort, abort, false),
    ];
    for (first, second, just) in cases {
        let mut judge = judge();
        for (mark, outcome) in [(1, first), (2, second)] {
            judge.expect(transaction(mark), Expected::OneOf(1));
            judge.decided.insert(transaction(mark), outcome);
        }
        assert_eq!(judge.just().is_ok(), just, "{first:?}, {second:?}");
    }
}

#[test]
fn a_valid_transaction_that_aborts_is_seen() {
    let mut judge = judge();
    judge.expect(transaction(1), Expected::Committed);
    judge.just().unwrap_err();
    judge.decided.insert(transaction(1), Outcome::Committed);
    judge.just().unwrap();
}

#[test]
fn noise_and_blocks_without_work_are_seen() {
    let mut judge = judge();
    judge.silent(20, 20_000, judge.highest()).unwrap();
    judge.silent(21, 20_000, judge.highest()).unwrap_err();
    let before = judge.highest();
    judge.highest = HEIGHT_1;
    judge.silent(0, 20_000, before).unwrap_err();
}
