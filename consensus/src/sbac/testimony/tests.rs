//! Testimony: who says the opposite is convicted once, and what is kept is bounded.

use model::{AbortReason, Leaf, Signature, Verdict};

use super::*;
use crate::sbac::testing::{OURS, delivery, leaf};

const LIAR: ShardId = ShardId::new(1);
const YES: Promise = Promise::Prepared(Verdict::Commit);
const NO: Promise = Promise::Prepared(Verdict::Abort(AbortReason::Deadline));
const COMMIT: Promise = Promise::Accept(Verdict::Commit);
const ABORT: Promise = Promise::Accept(Verdict::Abort(AbortReason::Deadline));

/// What the members on these seats have signed.
fn signed(from: ShardId, height: u64, leaves: &[Leaf], seats: &[usize]) -> Arc<Delivery> {
    let mut delivery = Arc::unwrap_or_clone(delivery(from, height, leaves));
    let sign = |seat: &usize| {
        let seat = Seat::new(*seat).expect("a small shard");
        (seat, Signature::from_bytes([0; 64]))
    };
    let signatures = seats.iter().map(sign).collect();
    delivery.parcel.head.certificate.signatures = signatures;
    Arc::new(delivery)
}

fn says(height: u64, promise: Promise, seats: &[usize]) -> Arc<Delivery> {
    signed(LIAR, height, &[leaf(OURS, 1, 100, promise)], seats)
}

fn seats(suspects: &[Suspect]) -> Vec<usize> {
    suspects.iter().map(|(_, seat, _)| seat.index()).collect()
}

#[test]
fn those_who_signed_both_are_suspects_and_those_who_signed_one_are_not() {
    for [first, second] in [[YES, NO], [NO, YES], [COMMIT, ABORT], [ABORT, COMMIT]] {
        let mut testimony = Testimony::default();
        assert_eq!(testimony.hear(&says(1, first, &[0, 1, 2])), []);
        let suspects = testimony.hear(&says(2, second, &[1, 2, 3]));
        assert_eq!(seats(&suspects), [1, 2], "{first:?}, {second:?}");
        for (shard, _, lie) in suspects {
            let Lie::Promises { first, second } = lie else {
                panic!("they are promises");
            };
            assert!(shard == LIAR && first.conflicts(&second));
        }
    }
}

#[test]
fn what_agrees_and_what_is_said_of_what_was_forgotten_convicts_nobody() {
    let mut testimony = Testimony::default();
    let said = [YES, COMMIT, YES, Promise::NoDecision, Promise::Acknowledged];
    for (promise, height) in said.into_iter().zip(1..) {
        assert_eq!(testimony.hear(&says(height, promise, &[0])), []);
    }
    // Nor does another shard that says the opposite, or the shard itself of something else.
    let other = signed(ShardId::new(2), 1, &[leaf(OURS, 1, 100, NO)], &[0]);
    assert_eq!(testimony.hear(&other), []);
    let about = signed(LIAR, 9, &[leaf(OURS, 2, 100, NO)], &[0]);
    assert_eq!(testimony.hear(&about), []);
}

#[test]
fn votes_beside_a_decision_convict_as_well() {
    let mut testimony = Testimony::default();
    let (decider, ours) = (ShardId::new(2), OURS);
    let vote = signed(LIAR, 1, &[leaf(decider, 1, 100, YES)], &[0, 1]);
    let mut decision = (*signed(decider, 1, &[leaf(ours, 1, 100, COMMIT)], &[0])).clone();
    decision.votes.push(vote.parcel.clone());
    assert_eq!(testimony.hear(&Arc::new(decision)), []);
    let suspects = testimony.hear(&says(2, NO, &[1]));
    assert_eq!(seats(&suspects), [1]);
}

#[test]
fn a_convict_is_not_suspected_again() {
    let mut testimony = Testimony::default();
    assert_eq!(testimony.hear(&says(1, YES, &[0, 1])), []);
    assert_eq!(seats(&testimony.hear(&says(2, NO, &[0, 1]))), [0, 1]);
    testimony.convict(LIAR, Seat::new(0).expect("a small shard"));
    assert_eq!(seats(&testimony.hear(&says(3, NO, &[0, 1]))), [1]);
}

#[test]
fn what_is_kept_is_bounded_and_no_shard_drives_out_what_another_one_said() {
    let mut testimony = Testimony::default();
    let honest = ShardId::new(2);
    assert_eq!(
        testimony.hear(&signed(honest, 1, &[leaf(OURS, 0, 9, YES)], &[0])),
        []
    );
    let id = |number: u32| {
        let mut one = leaf(OURS, 1, 100, YES);
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        one.transaction = TransactionId::from_bytes(bytes);
        one
    };
    for height in 0..300 {
        let leaves: Vec<_> = (0..100).map(|at| id(height * 100 + at)).collect();
        let said = signed(LIAR, u64::from(height), &leaves, &[0]);
        assert_eq!(testimony.hear(&said), []);
    }
    let kept = &testimony.sources[&LIAR];
    assert!(kept.bytes <= BYTES_MAX && !kept.deliveries.is_empty());
    assert_eq!(testimony.words.len(), 100 * kept.deliveries.len() + 1);
    let denied = signed(honest, 2, &[leaf(OURS, 0, 9, NO)], &[0]);
    assert_eq!(seats(&testimony.hear(&denied)), [0]);
}

/// A promise about one of many transactions, under a head that these members signed.
fn shows(height: u64, mark: u8, signers: &[usize]) -> Arc<Delivery> {
    signed(LIAR, height, &[leaf(OURS, mark, 100, YES)], signers)
}

#[test]
fn who_signed_two_heads_of_one_height_is_a_suspect_and_who_signed_one_is_not() {
    let mut testimony = Testimony::default();
    assert_eq!(testimony.hear_heads(&shows(7, 1, &[0, 1, 2])), []);
    assert_eq!(
        testimony.hear_heads(&shows(7, 1, &[1, 2, 3])),
        [],
        "one head"
    );
    assert_eq!(
        testimony.hear_heads(&shows(8, 2, &[1, 2, 3])),
        [],
        "another height"
    );
    let suspects = testimony.hear_heads(&shows(7, 2, &[1, 2, 3]));
    assert_eq!(seats(&suspects), [1, 2]);
    for (shard, _, lie) in suspects {
        let Lie::Statements { first, second, .. } = lie else {
            panic!("they are heads");
        };
        assert!(shard == LIAR && first.0.conflicts(&second.0));
    }
    testimony.convict(LIAR, Seat::new(1).expect("a small shard"));
    assert_eq!(seats(&testimony.hear_heads(&shows(7, 3, &[0, 1]))), [0]);
}

#[test]
fn two_heads_of_one_height_in_two_epochs_or_two_shards_convict_nobody() {
    let mut testimony = Testimony::default();
    assert_eq!(testimony.hear_heads(&shows(7, 1, &[0])), []);
    let mut later = (*shows(7, 2, &[0])).clone();
    later.parcel.head.head.scope.epoch = model::Epoch::new(1);
    assert_eq!(testimony.hear_heads(&Arc::new(later)), []);
    let other = signed(ShardId::new(2), 7, &[leaf(OURS, 3, 100, YES)], &[0]);
    assert_eq!(testimony.hear_heads(&other), []);
}

#[test]
fn no_more_heads_are_kept_than_the_ledger_remembers() {
    let mut testimony = Testimony::default();
    let most = model::bounds::FOREIGN_HEADS_MAX;
    for height in 0..most as u64 + 10 {
        assert_eq!(testimony.hear_heads(&shows(height, 1, &[0])), []);
    }
    assert_eq!(testimony.forks.kept(LIAR), most);
    assert_eq!(testimony.hear_heads(&shows(9, 2, &[0])), [], "forgotten");
    assert_eq!(seats(&testimony.hear_heads(&shows(10, 2, &[0]))), [0]);
}
