//! A batch says what single checks say, whatever stands beside what.

use super::super::tests::{EDGE_CASES, small_order_pairs};
use super::super::{SecretKey, verify};
use super::*;

/// How often a case is tried, each time with other coefficients.
const TRIES: u8 = 64;

fn good(seed: u8, message: &[u8]) -> (PublicKey, Signature) {
    let key = SecretKey::from_seed([seed; 32]);
    (key.public(), key.sign(message))
}

/// A batch of one item between two good ones, which give each try coefficients of its own.
fn between_good_ones(
    round: u8,
    (key, message, signature): (&PublicKey, &[u8], &Signature),
) -> Batch {
    let mut batch = Batch::new();
    let (first, last) = (good(round, b"first"), good(round, b"last"));
    batch.queue(&first.0, b"first", &first.1);
    batch.queue(key, message, signature);
    batch.queue(&last.0, b"last", &last.1);
    batch
}

#[test]
fn the_edge_cases_are_decided_alike_in_every_batch() {
    for case in &EDGE_CASES {
        let (key, signature) = (case.key(), case.signature());
        for round in 0..TRIES {
            let batch = between_good_ones(round, (&key, case.message.as_bytes(), &signature));
            assert_eq!(batch.holds(), case.valid, "{}, {round}", case.message);
            assert_eq!(batch.verify_all(), case.valid, "{}", case.message);
        }
    }
}

#[test]
fn all_signatures_of_small_order_are_valid_in_every_batch() {
    for (key, signature) in small_order_pairs() {
        for round in 0..TRIES {
            let batch = between_good_ones(round, (&key, b"Zcash", &signature));
            assert!(batch.holds(), "{key} {signature}, {round}");
        }
    }
}

#[test]
fn all_signatures_of_small_order_are_valid_together() {
    for round in 0..TRIES {
        let mut batch = between_good_ones(round, (&good(1, b"").0, b"", &good(1, b"").1));
        for (key, signature) in small_order_pairs() {
            batch.queue(&key, b"Zcash", &signature);
        }
        assert!(batch.holds(), "{round}");
    }
}

/// Checks a batch in which the items at some places are bad.
#[track_caller]
fn check_batch(size: u8, bad: &[u8]) {
    let mut batch = Batch::new();
    let mut culprits = 0;
    for i in 0..size {
        let (key, signature) = good(i % 3, &[i]);
        let message = if bad.contains(&i) {
            [i, 0].to_vec()
        } else {
            [i].to_vec()
        };
        culprits += usize::from(!verify(&key, &message, &signature));
        batch.queue(&key, &message, &signature);
    }
    assert_eq!((batch.len(), batch.is_empty()), (size.into(), size == 0));
    assert_eq!(culprits, bad.len());
    assert_eq!(batch.verify_all(), bad.is_empty(), "{size} {bad:?}");
}

#[test]
fn one_culprit_is_enough() {
    check_batch(0, &[]);
    check_batch(1, &[]);
    check_batch(1, &[0]);
    check_batch(2, &[]);
    check_batch(2, &[1]);
    check_batch(3, &[]);
    check_batch(3, &[0, 1, 2]);
    check_batch(20, &[]);
    check_batch(20, &[0]);
    check_batch(20, &[7, 19]);
}

#[test]
fn two_wrongs_do_not_make_a_right() {
    // The signatures of two messages are exchanged, so that a plain sum of both equations holds.
    let (key, first) = good(1, b"first");
    let (_, second) = good(1, b"second");
    let mut batch = Batch::new();
    batch.queue(&key, b"first", &second);
    batch.queue(&key, b"second", &first);
    batch.queue(&key, b"first", &first);
    assert!(!batch.holds());
    assert!(!batch.verify_all());
}

#[test]
fn coefficients_change_with_every_item_and_with_their_order() {
    let (key, signature) = good(1, b"a");
    let (other_key, other_signature) = good(2, b"a");
    let first_coefficient = |items: &[(&PublicKey, &[u8], &Signature)]| {
        let mut batch = Batch::new();
        items
            .iter()
            .for_each(|(key, message, signature)| batch.queue(key, message, signature));
        Coefficients::new(&batch.transcript).next_block()
    };
    let base = (&key, &b"a"[..], &signature);
    // One item whose message looks like its end and a second item.
    let swallowed = [b"a", &key.as_bytes()[..], signature.as_bytes()].concat();
    let lists: [&[_]; 9] = [
        &[],
        &[base],
        &[base, base],
        &[(&other_key, b"a", &signature)],
        &[(&key, b"b", &signature)],
        &[(&key, b"a", &other_signature)],
        &[base, (&key, b"", &signature)],
        &[(&key, b"", &signature), base],
        &[(&key, &swallowed, &signature)],
    ];
    for (i, list) in lists.iter().enumerate() {
        for other in &lists[..i] {
            assert_ne!(first_coefficient(list), first_coefficient(other));
        }
    }
}

#[test]
fn coefficients_do_not_repeat() {
    let mut coefficients = Coefficients::new(&Sha256::new());
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..1000 {
        let mut coefficient = [0; 16];
        let Ok(()) = coefficients.try_fill_bytes(&mut coefficient);
        assert!(seen.insert(coefficient));
    }
}

#[test]
fn coefficients_of_all_widths_come_from_the_same_blocks() {
    let block = Coefficients::new(&Sha256::new()).next_block();
    let fresh = || Coefficients::new(&Sha256::new());
    assert_eq!(
        fresh().try_next_u32(),
        Ok(u32::from_le_bytes([block[0], block[1], block[2], block[3]]))
    );
    let Ok(wide) = fresh().try_next_u64();
    assert_eq!(wide.to_le_bytes(), block[..8]);
    let mut long = [0; 48];
    let Ok(()) = fresh().try_fill_bytes(&mut long);
    assert_eq!(long[..32], block);
    assert_ne!(long[32..], block[..16]);
}
