//! A string of bytes as a sequence of choices.
//!
//! Each choice takes the next byte, so that a fuzzer that changes one byte changes one choice and
//! leaves those after it as they are. When the bytes are over every choice is the first one.

use model::hash::{Tag, hash};

/// Bytes that look random, the same ones for a seed in every run: where fuzzing begins.
#[must_use]
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let blocks = (0_u64..).flat_map(|number| {
        let name = [seed.to_le_bytes(), number.to_le_bytes()].concat();
        *hash(Tag::Record, &name).as_bytes()
    });
    blocks.take(length).collect()
}

/// The choices that are left.
#[derive(Clone, Copy, Debug)]
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    /// The choices that these bytes make.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether all bytes are used.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// A number below `limit`, which is from 1 to 256.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::from(self.byte()) % limit
    }

    /// True once in `of` times, if bytes are random; false when they are over.
    pub fn once_in(&mut self, of: usize) -> bool {
        self.below(of) == of - 1
    }

    /// One of these, of which there are at most 256; `None` if there is none.
    pub fn pick<'b, T>(&mut self, from: &'b [T]) -> Option<&'b T> {
        (!from.is_empty()).then(|| &from[self.below(from.len())])
    }

    /// A number that is mostly near `center`, and sometimes anywhere.
    pub fn near(&mut self, center: u64) -> u64 {
        match self.byte() {
            byte @ 0..=7 => center.saturating_add(u64::from(byte)),
            byte @ 8..=11 => center.saturating_sub(u64::from(byte - 7)),
            12 => 0,
            13 => u64::MAX,
            byte => center.saturating_add(1 << (byte % 64)),
        }
    }

    /// The next bytes, at most 255 of them.
    pub fn some_bytes(&mut self) -> &'a [u8] {
        let count = usize::from(self.byte()).min(self.0.len());
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }
}
