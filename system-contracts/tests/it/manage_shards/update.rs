//! `MS.update`: what it accepts, and each of its refusals.

use contracts::content::OTHER_TYPE;
use model::shard::Seat;
use model::{
    Epoch, HandOver, Hash, Height, NetworkId, NodeDescriptor, Place, Refusal, ShardId, ShardRecord,
    Signature,
};
use system_contracts::manage_shards::{Succession, refusal};

use super::world::{
    Case, SHARD, consents, describe, follow, founded, hand_over, next, node, people, shard, token,
};

const QUORUM: [usize; 5] = [0, 1, 2, 3, 4];

/// A shard of seven replaces its list of nodes.
#[derive(Clone)]
struct Change {
    before: ShardRecord,
    after: ShardRecord,
    hand_over: HandOver,
    consents: Vec<Signature>,
}

impl Change {
    /// The shard `before` really hands over to `after`.
    fn agreed(before: ShardRecord, after: ShardRecord, seats: &[usize]) -> Self {
        Self {
            hand_over: hand_over(&before, &after, seats),
            consents: consents(&after, Some(&before)),
            before,
            after,
        }
    }

    fn good() -> Self {
        Self::agreed(founded(1..=7), next(), &QUORUM)
    }

    fn case(&self) -> Case {
        let succession = Succession {
            hand_over: self.hand_over.clone(),
            consents: self.consents.clone(),
        };
        let outputs = vec![shard(&self.after)];
        Case::new("update", shard(&self.before), &succession, outputs, &())
    }
}

#[track_caller]
fn check(change: impl FnOnce(&mut Change), expected: Refusal) {
    let mut it = Change::good();
    change(&mut it);
    it.case().is_refused(expected);
}

/// The shard hands over to the list as it is after the change.
#[track_caller]
fn check_agreed(change: impl FnOnce(&mut ShardRecord), expected: Refusal) {
    let mut after = next();
    change(&mut after);
    let it = Change::agreed(founded(1..=7), after, &QUORUM);
    it.case().is_refused(expected);
}

#[test]
fn a_shard_replaces_its_list_by_2_f_plus_1_signatures() {
    Change::good().case().is_accepted();
    for seats in [&[2, 3, 4, 5, 6][..], &[0, 1, 2, 3, 4, 5, 6]] {
        Change::agreed(founded(1..=7), next(), seats)
            .case()
            .is_accepted();
    }
    // It grows, shrinks, stays as it is, or is of other nodes altogether.
    let grown = follow(&founded(1..=7), people(1..=10));
    let shrunk = follow(&founded(1..=7), people(4..=7));
    let same = follow(&founded(1..=7), people(1..=7));
    let others = follow(&founded(1..=7), people(11..=14));
    for after in [grown, shrunk, same, others] {
        Change::agreed(founded(1..=7), after, &QUORUM)
            .case()
            .is_accepted();
    }
}

#[test]
fn an_update_consumes_a_shard_and_makes_it_again() {
    Change::good().case().keeps_to_its_objects();
    let mut case = Change::good().case();
    case.inputs = vec![token(7)];
    case.is_refused(OTHER_TYPE);
}

#[test]
fn the_next_epoch_of_the_same_shard_follows() {
    check_agreed(|after| after.epoch = Epoch::ZERO, refusal::FOLLOWS);
    check_agreed(|after| after.epoch = Epoch::new(2), refusal::FOLLOWS);
    check_agreed(|after| after.shard = ShardId::new(8), refusal::FOLLOWS);
    let mut last = founded(1..=7);
    last.epoch = Epoch::new(u64::MAX);
    let mut after = next();
    after.epoch = Epoch::ZERO;
    let change = Change::agreed(last, after, &QUORUM);
    change.case().is_refused(refusal::FOLLOWS);
}

#[test]
fn fewer_than_2_f_plus_1_decide_nothing() {
    for seats in [&[][..], &[0], &[0, 1, 2], &[0, 1, 2, 3], &[3, 4, 5, 6]] {
        let change = Change::agreed(founded(1..=7), next(), seats);
        change.case().is_refused(refusal::TOO_FEW);
    }
    let mut repeated = Change::agreed(founded(1..=7), next(), &[0, 1, 2, 3, 3]);
    repeated.case().is_refused(refusal::SIGNERS);
    let signatures = &mut repeated.hand_over.head.certificate.signatures;
    signatures[4].0 = Seat::new(7).expect("a number of a seat");
    repeated.case().is_refused(refusal::SIGNERS);
    let signatures = &mut repeated.hand_over.head.certificate.signatures;
    signatures[4].0 = Seat::new(4).expect("a seat");
    repeated.case().is_refused(refusal::HAND_OVER);
}

#[test]
fn a_hand_over_is_to_one_list_by_one_shard_at_the_end_of_one_epoch() {
    check(|it| it.after.price += 1, refusal::OTHER_LIST);
    check(|it| it.after.seats.swap(0, 1), refusal::OTHER_LIST);
    check(|it| it.hand_over.proof.size = 2, refusal::OTHER_LIST);
    check(
        |it| it.hand_over.head.head.outbox = Hash::ZERO,
        refusal::OTHER_LIST,
    );
    check(
        |it| it.hand_over.head.head.height = Height::new(10),
        refusal::OTHER_HEAD,
    );
    check(
        |it| it.hand_over.head.head.scope.network = NetworkId::from_bytes([8; 32]),
        refusal::OTHER_HEAD,
    );
    // Signed by the same people for another shard, and for another epoch.
    let elsewhere = ShardRecord {
        shard: ShardId::new(8),
        ..founded(1..=7)
    };
    let later = ShardRecord {
        epoch: Epoch::new(1),
        ..founded(1..=7)
    };
    for other in [elsewhere, later] {
        check(
            |it| it.hand_over = hand_over(&other, &it.after, &QUORUM),
            refusal::OTHER_HEAD,
        );
    }
}

#[test]
fn a_list_that_cannot_be_a_shard_is_refused_whoever_agrees() {
    let before = founded(1..=7);
    for size in [1, 3, 5, 6, 8] {
        let after = follow(&before, people(1..=size));
        let change = Change::agreed(before.clone(), after, &QUORUM);
        change.case().is_refused(refusal::SIZE);
    }
    let replaced = |seat: usize, descriptor: NodeDescriptor| {
        move |after: &mut ShardRecord| after.seats[seat] = Place::Taken(descriptor)
    };
    check_agreed(replaced(0, describe(3)), refusal::REPEATED);
    check_agreed(
        |after| *after = after.without(&node(8)).expect("a member"),
        refusal::VACANT,
    );
    let mut twin = describe(9);
    twin.name = "node 3".to_owned();
    check_agreed(replaced(0, twin), refusal::NAME);
    let mut nowhere = describe(9);
    nowhere.addresses = vec!["/ip4/192.0.2.9".to_owned()];
    check_agreed(replaced(0, nowhere), refusal::ADDRESS);
    check_agreed(|after| after.price = u64::MAX, refusal::PRICE);
}

#[test]
fn newcomers_agree_and_nobody_else_has_to() {
    assert_eq!(Change::good().consents.len(), 1, "that of node 8");
    check(|it| it.consents.clear(), refusal::CONSENTS);
    check(|it| it.consents.push(it.consents[0]), refusal::CONSENTS);
    check(
        |it| it.consents[0] = consents(&founded(5..=8), None)[3],
        refusal::NOT_AGREED,
    );
    // Not even a whole shard moves one of its nodes without asking it.
    let mut moved = next();
    let Place::Taken(third) = &mut moved.seats[1] else {
        panic!("nobody is excluded");
    };
    third.addresses = vec!["/ip4/192.0.2.99/tcp/1".to_owned()];
    let mut change = Change::agreed(founded(1..=7), moved, &QUORUM);
    change.case().is_accepted();
    change.consents.remove(0);
    change.case().is_refused(refusal::CONSENTS);
}

#[test]
fn f3_of_two_lists_the_one_wins_that_the_shard_handed_over_to() {
    let (one, other) = (next(), follow(&founded(1..=7), people(1..=4)));
    let mut change = Change::agreed(founded(1..=7), one.clone(), &QUORUM);
    change.after = other.clone();
    change.consents.clear();
    change.case().is_refused(refusal::OTHER_LIST);
    // And after the one, what was signed in the epoch before is worth nothing.
    let late = Change {
        before: one.clone(),
        after: follow(&one, people(1..=4)),
        hand_over: hand_over(&founded(1..=7), &other, &QUORUM),
        consents: Vec::new(),
    };
    late.case().is_refused(refusal::OTHER_LIST);
    let mut late = late;
    late.hand_over = hand_over(&founded(1..=7), &late.after, &QUORUM);
    late.case().is_refused(refusal::OTHER_HEAD);
}

#[test]
fn f4_who_is_excluded_while_the_shard_hands_over_does_not_count_and_does_not_stop_it() {
    let all = [0, 1, 2, 3, 4, 5, 6];
    let mut change = Change::agreed(founded(1..=7), next(), &all);
    change.before = change.before.without(&node(2)).expect("a member");
    change.case().is_refused(refusal::SIGNERS);
    let committee = change.before.committee(crate::world::NETWORK);
    change.hand_over = change.hand_over.among(&committee.expect("a committee"));
    change.case().is_accepted();
    assert!(
        change
            .after
            .committee(crate::world::NETWORK)
            .is_ok_and(|next| next.seat(&node(2)).is_some()),
        "the list was agreed on before, and whoever objects again is heard"
    );
}

#[test]
fn f5_a_shard_of_which_f_plus_1_are_excluded_halts() {
    let mut before = founded(1..=7);
    let after = next();
    for excluded in 1..=3 {
        before = before.without(&node(excluded)).expect("a member");
        let left: Vec<usize> = (usize::from(excluded)..7).collect();
        let case = Change::agreed(before.clone(), after.clone(), &left).case();
        if excluded <= 2 {
            case.is_accepted();
        } else {
            case.is_refused(refusal::TOO_FEW);
        }
    }
    assert_eq!(before.shard, SHARD);
}
