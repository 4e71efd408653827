//! What the canonical encoding promises: frozen bytes, refusals, and properties of all values.

mod golden;
mod properties;
mod refusals;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Bytes;
use crate::hash::Hash;

/// An enum with a variant of each kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Shape {
    Unit,
    Newtype(u64),
    Tuple(bool, String),
    Struct { left: Option<u8>, right: Vec<i64> },
}

/// A struct with a field of each kind, which can hold itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Everything {
    id: Hash,
    number: u64,
    small: u8,
    signed: i64,
    flag: bool,
    text: String,
    content: Bytes,
    shapes: Vec<Shape>,
    set: BTreeSet<u16>,
    pair: (u32, Option<Option<bool>>),
    inner: Vec<Everything>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Empty {}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Marker;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Newtype(u64);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Pair(u64, u64);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Named {
    first: u64,
    second: bool,
}

/// Arrays in arrays: as many levels as there are values.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Nest(Vec<Nest>);

fn bytes(hex: &str) -> Vec<u8> {
    super::hex::parse(hex).expect("the test has a typing error")
}
