//! Hexadecimal text: how names and keys are shown to people and typed by them.

use core::fmt;

use thiserror::Error;

/// How many bytes `Debug` shows of a long value: enough to tell two apart in a failed test.
const DEBUG_BYTES: usize = 4;

/// Why a text is not the hexadecimal form of the bytes it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HexError {
    /// The text has not two digits for each byte. Both numbers count bytes of text.
    #[error("expected {expected} hexadecimal digits, found {found}")]
    Length {
        /// How many digits there should be.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The text has something else than a hexadecimal digit.
    #[error("not a hexadecimal digit at position {at}")]
    Digit {
        /// Where, counted in bytes from zero.
        at: usize,
    },
}

/// Writes all bytes in lowercase.
pub(crate) fn write(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Writes a name and the first few bytes, for `Debug`.
pub(crate) fn debug(name: &str, bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{name}(")?;
    write(&bytes[..bytes.len().min(DEBUG_BYTES)], f)?;
    f.write_str(if bytes.len() > DEBUG_BYTES {
        "..)"
    } else {
        ")"
    })
}

/// Parses exactly `N` bytes. Digits may be of either case.
pub(crate) fn parse_array<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    if text.len() != 2 * N {
        return Err(HexError::Length {
            expected: 2 * N,
            found: text.len(),
        });
    }
    let mut bytes = [0; N];
    parse_into(text.as_bytes(), &mut bytes)?;
    Ok(bytes)
}

/// Parses as many bytes as the text has. Digits may be of either case.
pub(crate) fn parse(text: &str) -> Result<Vec<u8>, HexError> {
    if !text.len().is_multiple_of(2) {
        return Err(HexError::Length {
            expected: text.len() + 1,
            found: text.len(),
        });
    }
    let mut bytes = vec![0; text.len() / 2];
    parse_into(text.as_bytes(), &mut bytes)?;
    Ok(bytes)
}

fn parse_into(digits: &[u8], bytes: &mut [u8]) -> Result<(), HexError> {
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = digit(digits, 2 * at)? << 4 | digit(digits, 2 * at + 1)?;
    }
    Ok(())
}

fn digit(digits: &[u8], at: usize) -> Result<u8, HexError> {
    match digits[at] {
        c @ b'0'..=b'9' => Ok(c - b'0'),
        c @ b'a'..=b'f' => Ok(c - b'a' + 10),
        c @ b'A'..=b'F' => Ok(c - b'A' + 10),
        _ => Err(HexError::Digit { at }),
    }
}
