//! What holds for all values and for all bytes. The seed is fixed, so a failure comes back.

use proptest::collection::{btree_set, vec};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::super::{Bytes, decode, encode};
use super::{Everything, Shape};
use crate::hash::Hash;

/// Large enough for every encoding in this file.
const LIMIT: usize = 1 << 20;

fn config() -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(0xc0de),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Integers of all lengths, with the edges of each length more often.
fn number() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0_u32..64, 0_u64..2)
        .prop_map(|(number, bits, edge)| if edge == 1 { 1 << bits } else { number >> bits })
}

fn signed() -> impl Strategy<Value = i64> {
    (number(), any::<bool>()).prop_map(|(number, negative)| {
        let magnitude = (number >> 1) as i64;
        if negative { -1 - magnitude } else { magnitude }
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Unit),
        number().prop_map(Shape::Newtype),
        (any::<bool>(), ".{0,4}").prop_map(|(flag, text)| Shape::Tuple(flag, text)),
        (any::<Option<u8>>(), vec(signed(), 0..3))
            .prop_map(|(left, right)| Shape::Struct { left, right }),
    ]
}

fn leaf() -> impl Strategy<Value = Everything> {
    let plain = (
        any::<[u8; 32]>(),
        number(),
        any::<u8>(),
        signed(),
        any::<bool>(),
        ".{0,30}",
    );
    let lists = (
        vec(any::<u8>(), 0..30),
        vec(shape(), 0..4),
        btree_set(any::<u16>(), 0..4),
        any::<(u32, Option<Option<bool>>)>(),
    );
    (plain, lists).prop_map(
        |((id, number, small, signed, flag, text), (content, shapes, set, pair))| Everything {
            id: Hash::from_bytes(id),
            number,
            small,
            signed,
            flag,
            text,
            content: Bytes::from(content),
            shapes,
            set,
            pair,
            inner: vec![],
        },
    )
}

fn everything() -> impl Strategy<Value = Everything> {
    leaf().prop_recursive(3, 12, 3, |inner| {
        (leaf(), vec(inner, 0..3)).prop_map(|(outer, inner)| Everything { inner, ..outer })
    })
}

/// A small change to a byte string.
#[derive(Clone, Debug)]
enum Change {
    Set(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    Repeat(prop::sample::Index, prop::sample::Index),
    Cut(prop::sample::Index),
}

fn change() -> impl Strategy<Value = Change> {
    use Change::*;
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Set(at, byte)),
        (at(), 0_u8..8).prop_map(|(at, bit)| Flip(at, bit)),
        (at(), any::<u8>()).prop_map(|(at, byte)| Insert(at, byte)),
        at().prop_map(Remove),
        (at(), at()).prop_map(|(from, to)| Repeat(from, to)),
        at().prop_map(Cut),
    ]
}

fn apply(change: &Change, bytes: &mut Vec<u8>) {
    let len = bytes.len();
    if len == 0 {
        return;
    }
    match change {
        Change::Set(at, byte) => bytes[at.index(len)] = *byte,
        Change::Flip(at, bit) => bytes[at.index(len)] ^= 1 << bit,
        Change::Insert(at, byte) => bytes.insert(at.index(len), *byte),
        Change::Remove(at) => drop(bytes.remove(at.index(len))),
        Change::Repeat(from, to) => {
            let (from, to) = (from.index(len), to.index(len));
            let part = bytes[from.min(to)..from.max(to)].to_vec();
            bytes.extend(part);
        }
        Change::Cut(at) => bytes.truncate(at.index(len)),
    }
}

/// Reads one item of the deterministic CBOR that we allow and returns what comes after it.
///
/// Written from RFC 8949, section 4.2, and shares nothing with the encoder.
fn deterministic_item(bytes: &[u8]) -> Option<&[u8]> {
    let (&head, rest) = bytes.split_first()?;
    if head == 0xf4 || head == 0xf5 {
        return Some(rest);
    }
    let width = match head & 0x1f {
        0..=23 => 0,
        code @ 24..=27 => 1 << (code - 24),
        _ => return None,
    };
    let (argument, rest) = rest.split_at_checked(width)?;
    let value = argument
        .iter()
        .fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    let smallest = [0, 24, 1 << 8, 0, 1 << 16, 0, 0, 0, 1 << 32][width];
    if value < smallest {
        return None;
    }
    let value = if width == 0 {
        u64::from(head & 0x1f)
    } else {
        value
    };
    match head >> 5 {
        0 | 1 => Some(rest),
        2 => rest.get(value as usize..),
        3 => {
            let (text, rest) = rest.split_at_checked(value as usize)?;
            std::str::from_utf8(text).ok().map(|_| rest)
        }
        4 => (0..value).try_fold(rest, |rest, _| deterministic_item(rest)),
        _ => None,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_value_comes_back(value in everything()) {
        prop_assert_eq!(decode::<Everything>(&encode(&value), LIMIT), Ok(value));
    }

    #[test]
    fn every_encoding_is_deterministic_cbor(value in everything()) {
        let bytes = encode(&value);
        prop_assert_eq!(deterministic_item(&bytes), Some(&[][..]));
    }

    #[test]
    fn a_changed_encoding_is_refused_or_is_the_encoding_of_another_value(
        value in everything(),
        changes in vec(change(), 1..4),
    ) {
        let bytes = encode(&value);
        let mut changed = bytes.clone();
        changes.iter().for_each(|change| apply(change, &mut changed));
        if let Ok(other) = decode::<Everything>(&changed, LIMIT) {
            prop_assert_eq!(encode(&other), &changed[..]);
            prop_assert_eq!(other == value, changed == bytes);
        }
    }

    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(value) = decode::<Vec<Shape>>(&bytes, LIMIT) {
            prop_assert_eq!(encode(&value), bytes);
        }
    }
}
