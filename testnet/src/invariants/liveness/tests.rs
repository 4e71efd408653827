//! That the judge of liveness knows when a world is settled, just and silent.

use std::sync::Arc;

use consensus::sbac::session::Held;
use model::{Epoch, Outcome, ShardId, Time, TransactionId};

use super::{End, Expected, Liveness};
use crate::invariants::roll::Roll;
use crate::invariants::testing::{
    HEIGHT_1, Scripted, aborted, certificate, follow, genesis, prepared, seat, state, tip, turn,
};
use crate::invariants::{Sighting, What};
use crate::simulation::{Place, SHARD, Setting, Trust};

/// Two honest nodes.
fn judge() -> Liveness {
    let both = [0, 1].map(place).into_iter();
    Liveness::new(both.clone(), both, Trust::default())
}

fn place(node: usize) -> Place {
    Place {
        shard: SHARD,
        seat: seat(node),
    }
}

fn ended(judge: &mut Liveness, mark: u8, outcome: Outcome, missing: &[ShardId]) {
    let end = End {
        outcome,
        missing: missing.iter().copied().collect(),
    };
    judge.ends.insert(transaction(mark), end);
}

fn see(judge: &mut Liveness, node: usize, what: &What<'_>) {
    judge.see(&Sighting {
        at: Time::ZERO,
        shard: SHARD,
        seat: seat(node),
        epoch: Epoch::ZERO,
        roll: &Roll::new(&Setting::new(4)),
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
    let abort = aborted();
    let cases = [
        (Outcome::Committed, Outcome::Committed, false),
        (Outcome::Committed, abort, true),
        (abort, abort, false),
    ];
    for (first, second, just) in cases {
        let mut judge = judge();
        for (mark, outcome) in [(1, first), (2, second)] {
            judge.expect(transaction(mark), Expected::OneOf(1));
            ended(&mut judge, mark, outcome, &[]);
        }
        assert_eq!(judge.just().is_ok(), just, "{first:?}, {second:?}");
    }
}

#[test]
fn a_valid_transaction_that_aborts_is_seen() {
    let mut judge = judge();
    judge.expect(transaction(1), Expected::Committed);
    judge.just().unwrap_err();
    ended(&mut judge, 1, Outcome::Committed, &[]);
    judge.just().unwrap();
}

#[test]
fn noise_and_blocks_without_work_are_seen() {
    let mut judge = judge();
    judge.silent(20, 20_000, judge.blocks()).unwrap();
    judge.silent(21, 20_000, judge.blocks()).unwrap_err();
    let before = judge.blocks();
    judge.highest.insert(SHARD, HEIGHT_1);
    judge.silent(0, 20_000, before).unwrap_err();
}

#[test]
fn what_committed_in_one_shard_alone_is_not_settled() {
    let mut judge = judge();
    let ledger = Setting::new(4).ledger();
    for node in [0, 1] {
        see(&mut judge, node, &What::Stands(&ledger));
    }
    ended(&mut judge, 1, Outcome::Committed, &[ShardId::new(1)]);
    assert!(judge.settled().unwrap_err().contains("not in"));
    ended(&mut judge, 1, aborted(), &[ShardId::new(1)]);
    judge.settled().unwrap();
}

#[test]
fn what_is_under_way_or_locked_is_seen() {
    let [first, second] = Scripted::two();
    let payment = turn(&first.setting, 1, second.setting.shard(), 0);
    let genesis = genesis(&first.setting);
    let mut after = state(&first.setting, genesis, Default::default());
    let session = Arc::new(prepared(&payment, Held::default()));
    after.state.sessions.insert(payment.id(), session);
    let mut judge = judge();
    for node in [0, 1] {
        see(&mut judge, node, &What::Stands(&after));
    }
    assert!(judge.settled().unwrap_err().contains("under way"));
}
