//! How an epoch ends, and what a directory takes for a fact: each rule, broken with its own reason.

use std::sync::Arc;

use model::bounds::{ADDRESSES_MAX, SHARD_RECORD_BYTES_MAX};
use model::descriptor::BadDescriptor;
use model::epoch::{BadChange, BadEnding};
use model::hand_over::BadHandOver;
use model::key::Zip215;
use model::membership::{BadConsent, BadRecord};
use model::shard::Seat;
use model::{
    Certificate, CertificateError, Committee, Directory, Ending, Epoch, EpochChange, Fact,
    HandOver, Hash, Head, HeadCertificate, Height, NodeDescriptor, NotAFact, Plan, ShardRecord,
    Signature, Statement, Time,
};

use crate::membership::{describe, record};
use crate::world::{NETWORK, node, secret, shard};

const QUORUM: [usize; 5] = [0, 1, 2, 3, 4];

fn committee(record: &ShardRecord) -> Committee {
    record.committee(NETWORK).expect("nodes of a shard")
}

/// The person on a seat, as [`record`] and [`follow`] number people.
fn person(record: &ShardRecord, seat: usize) -> u8 {
    let on_seat = record.seats[seat].descriptor().node;
    (1..=20)
        .find(|person| node(*person) == on_seat)
        .expect("a person")
}

fn certificate(of: &ShardRecord, statement: Statement, seats: &[usize]) -> Certificate {
    let committee = committee(of);
    let bytes = statement.signing_bytes(committee.scope());
    let signatures = seats.iter().map(|seat| {
        let signature = secret(person(of, *seat)).sign(&bytes);
        (Seat::new(*seat).expect("few seats"), signature)
    });
    Certificate {
        statement,
        signatures: signatures.collect(),
    }
}

/// The record of `people` after `before`.
fn follow(before: &ShardRecord, people: std::ops::RangeInclusive<u8>) -> ShardRecord {
    let members = people.map(describe).collect();
    before.followed_by(members, 5_000).expect("a number")
}

fn plan(before: &ShardRecord, next: ShardRecord) -> Plan {
    let bytes = next.consent_bytes(NETWORK);
    let all = (1..=20).map(|person| (node(person), person));
    let newcomers = next.newcomers(Some(before)).map(|new| new.node);
    let sign = |new| {
        let (_, person) = all
            .clone()
            .find(|(node, _)| *node == new)
            .expect("a person");
        secret(person).sign(&bytes)
    };
    let consents: Vec<Signature> = newcomers.map(sign).collect();
    Plan { next, consents }
}

fn ending(before: &ShardRecord, plan: Plan, seats: &[usize]) -> Ending {
    let approvals = certificate(before, plan.statement(), seats);
    Ending { plan, approvals }
}

/// `before` says that `next` follows, at a height, signed on these seats.
pub(crate) fn change(
    before: &ShardRecord,
    next: &ShardRecord,
    height: u64,
    seats: &[usize],
) -> EpochChange {
    let tree = model::outbox::outbox_tree(&[], Some(next));
    let head = Head {
        scope: *committee(before).scope(),
        height: Height::new(height),
        previous: Hash::ZERO,
        block: Hash::ZERO,
        time: Time::from_ms(9),
        results: Hash::ZERO,
        outbox: tree.root(),
        state: None,
    };
    EpochChange {
        next: next.clone(),
        hand_over: HandOver {
            head: HeadCertificate {
                certificate: certificate(before, head.statement(), seats),
                head,
            },
            proof: tree.prove(0).expect("the only leaf"),
        },
    }
}

/// A plan, an ending and a change, for the tests of their bytes.
pub(crate) fn samples() -> (Plan, Ending, EpochChange) {
    let before = record(1..=7);
    let plan = plan(&before, follow(&before, 2..=8));
    let change = change(&before, &plan.next, 9, &QUORUM);
    (plan.clone(), ending(&before, plan, &QUORUM), change)
}

#[track_caller]
fn check(before: &ShardRecord, ending: &Ending, expected: Result<(), BadEnding>) {
    let committee = committee(before);
    assert_eq!(ending.check(before, &committee, &mut Zip215), expected);
}

#[test]
fn an_epoch_ends_when_a_quorum_is_for_a_plan_that_can_follow() {
    let before = record(1..=7);
    let good = plan(&before, follow(&before, 2..=8));
    check(&before, &ending(&before, good.clone(), &QUORUM), Ok(()));
    let (needed, found) = (5, 4);
    check(
        &before,
        &ending(&before, good.clone(), &QUORUM[..4]),
        Err(CertificateError::TooFew { needed, found }.into()),
    );
    let mut forged = ending(&before, good.clone(), &QUORUM);
    forged.approvals.signatures[0].1 = forged.approvals.signatures[1].1;
    check(&before, &forged, Err(CertificateError::BadSignature.into()));
    let mut other = ending(&before, good.clone(), &QUORUM);
    other.plan.next.price = 1;
    other.plan = plan(&before, other.plan.next);
    check(&before, &other, Err(BadEnding::OtherPlan));
    let mut unasked = ending(&before, good, &QUORUM);
    unasked.plan.consents.clear();
    let (needed, found) = (1, 0);
    check(
        &before,
        &unasked,
        Err(BadConsent::Count { needed, found }.into()),
    );
}

#[test]
fn a_plan_is_for_the_next_epoch_of_the_same_shard() {
    let before = record(1..=7);
    let next = follow(&before, 2..=8);
    let again = ShardRecord {
        epoch: Epoch::ZERO,
        ..next.clone()
    };
    let elsewhere = ShardRecord {
        shard: shard(8),
        ..next.clone()
    };
    for other in [again, elsewhere, follow(&next, 2..=8)] {
        let plan = plan(&before, other);
        check(
            &before,
            &ending(&before, plan, &QUORUM),
            Err(BadEnding::Follows),
        );
    }
}

#[test]
fn a_seat_stays_vacant_if_its_node_was_excluded_and_not_otherwise() {
    let before = record(1..=7).without(&node(3)).expect("a member");
    let renewed = before.renewed().expect("a number");
    let plan_of = |next| plan(&before, next);
    let signed = [0, 1, 3, 4, 5];
    check(&before, &ending(&before, plan_of(renewed), &signed), Ok(()));
    // Who is excluded has no say.
    let renewed = before.renewed().expect("a number");
    check(
        &before,
        &ending(&before, plan_of(renewed), &[0, 1, 2, 3, 4]),
        Err(CertificateError::UnknownSeat.into()),
    );
    let strange = follow(&before, 2..=8).without(&node(8)).expect("a member");
    check(
        &before,
        &ending(&before, plan_of(strange), &signed),
        Err(BadRecord::Vacant.into()),
    );
}

#[test]
fn approvals_say_nothing_in_another_epoch() {
    let before = record(1..=7);
    let later = follow(&before, 1..=7);
    let plan = plan(&later, follow(&later, 2..=8));
    let mut early = ending(&later, plan, &QUORUM);
    early.approvals = certificate(&before, early.plan.statement(), &QUORUM);
    check(&later, &early, Err(CertificateError::BadSignature.into()));
}

fn directory() -> Directory {
    Directory::alone(NETWORK, record(1..=7)).expect("nodes of a shard")
}

#[test]
fn a_directory_follows_changes_one_by_one() {
    let first = record(1..=7);
    let (second, mut directory) = (follow(&first, 2..=8), directory());
    let third = follow(&second, 3..=9);
    let to_second = Arc::new(change(&first, &second, 9, &QUORUM));
    let to_third = Arc::new(change(&second, &third, 12, &QUORUM));
    let (of, known) = (shard(7), Epoch::ZERO);
    assert_eq!(
        directory.learn(&to_third, &mut Zip215),
        Err(NotAFact::Gap { shard: of, known })
    );
    assert_eq!(directory.learn(&to_second, &mut Zip215), Ok(true));
    assert_eq!(directory.learn(&to_second, &mut Zip215), Ok(false));
    assert_eq!(directory.learn(&to_third, &mut Zip215), Ok(true));
    assert_eq!(directory.last_record(of), Some(&third));
    assert_eq!(directory.record(of, Epoch::new(1)), Some(&second));
    assert_eq!(
        directory.committee(of, Epoch::ZERO),
        Some(&committee(&first))
    );
    assert_eq!(directory.end(of, Epoch::ZERO), Some(Height::new(9)));
    assert_eq!(directory.end(of, Epoch::new(2)), None);
    assert_eq!(directory.changes(of, Epoch::new(1)).count(), 1);
    assert_eq!(directory.shard_of(&node(9)), Some(of));
    assert_eq!(directory.shard_of(&node(1)), None);
}

#[test]
fn a_directory_takes_no_change_that_proves_nothing() {
    let first = record(1..=7);
    let second = follow(&first, 2..=8);
    let refused = |change: EpochChange| directory().learn(&Arc::new(change), &mut Zip215).err();
    let uncertified = |reason| {
        let head = model::head::HeadError::Certificate(reason);
        Some(NotAFact::Change(BadHandOver::Head(head).into()))
    };
    let (needed, found) = (5, 4);
    assert_eq!(
        refused(change(&first, &second, 9, &QUORUM[..4])),
        uncertified(CertificateError::TooFew { needed, found })
    );
    let mut forged = change(&first, &second, 9, &QUORUM);
    forged.next.price = 1;
    let path = NotAFact::Change(BadHandOver::Path.into());
    assert_eq!(refused(forged), Some(path));
    let mut unknown = change(&first, &second, 9, &QUORUM);
    unknown.next.shard = shard(1);
    assert_eq!(refused(unknown), Some(NotAFact::UnknownShard(shard(1))));
    // Signed by those who follow, not by those who go.
    let mut usurped = change(&first, &second, 9, &QUORUM);
    let statement = usurped.hand_over.head.head.statement();
    usurped.hand_over.head.certificate = certificate(&second, statement, &QUORUM);
    assert_eq!(
        refused(usurped),
        uncertified(CertificateError::BadSignature)
    );
}

#[test]
fn a_second_list_for_an_epoch_is_refused_however_well_it_is_signed() {
    let first = record(1..=7);
    let mut directory = directory();
    let one = change(&first, &follow(&first, 2..=8), 9, &QUORUM);
    let other = change(&first, &follow(&first, 3..=9), 10, &QUORUM);
    assert_eq!(directory.learn(&Arc::new(one), &mut Zip215), Ok(true));
    let (of, epoch) = (shard(7), Epoch::new(1));
    assert_eq!(
        directory.learn(&Arc::new(other), &mut Zip215),
        Err(NotAFact::Contradicts { shard: of, epoch })
    );
}

#[test]
fn facts_give_the_directory_that_had_them() {
    let first = record(1..=7);
    let mut directory = directory();
    let founded = ShardRecord {
        shard: shard(9),
        ..record(11..=14)
    };
    assert_eq!(directory.trust(&Fact::Founded(founded.clone())), Ok(true));
    assert_eq!(directory.trust(&Fact::Founded(founded)), Ok(false));
    let to_second = change(&first, &follow(&first, 2..=8), 9, &QUORUM);
    directory
        .learn(&Arc::new(to_second), &mut Zip215)
        .expect("a change");
    let mut again = self::directory();
    for fact in directory.facts() {
        again.trust(&fact).expect("it was one");
    }
    assert_eq!(again, directory);
    assert!(!again.is_same(&directory));
    assert!(directory.clone().is_same(&directory));
}

#[test]
fn a_change_begins_the_epoch_after_the_one_that_ends() {
    let first = record(1..=7);
    let second = follow(&first, 2..=8);
    let skipping = change(&first, &follow(&second, 2..=8), 9, &QUORUM);
    assert_eq!(
        skipping.verify(&committee(&first), &mut Zip215),
        Err(BadChange::Follows)
    );
}

#[test]
fn whatever_a_shard_signs_its_record_has_bounds() {
    let first = record(1..=7);
    let check = |members: Vec<NodeDescriptor>, expected: BadRecord| {
        let next = first.followed_by(members, 1).expect("a number");
        let change = change(&first, &next, 9, &QUORUM);
        let verified = change.verify(&committee(&first), &mut Zip215);
        assert_eq!(verified, Err(BadChange::Record(expected.clone())));
        // What was checked before is not checked again.
        assert!(change.following(&committee(&first)).is_ok());
        let learned = directory().learn(&Arc::new(change), &mut Zip215);
        let refused = NotAFact::Change(BadChange::Record(expected));
        assert_eq!(learned, Err(refused));
    };
    let mut crowded: Vec<_> = (1..=7).map(describe).collect();
    let (limit, found) = (ADDRESSES_MAX, ADDRESSES_MAX + 1);
    crowded[3].addresses = vec![crowded[3].addresses[0].clone(); found];
    let reason = BadDescriptor::Addresses { limit, found };
    let node = node(4);
    check(crowded, BadRecord::Descriptor { node, reason });

    let mut long: Vec<_> = (1..=100).map(describe).collect();
    for member in &mut long {
        let address = format!("/dns/{:0>60}.{:0>60}.org/tcp/9000", 1, 2);
        member.addresses = vec![address; 2];
    }
    let next = first.followed_by(long.clone(), 1).expect("a number");
    let found = model::encoding::encode(&next).len();
    let limit = SHARD_RECORD_BYTES_MAX;
    check(long, BadRecord::TooLong { limit, found });

    let five = (1..=5).map(describe).collect();
    check(five, BadRecord::Form(5));
}

#[test]
fn a_seat_that_is_vacant_stays_so_in_a_change() {
    let before = record(1..=7).without(&node(3)).expect("a member");
    let renewed = before.renewed().expect("a number");
    let change = change(&before, &renewed, 9, &[0, 1, 3, 4, 5]);
    let verified = change.verify(&committee(&before), &mut Zip215);
    assert_eq!(verified, Ok(committee(&renewed)));
}
