//! What is refused, and with which error.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, SeqAccess, Visitor};
use serde::ser::{SerializeSeq, Serializer};
use serde::{Deserialize, Serialize};

use super::super::{Bytes, DecodeError, MAX_DEPTH, decode, encode, ser};
use super::{Empty, Everything, Marker, Named, Nest, Newtype, Pair, Shape, bytes};
use crate::hash::Hash;

fn refusal<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> DecodeError {
    decode::<T>(bytes, 1 << 24)
        .err()
        .expect("these bytes are refused")
}

#[track_caller]
fn not_canonical<T: Serialize + DeserializeOwned>(hex: &str) {
    assert_eq!(
        refusal::<T>(&bytes(hex)),
        DecodeError::NotCanonical,
        "{hex}"
    );
}

#[track_caller]
fn malformed<T: Serialize + DeserializeOwned>(hex: &str) {
    let error = refusal::<T>(&bytes(hex));
    let malformed = matches!(error, DecodeError::Malformed { .. });
    assert!(malformed, "{hex}: {error}");
}

#[test]
fn longer_than_the_limit_is_refused_before_anything_else() {
    let limit = DecodeError::TooLong { limit: 2, found: 3 };
    assert_eq!(decode::<u64>(&[0xff, 0xff, 0xff], 2), Err(limit));
    assert_eq!(decode::<u64>(&[0x18, 0x18], 2), Ok(24));
}

#[test]
fn trailing_bytes_are_refused() {
    assert_eq!(refusal::<u64>(&[7, 0]), DecodeError::Trailing { left: 1 });
    assert_eq!(
        refusal::<Empty>(&[0x80, 0x80, 0x80]),
        DecodeError::Trailing { left: 2 }
    );
}

#[test]
fn longer_forms_of_integers_and_lengths_are_refused() {
    for hex in ["1817", "190018", "1a0000ffff", "1b00000000ffffffff"] {
        not_canonical::<u64>(hex);
    }
    for hex in ["3817", "390018", "1817"] {
        not_canonical::<i64>(hex);
    }
    not_canonical::<Bytes>("5801aa");
    not_canonical::<String>("780161");
    not_canonical::<Vec<u64>>("980107");
    not_canonical::<Option<u64>>("9800");
    not_canonical::<Pair>("98020708");
    not_canonical::<Shape>("980100");
    not_canonical::<Shape>("811800");
}

#[test]
fn indefinite_lengths_are_refused() {
    not_canonical::<Vec<u64>>("9f07ff");
    not_canonical::<Option<u64>>("9fff");
    not_canonical::<Pair>("9f0708ff");
    not_canonical::<Shape>("9f00ff");
    malformed::<Bytes>("5f41aaff");
    malformed::<String>("7f6161ff");
}

#[test]
fn tags_floats_nulls_maps_and_breaks_are_refused() {
    for hex in [
        "c107",
        "c24107",
        "f93c00",
        "fb3ff0000000000000",
        "f6",
        "f7",
        "a0",
        "ff",
        "1c",
    ] {
        malformed::<u64>(hex);
        malformed::<i64>(hex);
        malformed::<bool>(hex);
        malformed::<String>(hex);
        malformed::<Bytes>(hex);
        malformed::<Hash>(hex);
        malformed::<Option<u64>>(hex);
        malformed::<Vec<u64>>(hex);
        malformed::<()>(hex);
        malformed::<Named>(hex);
        malformed::<Shape>(hex);
    }
    malformed::<Named>(
        "a2656669727374076673656 36f6e64f5"
            .replace(' ', "")
            .as_str(),
    );
}

#[test]
fn one_kind_of_value_is_not_taken_for_another() {
    malformed::<u64>("f4");
    malformed::<u64>("20");
    malformed::<u64>("4107");
    malformed::<bool>("01");
    malformed::<String>("4161");
    malformed::<Bytes>("6161");
    malformed::<Bytes>("8101");
    malformed::<Vec<u8>>("4101");
    malformed::<Option<u64>>("07");
    malformed::<Newtype>("8107");
    malformed::<String>("62c328");
}

#[test]
fn integers_out_of_range_are_refused() {
    malformed::<u8>("190100");
    malformed::<u16>("1a00010000");
    malformed::<u32>("1b0000000100000000");
    malformed::<i8>("1880");
    malformed::<i8>("3880");
    malformed::<i64>("1b8000000000000000");
    malformed::<i64>("3b8000000000000000");
}

#[test]
fn another_number_of_fields_is_refused() {
    malformed::<()>("8100");
    malformed::<Marker>("8100");
    malformed::<Empty>("8100");
    malformed::<Pair>("8107");
    malformed::<Pair>("83070809");
    malformed::<Named>("8107");
    malformed::<Named>("8307f5f5");
    malformed::<[u8; 3]>("820102");
    malformed::<Option<u64>>("820708");
    malformed::<Hash>("421122");
}

#[test]
fn variants_are_read_as_strictly_as_structs() {
    malformed::<Shape>("80");
    malformed::<Shape>("00");
    malformed::<Shape>("8104");
    malformed::<Shape>("811b0000000100000000");
    malformed::<Shape>("8164556e6974");
    malformed::<Shape>("820000");
    malformed::<Shape>("8101");
    malformed::<Shape>("83010700");
    malformed::<Shape>("8202f5");
    malformed::<Shape>("8402f5617800");
    malformed::<Shape>("820380");
}

#[test]
fn sets_are_refused_unless_sorted_and_without_doubles() {
    not_canonical::<BTreeSet<u8>>("820201");
    not_canonical::<BTreeSet<u8>>("820101");
}

#[test]
fn every_beginning_of_an_encoding_is_refused() {
    let value = Named {
        first: 1 << 40,
        second: true,
    };
    let bytes = encode(&(
        value,
        Bytes::from([1, 2, 3]),
        String::from("abc"),
        Shape::Newtype(300),
    ));
    for end in 0..bytes.len() {
        let error = refusal::<(Named, Bytes, String, Shape)>(&bytes[..end]);
        assert_eq!(error, DecodeError::CutOff { at: end });
    }
}

#[test]
fn nesting_is_bounded_exactly() {
    // The innermost array is the empty one.
    let nested = |depth: usize| [vec![0x81; depth - 1], vec![0x80]].concat();
    assert!(decode::<Nest>(&nested(MAX_DEPTH), 1 << 10).is_ok());
    assert_eq!(
        refusal::<Nest>(&nested(MAX_DEPTH + 1)),
        DecodeError::TooDeep
    );
    assert_eq!(refusal::<Nest>(&nested(1 << 20)), DecodeError::TooDeep);
}

#[test]
fn depth_counts_what_is_open_and_not_what_was() {
    let flat = encode(&vec![
        Shape::Struct {
            left: Some(1),
            right: vec![1]
        };
        10 * MAX_DEPTH
    ]);
    assert!(decode::<Vec<Shape>>(&flat, flat.len()).is_ok());
}

#[test]
fn lengths_beyond_the_input_are_refused() {
    for length in [
        "1a00000002",
        "1affffffff",
        "1b7fffffffffffffff",
        "1bffffffffffffffff",
    ] {
        let declare = |major: u8| {
            let mut bytes = bytes(length);
            bytes[0] |= major << 5;
            bytes.push(0);
            bytes
        };
        for error in [
            refusal::<Bytes>(&declare(2)),
            refusal::<String>(&declare(3)),
        ] {
            let at = bytes(length).len() + 1;
            assert_eq!(error, DecodeError::CutOff { at }, "{length}");
        }
        // An array is refused by its length, not when the elements run out.
        let at = bytes(length).len() + 1;
        let expected = DecodeError::CutOff { at };
        assert_eq!(refusal::<Vec<u64>>(&declare(4)), expected, "{length}");
        assert_eq!(refusal::<Everything>(&declare(4)), expected, "{length}");
        assert_eq!(refusal::<Shape>(&declare(4)), expected, "{length}");
    }
}

/// A list that remembers for how many elements it was told to make room.
#[derive(Debug, PartialEq)]
struct Room {
    told: Option<usize>,
    elements: Vec<u8>,
}

impl Serialize for Room {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.elements.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Room {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RoomVisitor;
        impl<'de> Visitor<'de> for RoomVisitor {
            type Value = Room;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Room, A::Error> {
                let told = list.size_hint();
                let mut elements = Vec::new();
                while let Some(element) = list.next_element()? {
                    elements.push(element);
                }
                Ok(Room { told, elements })
            }
        }
        deserializer.deserialize_seq(RoomVisitor)
    }
}

#[test]
fn room_is_made_for_few_elements_only() {
    let room = |len: usize| decode::<Room>(&encode(&vec![0_u8; len]), 1 << 20).map(|r| r.told);
    assert_eq!(room(3), Ok(Some(3)));
    assert_eq!(room(100_000), Ok(Some(64)));
}

#[test]
fn it_is_said_where_an_input_goes_wrong_and_with_which_byte() {
    let at = |bytes: &[u8]| match refusal::<(u64, Vec<u64>, String)>(bytes) {
        DecodeError::Malformed { at, reason } => (at, reason),
        other => panic!("{other}"),
    };
    let found = at(b"text");
    assert_eq!(found, (0, "0x74 begins no array".to_owned()));
    assert_eq!(at(&[0x83, 0x60, 0x80, 0x60]).0, 1);
    assert_eq!(at(&[0x83, 0x01, 0x82, 0x02, 0x60, 0x60]).0, 4);
    assert_eq!(at(&[0x83, 0x01, 0x80, 0x02]).0, 3);
    let not_text = at(&[0x83, 0x01, 0x80, 0x61, 0xff]);
    assert_eq!(not_text, (3, "a text is not UTF-8".to_owned()));
    let said = refusal::<Vec<u64>>(b"text").to_string();
    assert_eq!(said, "byte 0 is not as it should be: 0x74 begins no array");
}

#[test]
fn reasons_are_short_however_long_the_input() {
    let long = DecodeError::malformed("\u{e9}".repeat(100_000));
    let DecodeError::Malformed { at: _, reason } = long else {
        unreachable!("this is how the error is made");
    };
    assert_eq!(reason.chars().count(), 200);
}

#[derive(Serialize, Deserialize)]
struct Sometimes {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Flat {
    #[serde(flatten)]
    inner: Named,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u64),
}

/// A sequence that announces another length than it has, or none.
struct Announces(Option<usize>);

impl Serialize for Announces {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(self.0)?;
        seq.serialize_element(&1)?;
        seq.serialize_element(&2)?;
        seq.end()
    }
}

#[test]
fn types_without_an_encoding_cannot_be_encoded() {
    #[track_caller]
    fn check<T: Serialize>(value: T, expected: &str) {
        let error = ser::write(&value, &mut Vec::new())
            .err()
            .map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some(expected));
    }
    check(1.0_f32, "floats have no canonical encoding");
    check(1.0_f64, "floats have no canonical encoding");
    check('x', "characters have no canonical encoding");
    check(1_u128, "128-bit integers have no canonical encoding");
    check(1_i128, "128-bit integers have no canonical encoding");
    check(BTreeMap::from([(1, 2)]), "maps have no canonical encoding");
    check(
        Flat {
            inner: Named {
                first: 1,
                second: true,
            },
        },
        "maps have no canonical encoding",
    );
    check(
        Sometimes { field: None },
        "skipped fields have no canonical encoding",
    );
    check(
        Announces(None),
        "sequences of unknown length have no canonical encoding",
    );
    check(
        Announces(Some(1)),
        "a type announced another number of elements than it has",
    );
    check(
        Announces(Some(3)),
        "a type announced another number of elements than it has",
    );
}

#[test]
fn types_without_an_encoding_cannot_be_decoded() {
    malformed::<f32>("fa3f800000");
    malformed::<f64>("fb3ff0000000000000");
    malformed::<char>("6161");
    malformed::<u128>("07");
    malformed::<i128>("07");
    malformed::<BTreeMap<u64, u64>>("a10102");
    malformed::<Flat>("8207f5");
    malformed::<Untagged>("07");
    malformed::<Sometimes>("80");
}

#[test]
#[should_panic(expected = "Unsupported(\"maps\")")]
fn encoding_such_a_type_is_a_mistake_of_ours() {
    let _ = encode(&BTreeMap::from([(1, 2)]));
}
