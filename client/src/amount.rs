//! Amounts of money, as people write them and read them.
//!
//! One CSC is 10^9 ncsc, and everything is an integer number of ncsc: there is no floating point on
//! the way from a text to a balance or back.

#[cfg(test)]
mod tests;

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use system_contracts::cscoin::CSC;

/// Digits after the point of an amount in CSC.
pub const DECIMALS: u32 = CSC.ilog10();

/// How much of a bad text an error repeats.
const QUOTED_CHARS_MAX: usize = 60;

/// An amount in ncsc. Shown in CSC: `1 000.5 CSC`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Amount(u64);

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// It is not a number with an optional unit.
    #[error("`{0}` is not an amount: write 5, 0.5, 5CSC or 500_000_000ncsc")]
    NotANumber(String),
    /// It is less than zero.
    #[error("`{0}` is negative, and money only moves forward")]
    Negative(String),
    /// It is zero where there must be something.
    #[error("the amount is zero, there is nothing to send")]
    Zero,
    /// The unit is neither CSC nor ncsc.
    #[error("`{0}` is not a unit: use CSC or ncsc (1 CSC = 1 000 000 000 ncsc)")]
    UnknownUnit(String),
    /// It has a part of a ncsc.
    #[error("`{0}` is finer than the smallest unit: 1 ncsc is 0.000 000 001 CSC")]
    TooFine(String),
    /// It is more than 2^64 - 1 ncsc.
    #[error("`{0}` is more money than there can be")]
    Overflow(String),
}

impl Amount {
    /// So many ncsc.
    #[must_use]
    pub const fn from_ncsc(ncsc: u64) -> Self {
        Self(ncsc)
    }

    /// How many ncsc.
    #[must_use]
    pub const fn ncsc(self) -> u64 {
        self.0
    }

    /// The sum, at most 2^64 - 1 ncsc: there is no more money than that.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// An amount that is more than nothing.
    ///
    /// # Errors
    ///
    /// [`AmountError`], of which [`AmountError::Zero`] comes from here alone.
    pub fn parse_positive(text: &str) -> Result<Self, AmountError> {
        match text.parse()? {
            Self(0) => Err(AmountError::Zero),
            amount => Ok(amount),
        }
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    /// Reads `5`, `5CSC`, `0.5 csc`, `1 000 CSC` and `500_000_000ncsc`. Without a unit it is CSC.
    /// Digits may be grouped by single spaces or underscores.
    fn from_str(text: &str) -> Result<Self, AmountError> {
        let quote = || text.chars().take(QUOTED_CHARS_MAX).collect::<String>();
        let trimmed = text.trim();
        if trimmed.starts_with('-') {
            return Err(AmountError::Negative(quote()));
        }
        let unit_at = trimmed
            .find(|c: char| c.is_ascii_alphabetic())
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(unit_at);
        let number =
            Number::parse(number.trim_end()).ok_or_else(|| AmountError::NotANumber(quote()))?;
        let decimals = match unit.to_ascii_lowercase().as_str() {
            "" | "csc" => DECIMALS,
            "ncsc" => 0,
            // An exponent looks like a unit: `1e9`. It is a number that is not taken.
            other if other.contains(|c: char| !c.is_ascii_alphabetic()) => {
                return Err(AmountError::NotANumber(quote()));
            }
            _ => {
                let unit = unit.chars().take(QUOTED_CHARS_MAX).collect();
                return Err(AmountError::UnknownUnit(unit));
            }
        };
        if number.fraction.len() > decimals as usize {
            return Err(AmountError::TooFine(quote()));
        }
        number
            .scaled(decimals)
            .map(Self)
            .ok_or_else(|| AmountError::Overflow(quote()))
    }
}

/// The digits of a decimal number, without separators.
struct Number {
    whole: String,
    fraction: String,
}

impl Number {
    /// `None` if the text is something else than digits, separators between digits, and at most one
    /// point between digits.
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = match text.split_once('.') {
            Some((whole, fraction)) => (digits(whole)?, digits(fraction)?),
            None => (digits(text)?, String::new()),
        };
        Some(Self { whole, fraction })
    }

    /// The number times 10^`decimals`, which it has at most as many digits after the point as.
    fn scaled(&self, decimals: u32) -> Option<u64> {
        let missing = (decimals as usize).checked_sub(self.fraction.len())?;
        let zeros = core::iter::repeat_n('0', missing);
        self.whole
            .chars()
            .chain(self.fraction.chars())
            .chain(zeros)
            .filter_map(|digit| digit.to_digit(10))
            .try_fold(0_u64, |number, digit| {
                number.checked_mul(10)?.checked_add(u64::from(digit))
            })
    }
}

/// The digits of a text of digits, between any two of which there may be one separator.
fn digits(text: &str) -> Option<String> {
    let groups: Vec<&str> = text.split(['_', ' ']).collect();
    let proper = |group: &&str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit());
    groups.iter().all(proper).then(|| groups.concat())
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / CSC, self.0 % CSC);
        let digits = whole.to_string();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                f.write_str(" ")?;
            }
            write!(f, "{digit}")?;
        }
        if fraction > 0 {
            let padded = format!("{fraction:0width$}", width = DECIMALS as usize);
            write!(f, ".{}", padded.trim_end_matches('0'))?;
        }
        f.write_str(" CSC")
    }
}
