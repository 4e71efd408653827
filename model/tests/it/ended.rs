//! What proves that a node signed as if its epoch had not ended, or had not begun.

use model::key::Zip215;
use model::malpractice::NoMalpractice;
use model::shard::Seat;
use model::statement::Scope;
use model::{
    Epoch, EpochChange, Hash, Height, Lie, LieKind, Malpractice, NetworkId, ShardId, SignedEnd,
    SignedHead, encoding,
};

use crate::hand_over::{hand_over, next};
use crate::world::{node, secret};

const LIAR: u8 = 1;

/// The height at which the epoch of [`end`] has ended.
const END: u64 = 9;

/// How the liar, on seat 0, and others ended an epoch.
fn change() -> EpochChange {
    let next = next();
    EpochChange {
        hand_over: hand_over(&next, &[0, 1, 2, 3, 4]),
        next,
    }
}

fn end() -> SignedEnd {
    let seat = Seat::new(0).expect("a seat");
    SignedEnd::of(&change(), seat).expect("it signed")
}

fn scope() -> Scope {
    end().head.scope
}

fn in_epoch(epoch: u64) -> Scope {
    Scope {
        epoch: Epoch::new(epoch),
        ..scope()
    }
}

fn head(person: u8, scope: Scope, height: u64) -> SignedHead {
    let mut head = SignedHead {
        scope,
        height: Height::new(height),
        head: Hash::from_bytes([7; 32]),
        signature: end().signature,
    };
    head.signature = secret(person).sign(&head.statement().signing_bytes(&scope));
    head
}

fn past_end(end: SignedEnd, head: SignedHead) -> Malpractice {
    Malpractice {
        node: node(LIAR),
        lie: Lie::PastEnd {
            end: Box::new(end),
            head,
        },
    }
}

fn epochs(first: SignedHead, second: SignedHead) -> Malpractice {
    Malpractice {
        node: node(LIAR),
        lie: Lie::Epochs { first, second },
    }
}

/// One of each, as everybody may see it.
pub(crate) fn malpractice() -> [(&'static str, Malpractice); 2] {
    let past_end = past_end(end(), head(LIAR, scope(), END + 1));
    let (early, late) = (head(LIAR, in_epoch(1), 12), head(LIAR, in_epoch(2), 12));
    [
        ("malpractice-past-end", past_end),
        ("malpractice-epochs", epochs(early, late)),
    ]
}

#[track_caller]
fn check(record: &Malpractice, expected: Result<(), NoMalpractice>) {
    assert_eq!(record.verify(&mut Zip215), expected, "{record:?}");
}

#[test]
fn a_head_above_the_end_of_its_epoch_proves_malpractice() {
    for height in [0, 1, END - 1, END, END + 1, END + 2, u64::MAX] {
        let record = past_end(end(), head(LIAR, scope(), height));
        let expected = match height > END {
            true => Ok(()),
            false => Err(NoMalpractice::NoConflict),
        };
        check(&record, expected);
        assert_eq!(record.lie.kind(), LieKind::PastEnd);
        assert_eq!(record.lie.epoch(), Epoch::ZERO);
        assert_eq!(record.lie.told_in(), (scope().network, scope().shard));
    }
}

#[test]
fn the_end_of_one_epoch_says_nothing_of_another_one_or_another_shard() {
    let elsewhere = [
        in_epoch(1),
        Scope {
            shard: ShardId::new(9),
            ..scope()
        },
        Scope {
            network: NetworkId::from_bytes([9; 32]),
            ..scope()
        },
    ];
    for scope in elsewhere {
        let record = past_end(end(), head(LIAR, scope, END + 1));
        check(&record, Err(NoMalpractice::NoConflict));
    }
}

#[test]
fn the_accused_signed_the_end_and_the_end_is_one() {
    let above = head(LIAR, scope(), END + 1);
    let mut by_another = end();
    by_another.signature = head(2, scope(), END).signature;
    let mut no_end = end();
    no_end.next = Hash::from_bytes([1; 32]);
    let mut another_leaf = end();
    another_leaf.proof.index = 0;
    check(
        &past_end(by_another, above),
        Err(NoMalpractice::BadSignature),
    );
    check(&past_end(no_end, above), Err(NoMalpractice::Path));
    check(&past_end(another_leaf, above), Err(NoMalpractice::Path));
    let framed = past_end(end(), head(2, scope(), END + 1));
    check(&framed, Err(NoMalpractice::BadSignature));
    // Who did not sign the end is not accused by the signatures of others.
    let seat = Seat::new(5).expect("a seat");
    assert_eq!(SignedEnd::of(&change(), seat), None);
}

#[test]
fn two_heads_prove_malpractice_exactly_if_the_later_epoch_is_not_above_the_earlier_one() {
    let places = || (0..3).flat_map(|epoch| (3..6).map(move |height| (epoch, height)));
    for one in places() {
        for other in places() {
            let [first, second] = [one, other];
            let lies =
                (one.0 < other.0 && one.1 >= other.1) || (other.0 < one.0 && other.1 >= one.1);
            let of = |(epoch, height)| head(LIAR, in_epoch(epoch), height);
            let record = epochs(of(first), of(second));
            let expected = match lies {
                true => Ok(()),
                false => Err(NoMalpractice::NoConflict),
            };
            check(&record, expected);
            assert_eq!(record.lie.kind(), LieKind::Epochs);
        }
    }
}

#[test]
fn both_heads_are_of_the_accused_and_of_one_chain() {
    let (early, late) = (head(LIAR, in_epoch(1), 12), head(LIAR, in_epoch(2), 12));
    check(&epochs(early, late), Ok(()));
    check(&epochs(late, early), Ok(()));
    for framed in [
        epochs(head(2, in_epoch(1), 12), late),
        epochs(early, head(2, in_epoch(2), 12)),
    ] {
        check(&framed, Err(NoMalpractice::BadSignature));
    }
    let scope = Scope {
        shard: ShardId::new(9),
        ..in_epoch(2)
    };
    let other_chain = epochs(early, head(LIAR, scope, 12));
    check(&other_chain, Err(NoMalpractice::NoConflict));
}

#[test]
fn a_record_about_epochs_with_one_bit_changed_proves_nothing() {
    for (name, record) in malpractice() {
        check(&record, Ok(()));
        let bytes = encoding::encode(&record);
        for bit in 0..8 * bytes.len() {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let proves = encoding::decode::<Malpractice>(&changed, changed.len())
                .is_ok_and(|changed| changed.verify(&mut Zip215).is_ok());
            assert!(!proves, "{name}, bit {bit}");
        }
    }
}
