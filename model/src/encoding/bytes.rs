//! Byte strings: the newtype that keeps `Vec<u8>` from becoming a list of integers, and the serde
//! form that all fixed-size names and keys share.
//!
//! In the canonical encoding a byte string is a CBOR byte string. Formats made for people, such as
//! JSON answers of a node, show hexadecimal text instead.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;

use serde::de::{self, Deserializer, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::hex;

/// A byte string of any length.
///
/// Use it for every field that would be a `Vec<u8>`: serde would encode that one as a list of
/// integers, twice as long and several times as slow.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    /// Gives the bytes back.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Bytes {
    fn from(bytes: [u8; N]) -> Self {
        Self(bytes.to_vec())
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::debug("Bytes", &self.0, f)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(&self.0, f)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize::<Vec<u8>, D>(deserializer).map(Self)
    }
}

/// Serializes bytes as a byte string, or as hexadecimal text where people read.
pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.collect_str(&Hexadecimal(bytes))
    } else {
        serializer.serialize_bytes(bytes)
    }
}

/// Deserializes exactly `N` bytes of what [`serialize`] wrote.
pub(crate) fn deserialize_array<'de, const N: usize, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<[u8; N], D::Error> {
    deserialize::<[u8; N], D>(deserializer)
}

fn deserialize<'de, B: ByteString, D: Deserializer<'de>>(deserializer: D) -> Result<B, D::Error> {
    let visitor = ByteStringVisitor(PhantomData);
    if deserializer.is_human_readable() {
        deserializer.deserialize_str(visitor)
    } else {
        deserializer.deserialize_bytes(visitor)
    }
}

/// What a byte string can become: an array of one size, or a vector.
trait ByteString: Sized {
    fn from_slice(bytes: &[u8]) -> Option<Self>;
    fn from_hex(text: &str) -> Result<Self, hex::HexError>;
    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result;
}

impl<const N: usize> ByteString for [u8; N] {
    fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok()
    }

    fn from_hex(text: &str) -> Result<Self, hex::HexError> {
        hex::parse_array(text)
    }

    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a byte string of {N} bytes")
    }
}

impl ByteString for Vec<u8> {
    fn from_slice(bytes: &[u8]) -> Option<Self> {
        Some(bytes.to_vec())
    }

    fn from_hex(text: &str) -> Result<Self, hex::HexError> {
        hex::parse(text)
    }

    fn expecting(f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a byte string")
    }
}

struct ByteStringVisitor<B>(PhantomData<B>);

impl<B: ByteString> Visitor<'_> for ByteStringVisitor<B> {
    type Value = B;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        B::expecting(f)
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<B, E> {
        B::from_slice(bytes).ok_or_else(|| E::invalid_length(bytes.len(), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<B, E> {
        B::from_hex(text).map_err(E::custom)
    }
}

struct Hexadecimal<'a>(&'a [u8]);

impl fmt::Display for Hexadecimal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex::write(self.0, f)
    }
}
