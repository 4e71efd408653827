//! Testimony: who says the opposite is convicted once, and what is kept is bounded.

mod epochs;

use model::shard::Seat;
use model::{
    AbortReason, Directory, Fact, Leaf, NodeDescriptor, SecretKey, ShardRecord, Signature, Verdict,
};

use super::*;
use crate::sbac::testing::{NETWORK, OURS, delivery, leaf};
use crate::suspicion::Reported;

const LIAR: ShardId = ShardId::new(1);
const YES: Promise = Promise::Prepared(Verdict::Commit);
const NO: Promise = Promise::Prepared(Verdict::Abort(AbortReason::Deadline));
const COMMIT: Promise = Promise::Accept(Verdict::Commit);
const ABORT: Promise = Promise::Accept(Verdict::Abort(AbortReason::Deadline));

/// The key on a seat.
fn key(shard: ShardId, seat: usize) -> SecretKey {
    let number = 10 * usize::try_from(shard.number()).expect("few shards") + seat + 1;
    SecretKey::from_seed([u8::try_from(number).expect("few seats"); 32])
}

fn describe(key: &SecretKey) -> NodeDescriptor {
    let node = NodeId::new(key.public());
    NodeDescriptor {
        name: format!("node {node}"),
        node,
        addresses: Vec::new(),
    }
}

/// Three shards of four.
fn directory() -> Directory {
    let record = |shard| {
        let members = (0..4).map(|seat| describe(&key(shard, seat)));
        ShardRecord::founded(shard, members.collect(), 0)
    };
    let directory = Directory::alone(NETWORK, record(OURS));
    let mut directory = directory.expect("four nodes");
    for shard in [1, 2].map(ShardId::new) {
        let news = directory.trust(&Fact::Founded(record(shard)));
        assert_eq!(news, Ok(true));
    }
    directory
}

/// A node of our shard that hears the others.
struct Listener {
    testimony: Testimony,
    directory: Directory,
    reported: Reported,
}

impl Listener {
    fn new() -> Self {
        Self {
            testimony: Testimony::default(),
            directory: directory(),
            reported: Reported::default(),
        }
    }

    fn hear(&mut self, delivery: &Arc<Delivery>) -> Vec<Malpractice> {
        let known = Known {
            directory: &self.directory,
            reported: &self.reported,
        };
        self.testimony.hear(delivery, known)
    }

    fn hear_heads(&mut self, delivery: &Delivery) -> Vec<Malpractice> {
        let known = Known {
            directory: &self.directory,
            reported: &self.reported,
        };
        self.testimony.hear_heads(delivery, known)
    }

    fn hear_alone(&mut self, node: &NodeId, said: SignedHead) -> Option<Malpractice> {
        let known = Known {
            directory: &self.directory,
            reported: &self.reported,
        };
        self.testimony.hear_alone(node, said, known)
    }
}

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

/// The seats of the suspects in the first epoch of their shard.
fn seats(suspects: &[Malpractice]) -> Vec<usize> {
    let seat = |record: &Malpractice| {
        let (_, shard) = record.lie.told_in();
        let mut seats = 0..4;
        seats.find(|seat| NodeId::new(key(shard, *seat).public()) == record.node)
    };
    let seats = suspects.iter().map(seat);
    seats.map(|seat| seat.expect("a member")).collect()
}

#[test]
fn those_who_signed_both_are_suspects_and_those_who_signed_one_are_not() {
    for [first, second] in [[YES, NO], [NO, YES], [COMMIT, ABORT], [ABORT, COMMIT]] {
        let mut listener = Listener::new();
        assert_eq!(listener.hear(&says(1, first, &[0, 1, 2])), []);
        let suspects = listener.hear(&says(2, second, &[1, 2, 3]));
        assert_eq!(seats(&suspects), [1, 2], "{first:?}, {second:?}");
        for record in suspects {
            let Lie::Promises { first, second } = record.lie else {
                panic!("they are promises");
            };
            assert!(first.conflicts(&second));
        }
    }
}

#[test]
fn what_agrees_and_what_is_said_of_what_was_forgotten_convicts_nobody() {
    let mut listener = Listener::new();
    let said = [YES, COMMIT, YES, Promise::NoDecision, Promise::Acknowledged];
    for (promise, height) in said.into_iter().zip(1..) {
        assert_eq!(listener.hear(&says(height, promise, &[0])), []);
    }
    // Nor does another shard that says the opposite, or the shard itself of something else.
    let other = signed(ShardId::new(2), 1, &[leaf(OURS, 1, 100, NO)], &[0]);
    assert_eq!(listener.hear(&other), []);
    let about = signed(LIAR, 9, &[leaf(OURS, 2, 100, NO)], &[0]);
    assert_eq!(listener.hear(&about), []);
}

#[test]
fn votes_beside_a_decision_convict_as_well() {
    let mut listener = Listener::new();
    let (decider, ours) = (ShardId::new(2), OURS);
    let vote = signed(LIAR, 1, &[leaf(decider, 1, 100, YES)], &[0, 1]);
    let mut decision = (*signed(decider, 1, &[leaf(ours, 1, 100, COMMIT)], &[0])).clone();
    decision.votes.push(vote.parcel.clone());
    assert_eq!(listener.hear(&Arc::new(decision)), []);
    let suspects = listener.hear(&says(2, NO, &[1]));
    assert_eq!(seats(&suspects), [1]);
}

#[test]
fn a_convict_is_not_suspected_again() {
    let mut listener = Listener::new();
    assert_eq!(listener.hear(&says(1, YES, &[0, 1])), []);
    let suspects = listener.hear(&says(2, NO, &[0, 1]));
    assert_eq!(seats(&suspects), [0, 1]);
    listener.reported.insert(&suspects[0]);
    assert_eq!(seats(&listener.hear(&says(3, NO, &[0, 1]))), [1]);
}

#[test]
fn what_is_kept_is_bounded_and_no_shard_drives_out_what_another_one_said() {
    let mut listener = Listener::new();
    let honest = ShardId::new(2);
    assert_eq!(
        listener.hear(&signed(honest, 1, &[leaf(OURS, 0, 9, YES)], &[0])),
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
        assert_eq!(listener.hear(&said), []);
    }
    let kept = &listener.testimony.sources[&LIAR];
    assert!(kept.bytes <= BYTES_MAX && !kept.deliveries.is_empty());
    assert_eq!(
        listener.testimony.words.len(),
        100 * kept.deliveries.len() + 1
    );
    let denied = signed(honest, 2, &[leaf(OURS, 0, 9, NO)], &[0]);
    assert_eq!(seats(&listener.hear(&denied)), [0]);
}

/// A promise about one of many transactions, under a head that these members signed.
fn shows(height: u64, mark: u8, signers: &[usize]) -> Arc<Delivery> {
    signed(LIAR, height, &[leaf(OURS, mark, 100, YES)], signers)
}

#[test]
fn who_signed_two_heads_of_one_height_is_a_suspect_and_who_signed_one_is_not() {
    let mut listener = Listener::new();
    assert_eq!(listener.hear_heads(&shows(7, 1, &[0, 1, 2])), []);
    assert_eq!(
        listener.hear_heads(&shows(7, 1, &[1, 2, 3])),
        [],
        "one head"
    );
    assert_eq!(
        listener.hear_heads(&shows(8, 2, &[1, 2, 3])),
        [],
        "another height"
    );
    let suspects = listener.hear_heads(&shows(7, 2, &[1, 2, 3]));
    assert_eq!(seats(&suspects), [1, 2, 3]);
    for record in &suspects {
        let Lie::Statements { first, second, .. } = &record.lie else {
            panic!("they are heads");
        };
        assert!(first.0.conflicts(&second.0));
    }
    listener.reported.insert(&suspects[0]);
    assert_eq!(seats(&listener.hear_heads(&shows(7, 3, &[0, 1]))), [0]);
}

#[test]
fn two_heads_of_one_height_in_two_shards_convict_nobody() {
    let mut listener = Listener::new();
    assert_eq!(listener.hear_heads(&shows(7, 1, &[0])), []);
    let other = signed(ShardId::new(2), 7, &[leaf(OURS, 3, 100, YES)], &[0]);
    assert_eq!(listener.hear_heads(&other), []);
}

#[test]
fn no_more_heads_are_kept_than_the_ledger_remembers() {
    let mut listener = Listener::new();
    let most = model::bounds::FOREIGN_HEADS_MAX;
    for height in 0..most as u64 + 10 {
        assert_eq!(listener.hear_heads(&shows(height, 1, &[0])), []);
    }
    assert_eq!(listener.testimony.forks.kept(LIAR), (most, 0));
    assert_eq!(listener.hear_heads(&shows(9, 2, &[0])), [], "forgotten");
    assert_eq!(seats(&listener.hear_heads(&shows(10, 2, &[0]))), [0]);
}

/// A head that a member signs by itself, and who that is.
fn alone(height: u64, mark: u8, seat: usize) -> (NodeId, SignedHead) {
    let said = shows(height, mark, &[seat]);
    let seat_of = Seat::new(seat).expect("a small shard");
    let head = SignedHead::of(&said.parcel.head, seat_of).expect("it signed");
    (NodeId::new(key(LIAR, seat).public()), head)
}

#[test]
fn a_head_that_one_member_has_signed_convicts_it_when_its_shard_shows_another_one() {
    let (node, lone) = alone(7, 9, 2);
    // What the shard has said is known before, or becomes known with a later copy.
    let mut late = Listener::new();
    assert_eq!(late.hear_heads(&shows(7, 1, &[0, 1, 2])), []);
    let record = late.hear_alone(&node, lone).expect("it signed both");
    assert_eq!((record.node, record.lie.kind()), (node, LieKind::Heads));

    let mut early = Listener::new();
    assert_eq!(early.hear_alone(&node, lone), None);
    let elsewhere = shows(8, 1, &[1, 2, 3]);
    assert_eq!(early.hear_heads(&elsewhere), [], "another height");
    let without = shows(7, 1, &[0, 1, 3]);
    assert_eq!(
        early.hear_heads(&without),
        [],
        "nobody shows that it signed"
    );
    assert_eq!(seats(&early.hear_heads(&shows(7, 1, &[0, 1, 2]))), [2]);
}

#[test]
fn who_signs_the_head_of_its_shard_by_itself_is_no_liar() {
    let (node, lone) = alone(7, 1, 2);
    let mut listener = Listener::new();
    assert_eq!(listener.hear_alone(&node, lone), None);
    assert_eq!(listener.hear_heads(&shows(7, 1, &[0, 1, 2])), []);
    assert_eq!(listener.hear_alone(&node, lone), None);
}

#[test]
fn a_head_at_any_height_can_be_heard() {
    let mut listener = Listener::new();
    for height in [0, 1, u64::MAX - 1, u64::MAX] {
        let (node, lone) = alone(height, 9, 2);
        assert_eq!(listener.hear_alone(&node, lone), None);
        let suspects = listener.hear_heads(&shows(height, 1, &[0, 1, 2]));
        assert_eq!(seats(&suspects), [2], "height {height}");
    }
}

#[test]
fn of_what_one_member_signs_by_itself_the_last_is_kept() {
    let mut listener = Listener::new();
    let others = alone(7, 9, 1);
    assert_eq!(listener.hear_alone(&others.0, others.1), None);
    for height in 0..100 {
        let (node, lone) = alone(height, 9, 2);
        for _ in 0..2 {
            assert_eq!(listener.hear_alone(&node, lone), None);
        }
    }
    let (_, kept) = listener.testimony.forks.kept(LIAR);
    assert_eq!(kept, 17, "sixteen of the one, and what the other said");
    assert_eq!(seats(&listener.hear_heads(&shows(7, 1, &[0, 1, 2]))), [1]);
    assert_eq!(seats(&listener.hear_heads(&shows(99, 1, &[0, 1, 2]))), [2]);
}
