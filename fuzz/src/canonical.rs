//! What makes an encoding canonical, in a reader of its own.
//!
//! `model::encoding` compares what it read with what it would write. This reader knows nothing of
//! that: it looks at the bytes alone, as RFC 8949 describes them, and at the list of what the project
//! lets through.

use std::fmt::Debug;

use model::encoding::{self, DecodeError, MAX_DEPTH};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Characters of the longest sentence about a decoding error: a quoted reason and some words.
const SENTENCE_CHARS_MAX: usize = 400;

/// Reads a value and asserts that its bytes are the only ones that mean it.
///
/// # Panics
///
/// If the encoding is not canonical, or the value is not read back from what is written.
pub fn read<T>(bytes: &[u8], limit: usize) -> Option<T>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let read: Result<T, DecodeError> = encoding::decode(bytes, limit);
    match read {
        Ok(value) => {
            check(bytes, &value);
            Some(value)
        }
        Err(error) => {
            let sentence = error.to_string();
            assert!(
                sentence.chars().count() <= SENTENCE_CHARS_MAX,
                "a long error: {sentence}"
            );
            None
        }
    }
}

/// Asserts that these are the canonical bytes of this value.
///
/// # Panics
///
/// If they are not.
pub fn check<T: Serialize>(bytes: &[u8], value: &T) {
    assert_eq!(encoding::encode(value), bytes, "other bytes come back");
    assert!(is_canonical(bytes), "what was decoded is canonical");
}

/// Whether the bytes are one item of canonical CBOR and nothing else.
#[must_use]
pub fn is_canonical(bytes: &[u8]) -> bool {
    item(bytes, 0).is_some_and(<[u8]>::is_empty)
}

/// Skips one item of canonical CBOR. `None` if there is none.
fn item(bytes: &[u8], depth: usize) -> Option<&[u8]> {
    let (first, rest) = bytes.split_first()?;
    let (major, low) = (first >> 5, first & 0x1f);
    if major == 7 {
        return matches!(low, 20 | 21).then_some(rest);
    }
    let (argument, rest) = argument(low, rest)?;
    let length = usize::try_from(argument).ok();
    match major {
        0 | 1 => Some(rest),
        2 => rest.get(length?..),
        3 => {
            let (text, rest) = rest.split_at_checked(length?)?;
            std::str::from_utf8(text).ok().map(|_| rest)
        }
        4 if depth < MAX_DEPTH => (0..length?).try_fold(rest, |rest, _| item(rest, depth + 1)),
        _ => None,
    }
}

/// The argument of an item: as short as it can be, or it is not canonical.
fn argument(low: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    let (size, least) = match low {
        0..=23 => return Some((u64::from(low), rest)),
        24 => (1, 24),
        25 => (2, 1 << 8),
        26 => (4, 1 << 16),
        27 => (8, 1 << 32),
        _ => return None,
    };
    let (bytes, rest) = rest.split_at_checked(size)?;
    let argument = bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte));
    (argument >= least).then_some((argument, rest))
}
