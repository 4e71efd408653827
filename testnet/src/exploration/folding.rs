//! A hash for tables that nobody attacks: a multiplication for each word, where the standard one
//! spends most of a search.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// A map by such a hash. It is looked up, never iterated over.
pub(super) type Map<K, V> = HashMap<K, V, BuildHasherDefault<Folding>>;

/// A set by such a hash.
pub(super) type Set<K> = HashSet<K, BuildHasherDefault<Folding>>;

/// An odd number with no pattern in its bits: those of pi after the point.
const PI: u64 = 0x243f_6a88_85a3_08d3;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Folding(u64);

impl Hasher for Folding {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        let product = u128::from(self.0 ^ number ^ PI) * u128::from(PI);
        let [low, high] = [product as u64, (product >> 64) as u64];
        self.0 = low ^ high.rotate_left(23);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
