//! When a shard has said who follows, and each reason why it has not.

use model::hand_over::BadHandOver;
use model::head::HeadError;
use model::key::Zip215;
use model::merkle::{Tree, leaf_hash};
use model::shard::Seat;
use model::{
    Certificate, CertificateError, Committee, Epoch, HandOver, Hash, Head, HeadCertificate, Height,
    ShardRecord, Time,
};

use crate::membership::{describe, record};
use crate::world::{NETWORK, node, secret};

fn committee(record: &ShardRecord) -> Committee {
    record.committee(NETWORK).expect("nodes of a shard")
}

/// The record that follows the one of the people 1 to 7.
pub(crate) fn next() -> ShardRecord {
    let members = (2..=8).map(describe).collect();
    record(1..=7).followed_by(members, 5_000).expect("a number")
}

/// The people 1 to 7 say that `next` follows, and sign it as these seats.
pub(crate) fn hand_over(next: &ShardRecord, seats: &[usize]) -> HandOver {
    let committee = committee(&record(1..=7));
    let tree = Tree::new(vec![leaf_hash(b"a promise"), HandOver::leaf(next)]);
    let head = Head {
        scope: *committee.scope(),
        height: Height::new(9),
        previous: Hash::ZERO,
        block: Hash::ZERO,
        time: Time::from_ms(9),
        results: Hash::ZERO,
        outbox: tree.root(),
        state: None,
    };
    let statement = head.statement();
    let bytes = statement.signing_bytes(committee.scope());
    let sign = |seat: &usize| {
        let person = u8::try_from(seat + 1).expect("few seats");
        let seat = Seat::new(*seat).expect("few seats");
        (seat, secret(person).sign(&bytes))
    };
    HandOver {
        head: HeadCertificate {
            certificate: Certificate {
                statement,
                signatures: seats.iter().map(sign).collect(),
            },
            head,
        },
        proof: tree.prove(1).expect("the second leaf"),
    }
}

#[track_caller]
fn check(hand_over: &HandOver, next: &ShardRecord, expected: Result<(), BadHandOver>) {
    let committee = committee(&record(1..=7));
    assert_eq!(hand_over.verify(next, &committee, &mut Zip215), expected);
}

fn uncertified(reason: CertificateError) -> Result<(), BadHandOver> {
    Err(BadHandOver::Head(HeadError::Certificate(reason)))
}

#[test]
fn two_f_plus_1_members_hand_over() {
    let next = next();
    check(&hand_over(&next, &[0, 1, 2, 3, 4]), &next, Ok(()));
    check(&hand_over(&next, &[0, 1, 2, 3, 4, 5, 6]), &next, Ok(()));
    let (needed, found) = (5, 4);
    check(
        &hand_over(&next, &[0, 1, 2, 3]),
        &next,
        uncertified(CertificateError::TooFew { needed, found }),
    );
    check(
        &hand_over(&next, &[0, 1, 2, 3, 3]),
        &next,
        uncertified(CertificateError::Order),
    );
}

#[test]
fn a_hand_over_is_to_one_record() {
    let (next, all) = (next(), [0, 1, 2, 3, 4]);
    let cheaper = ShardRecord {
        price: 4_999,
        ..next.clone()
    };
    let later = ShardRecord {
        epoch: Epoch::new(2),
        ..next.clone()
    };
    let mut reordered = next.clone();
    reordered.seats.swap(0, 1);
    for other in [cheaper, later, reordered] {
        check(&hand_over(&next, &all), &other, Err(BadHandOver::Path));
    }
    let mut elsewhere = hand_over(&next, &all);
    elsewhere.proof.index = 0;
    check(&elsewhere, &next, Err(BadHandOver::Path));
}

#[test]
fn a_hand_over_is_by_the_shard_in_the_epoch_that_ends() {
    let next = next();
    let by = committee(&next);
    let hand_over = hand_over(&next, &[0, 1, 2, 3, 4]);
    assert_eq!(
        hand_over.verify(&next, &by, &mut Zip215),
        Err(BadHandOver::Head(HeadError::OtherScope))
    );
    let mut other = hand_over;
    other.head.head.height = Height::new(10);
    check(
        &other,
        &next,
        Err(BadHandOver::Head(HeadError::OtherStatement)),
    );
}

#[test]
fn who_was_excluded_after_signing_does_not_count() {
    let next = next();
    let left = record(1..=7).without(&node(2)).expect("a member");
    let left = committee(&left);
    let signed = hand_over(&next, &[0, 1, 2, 3, 4, 5]);
    let unknown = uncertified(CertificateError::UnknownSeat);
    assert_eq!(signed.verify(&next, &left, &mut Zip215), unknown);
    let trimmed = signed.among(&left);
    assert_eq!(trimmed.verify(&next, &left, &mut Zip215), Ok(()));

    let few = hand_over(&next, &[0, 1, 2, 3, 4]).among(&left);
    let (needed, found) = (5, 4);
    assert_eq!(
        few.verify(&next, &left, &mut Zip215),
        uncertified(CertificateError::TooFew { needed, found })
    );
}

#[test]
fn the_leaf_of_a_hand_over_is_that_of_no_promise() {
    // The encoding of a promise has four fields, of which one alone is longer than a hash.
    let leaf = crate::samples::a_leaf();
    let bytes = model::encoding::encode(&leaf);
    assert!(bytes.len() > Hash::SIZE);
    assert_ne!(leaf.hash(), HandOver::leaf(&next()));
}
