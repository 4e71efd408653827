//! The one canonical encoding of everything that is hashed, signed, stored or sent.
//!
//! It is a subset of CBOR (RFC 8949) in which each value has exactly one form:
//!
//! | Rust | CBOR |
//! | --- | --- |
//! | struct, tuple, `()` | array of the fields, in order |
//! | newtype struct | what is inside |
//! | enum | array of the variant's index and its fields |
//! | `Option` | array of none or one |
//! | sequence | array |
//! | [`Bytes`], names, keys | byte string |
//! | `String` | text string |
//! | `bool`, integers up to 64 bits | the same, as short as possible |
//!
//! There are no maps, floats, tags, nulls, indefinite lengths or wider integers, and nothing is
//! told apart by its look: a decoder knows the type before it reads.
//!
//! [`decode`] is the door through which bytes become values. It accepts only what [`encode`] would
//! write, so that a value and its bytes can stand for each other in a hash.

pub(crate) mod bytes;
mod de;
pub(crate) mod hex;
mod ser;
#[cfg(test)]
mod tests;

use core::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

pub use bytes::Bytes;
pub use hex::HexError;

/// How deeply arrays may lie within arrays. Decoding recurses once for each level.
///
/// A value that lies deeper is encoded like any other, and nobody decodes it.
pub const MAX_DEPTH: usize = 64;

/// How much of a reason is kept: it may quote the input.
const REASON_CHARS_MAX: usize = 200;

/// Why bytes are not the encoding of a value of the wanted type.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// There are more bytes than the caller takes. Nothing has been read.
    #[error("{found} bytes, more than the {limit} allowed")]
    TooLong {
        /// How many bytes the caller takes.
        limit: usize,
        /// How many there are.
        found: usize,
    },
    /// Arrays lie more than [`MAX_DEPTH`] deep.
    #[error("arrays nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// The bytes mean a value, but are not the bytes that [`encode`] writes for it.
    #[error("not the canonical encoding of the value")]
    NotCanonical,
    /// Bytes are left after the value.
    #[error("{left} bytes after the value")]
    Trailing {
        /// How many.
        left: usize,
    },
    /// The bytes mean no value of the wanted type.
    #[error("byte {at} is not as it should be: {reason}")]
    Malformed {
        /// The first byte that could not be read, counted from zero.
        at: usize,
        /// Why not.
        reason: String,
    },
    /// The bytes end in the middle of the value.
    #[error("they end after {at} bytes, in the middle of the value")]
    CutOff {
        /// How many there are.
        at: usize,
    },
}

impl DecodeError {
    fn malformed(reason: impl Display) -> Self {
        let reason = reason.to_string().chars().take(REASON_CHARS_MAX).collect();
        Self::Malformed { at: 0, reason }
    }

    /// The same of an input of `all` bytes of which `read` have been read.
    fn placed(self, read: usize, all: usize) -> Self {
        match self {
            Self::Malformed { at: _, reason } => Self::Malformed { at: read, reason },
            Self::CutOff { at: _ } => Self::CutOff { at: all },
            other => other,
        }
    }
}

/// The canonical encoding of a value.
///
/// # Panics
///
/// If the type has no encoding (a map, a float, a skipped field): a mistake in the definition of
/// the type, which its first test shows.
#[must_use]
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    encode_into(value, &mut out);
    out
}

/// Appends the canonical encoding of a value to `out`.
///
/// # Panics
///
/// As [`encode`].
pub fn encode_into<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    ser::write(value, out).expect("every type that is encoded is made of what has an encoding");
}

/// The value whose canonical encoding `bytes` is. At most `limit` bytes are looked at.
///
/// Nothing is allocated on the word of a declared length: what is allocated is bounded by the
/// bytes that are there.
///
/// # Errors
///
/// [`DecodeError`]; in particular every byte string that [`encode`] would not have written.
pub fn decode<T: DeserializeOwned + Serialize>(
    bytes: &[u8],
    limit: usize,
) -> Result<T, DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::TooLong {
            limit,
            found: bytes.len(),
        });
    }
    let value = de::read(bytes)?;
    // The guard that makes the encoding canonical without trust in the details above: whatever
    // else the reader lets through, over-long integers or unsorted sets, does not come back.
    let mut again = Vec::with_capacity(bytes.len());
    match ser::write(&value, &mut again) {
        Ok(()) if again == bytes => Ok(value),
        Ok(()) | Err(_) => Err(DecodeError::NotCanonical),
    }
}
