//! The bytes of every domain are frozen here: each identifier of a network hangs on them.

use std::fmt;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StrDeserializer};

use super::*;
use crate::encoding::{HexError, decode, encode};
use crate::id::ObjectId;

/// The hash of `abc` under each tag, computed outside of Rust.
const VECTORS: [(Tag, &str, &str); 25] = [
    (
        Tag::Network,
        "network",
        "f84c204bb05651dfdaca4be6ddc1864ca07ad15b346af664f3eb854006857568",
    ),
    (
        Tag::Content,
        "content",
        "b033c40de2edac21ef7d605c271185415d482c7a6f06d9f0e7c1baa8f5454eab",
    ),
    (
        Tag::Trace,
        "trace",
        "5ce4a5f58b075762412887f623e7ebdbd2c300a7204a803e6f25af0b062c2cca",
    ),
    (
        Tag::Object,
        "object",
        "9ccef31961325d42200df56f6fdbfeace22ff3b8694696750dfe38cae30570b0",
    ),
    (
        Tag::Transaction,
        "transaction",
        "b059381685272c72a87fcc4a7f312e434c398f2400c62b0f78dc33b2b0c302a6",
    ),
    (
        Tag::Payload,
        "payload",
        "e4214fceca0f3a08ca4dab730d62dcb4c3cf4c2d829f333a100ee13fa5a45ddd",
    ),
    (
        Tag::Block,
        "block",
        "25450fb14ef29bfd09310a0212c4a4806110abb1481025e96e3fc07445f9857e",
    ),
    (
        Tag::Entry,
        "entry",
        "a180f12d6551e0e17f7aab534d97da592f32b1adfa6fba57d050d8c6a9e08103",
    ),
    (
        Tag::Result,
        "result",
        "163e0acda44216e5b9a233a763ab654f9492246d605ed0a448037d2e91e94df0",
    ),
    (
        Tag::Outbox,
        "outbox",
        "f5c4b8d5fb06708c6e8c08db806b7b8724e8a28daf9ce67485c36de7a01abb3d",
    ),
    (
        Tag::MerkleLeaf,
        "merkle-leaf",
        "52eab04c0226aaed75086272cb1edb67db39f60ce9abac95cdeeb9c1e1da2300",
    ),
    (
        Tag::MerkleNode,
        "merkle-node",
        "92dfabe20d313fb92028b7f79e00257ca003c955511556cd26739ca51a4392c5",
    ),
    (
        Tag::MerkleRoot,
        "merkle-root",
        "5d076b0f30c8dffa9330b126eef408b0bb29d167316e393fcfe4ce6ab1e71b35",
    ),
    (
        Tag::Head,
        "head",
        "ebd4ca40e1b62500ab5f56b45e83184e3eb4edcb675b37eee0d199539940163c",
    ),
    (
        Tag::Committee,
        "committee",
        "2afee31968961a421639f37c06cbd011761f75288288d1948c62ac0b6dad23e2",
    ),
    (
        Tag::Genesis,
        "genesis",
        "a04206cd2c563c2c58bab8e8e092b56771f7ccd22ad8d7052bd45afe2f042868",
    ),
    (
        Tag::Record,
        "record",
        "5dd1ac992bb0ccf53134e838d7c834caf354305581af8b9ac741aa88bdfe5f35",
    ),
    (
        Tag::Shard,
        "shard",
        "b1115427e4dd6a74518d3d0318587a9a0ba82283148308bfd73da99bc3ac0fac",
    ),
    (
        Tag::HandOver,
        "hand-over",
        "4eeab4fa26a4e4d52f3021be77b974828f56ce191501c3cddd7b1e27d5f24b9b",
    ),
    (
        Tag::Label,
        "label",
        "4a9fc1d64057c27a257577707a2ac1176b65eda618c4b1a52107584e37f9b51f",
    ),
    (
        Tag::Descriptor,
        "descriptor",
        "9dfc72d8842370d659fe572c205304a500d1f5e33495e6cc59ab357f22f02855",
    ),
    (
        Tag::Paper,
        "paper",
        "ae15bd95d147dece9969d6514a1359d139014e132aa7ed84a71115c03e343700",
    ),
    (
        Tag::Terms,
        "terms",
        "935b29779d181db144338279e8b9bdc6c4384df0b9b9c0a7cb76dcce3cdd9a26",
    ),
    (
        Tag::ObjectsPiece,
        "objects-piece",
        "c9c96add5cc2cb5210393e331dd6a1b2fb258474e393896c420484678f5143b9",
    ),
    (
        Tag::Piece,
        "piece",
        "7a9467fd50f87e9433a893ea5bb3ee327ad0b61c58e4db757ba664d55c36376d",
    ),
];

#[test]
fn every_tag_has_its_frozen_hash() {
    for (tag, name, expected) in VECTORS {
        assert_eq!(tag.domain(), format!("chainspace/v1/{name}").as_bytes());
        assert_eq!(hash(tag, b"abc").to_string(), expected, "{name}");
    }
}

#[test]
fn no_two_tags_share_a_domain_and_all_lengths_fit_a_byte() {
    for (i, (tag, ..)) in VECTORS.iter().enumerate() {
        assert!(u8::try_from(tag.domain().len()).is_ok());
        assert!(
            VECTORS[..i]
                .iter()
                .all(|(other, ..)| other.domain() != tag.domain())
        );
    }
}

#[test]
fn where_parts_end_counts() {
    let lists: [&[&[u8]]; 7] = [
        &[],
        &[b""],
        &[b"", b""],
        &[b"abc"],
        &[b"ab", b"c"],
        &[b"a", b"bc"],
        &[b"", b"abc"],
    ];
    for (i, list) in lists.iter().enumerate() {
        for other in &lists[..i] {
            assert_ne!(
                hash_parts(Tag::Object, list),
                hash_parts(Tag::Object, other)
            );
        }
    }
}

#[test]
fn lists_of_parts_have_their_frozen_hashes() {
    #[track_caller]
    fn check(parts: &[&[u8]], expected: &str) {
        assert_eq!(
            hash_parts(Tag::Object, parts).to_string(),
            expected,
            "{parts:?}"
        );
    }
    check(
        &[],
        "bcf90a1b26c3ede340751d1e423a5f3cb1ca86cefcff3645ac63aa5aaee89e18",
    );
    check(
        &[b""],
        "57c8328f52a404c41cc0889518e4899dfba96b25417c15fcbb8025c76deac198",
    );
    check(
        &[b"ab", b"c"],
        "526ce5fb25123ffcd91aca0f01c07f277968dc0c0cb26c279e589f2fff8f041a",
    );
}

#[test]
fn one_hash_is_said_in_three_ways() {
    let value = (7_u64, String::from("x"));
    let bytes = encode(&value);
    assert_eq!(hash_value(Tag::Entry, &value), hash(Tag::Entry, &bytes));
    assert_eq!(hash(Tag::Entry, &bytes), hash_parts(Tag::Entry, &[&bytes]));
}

fn ascending() -> Hash {
    let mut bytes = [0; 32];
    bytes
        .iter_mut()
        .zip(0xa0..)
        .for_each(|(byte, value)| *byte = value);
    Hash::from_bytes(bytes)
}

const ASCENDING: &str = "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf";

#[test]
fn a_name_is_shown_and_parsed_as_hexadecimal() {
    let name = ObjectId::from_hash(ascending());
    assert_eq!(name.to_string(), ASCENDING);
    assert_eq!(format!("{name:?}"), "ObjectId(a0a1a2a3..)");
    assert_eq!(ASCENDING.parse(), Ok(name));
    assert_eq!(ASCENDING.to_uppercase().parse(), Ok(name));
    assert_eq!(name.to_hash(), ascending());
}

#[test]
fn a_text_that_is_no_name_is_refused_with_the_reason() {
    #[track_caller]
    fn check(text: &str, expected: HexError) {
        assert_eq!(text.parse::<ObjectId>(), Err(expected), "{text}");
    }
    check(
        "",
        HexError::Length {
            expected: 64,
            found: 0,
        },
    );
    check(
        &ASCENDING[1..],
        HexError::Length {
            expected: 64,
            found: 63,
        },
    );
    check(
        &format!("{ASCENDING}00"),
        HexError::Length {
            expected: 64,
            found: 66,
        },
    );
    check(&ASCENDING.replace("a3", "a "), HexError::Digit { at: 7 });
    check(
        &ASCENDING.replace("bf", "\u{e9}"),
        HexError::Digit { at: 62 },
    );
    check(&ASCENDING.replace("a0", "+0"), HexError::Digit { at: 0 });
}

#[test]
fn a_name_is_a_byte_string_for_machines_and_a_text_for_people() {
    let name = ObjectId::from_hash(ascending());
    let bytes = encode(&name);
    assert_eq!((bytes[0], bytes[1], &bytes[2..]), (0x58, 32, name.as_ref()));
    assert_eq!(decode(&bytes, 34), Ok(name));

    assert_eq!(ForPeople(name).to_string(), ASCENDING);
    let text: StrDeserializer<'_, Error> = ASCENDING.into_deserializer();
    assert_eq!(ObjectId::deserialize(text), Ok(name));
    let text: StrDeserializer<'_, Error> = "a0".into_deserializer();
    assert!(ObjectId::deserialize(text).is_err());
}

/// Writes what serde writes for a value in a format that is made for people.
struct ForPeople<T>(T);

impl<T: Serialize> fmt::Display for ForPeople<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.serialize(f)
    }
}
