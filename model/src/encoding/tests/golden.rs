//! The frozen bytes of each shape a type can have.

use core::fmt::Debug;
use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::{Bytes, decode, encode, encode_into};
use super::{Empty, Everything, Marker, Named, Newtype, Pair, Shape, bytes};
use crate::hash::Hash;

#[track_caller]
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, hex: &str) {
    let bytes = bytes(hex);
    assert_eq!(encode(&value), bytes, "{value:?}");
    assert_eq!(decode(&bytes, bytes.len()), Ok(value));
}

#[test]
fn integers_are_as_short_as_possible() {
    check(0_u8, "00");
    check(23_u8, "17");
    check(24_u8, "1818");
    check(u8::MAX, "18ff");
    check(256_u16, "190100");
    check(u16::MAX, "19ffff");
    check(65_536_u32, "1a00010000");
    check(u32::MAX, "1affffffff");
    check(1_u64 << 32, "1b0000000100000000");
    check(u64::MAX, "1bffffffffffffffff");
    check(-1_i8, "20");
    check(-24_i16, "37");
    check(-25_i32, "3818");
    check(-257_i64, "390100");
    check(23_i64, "17");
    check(i64::MAX, "1b7fffffffffffffff");
    check(i64::MIN, "3b7fffffffffffffff");
}

#[test]
fn the_width_of_the_type_does_not_show() {
    for number in [0, 23, 24, 255] {
        assert_eq!(encode(&number), encode(&(number as u64)));
        assert_eq!(encode(&number), encode(&i64::from(number)));
        assert_eq!(encode(&(number as u8)), encode(&(number as u32)));
    }
}

#[test]
fn booleans_texts_and_byte_strings() {
    check(false, "f4");
    check(true, "f5");
    check(String::new(), "60");
    check(String::from("IETF"), "6449455446");
    check(String::from("\u{fc}"), "62c3bc");
    check("a".repeat(24), &format!("7818{}", "61".repeat(24)));
    check(Bytes::default(), "40");
    check(Bytes::from([1, 2, 3]), "43010203");
    check(
        Bytes::from(vec![7; 256]),
        &format!("590100{}", "07".repeat(256)),
    );
    check(Hash::ZERO, &format!("5820{}", "00".repeat(32)));
}

#[test]
fn structs_and_tuples_are_arrays_of_their_fields_in_order() {
    check((), "80");
    check(Empty {}, "80");
    check(Marker, "80");
    check(Newtype(7), "07");
    check(Pair(7, 8), "820708");
    check((7_u64, true), "8207f5");
    check(
        Named {
            first: 7,
            second: true,
        },
        "8207f5",
    );
    check([1_u8, 2, 3], "83010203");
}

#[test]
fn sequences_are_arrays() {
    check(Vec::<u64>::new(), "80");
    check(vec![1_u64, 500], "82011901f4");
    check(vec![vec![true], vec![]], "8281f580");
    check(vec![0_u64; 24], &format!("9818{}", "00".repeat(24)));
    check(BTreeSet::from([3_u8, 1, 2]), "83010203");
    check(Box::new(7_u64), "07");
}

#[test]
fn options_are_arrays_of_none_or_one() {
    check(None::<u64>, "80");
    check(Some(7_u64), "8107");
    check(None::<Option<u64>>, "80");
    check(Some(None::<u64>), "8180");
    check(Some(Some(7_u64)), "818107");
    check(Some(()), "8180");
}

#[test]
fn variants_are_arrays_of_their_index_and_their_fields() {
    check(Shape::Unit, "8100");
    check(Shape::Newtype(7), "820107");
    check(Shape::Tuple(true, "x".into()), "8302f56178");
    check(
        Shape::Struct {
            left: Some(1),
            right: vec![-1],
        },
        "830381018120",
    );
    check(vec![Shape::Unit, Shape::Unit], "8281008100");
}

#[test]
fn a_value_of_everything() {
    let inner = Everything {
        id: Hash::from_bytes([0xab; 32]),
        number: 1000,
        small: 24,
        signed: -1000,
        flag: true,
        text: "ok".into(),
        content: Bytes::from([1, 2]),
        shapes: vec![Shape::Unit, Shape::Newtype(0)],
        set: BTreeSet::from([300, 2]),
        pair: (9, Some(None)),
        inner: vec![],
    };
    let inner_hex = format!(
        "8b5820{}1903e818183903e7f5626f6b420102828100820100820219012c8209818080",
        "ab".repeat(32)
    );
    let outer = Everything {
        inner: vec![inner.clone()],
        ..inner.clone()
    };
    let outer_hex = format!("{}81{inner_hex}", &inner_hex[..inner_hex.len() - 2]);
    check(inner, &inner_hex);
    check(outer, &outer_hex);
}

#[test]
fn encode_into_appends() {
    let mut out = vec![0xff];
    encode_into(&7_u64, &mut out);
    encode_into(&true, &mut out);
    assert_eq!(out, [0xff, 0x07, 0xf5]);
}
