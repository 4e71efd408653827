//! Changes of bytes, for replaying targets where no fuzzer is at hand: blind, but the same in every
//! run.

use crate::choices::{Choices, noise};

/// The most changes of one input.
const CHANGES: usize = 4;

/// Bytes of noise that decide about one input.
const NOISE_BYTES: usize = 64;

/// Lengths and numbers at which something begins or ends.
const EDGES: [u8; 12] = [
    0, 1, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1f, 0x7f, 0x80, 0x9f, 0xff,
];

/// A change of `bytes`, the same one for a seed in every run. `other` is an input of the same target,
/// of which it may take a part.
#[must_use]
pub fn mutated(bytes: &[u8], other: &[u8], seed: u64) -> Vec<u8> {
    let noise = noise(seed, NOISE_BYTES);
    let mut choices = Choices::new(&noise);
    let mut changed = bytes.to_vec();
    for _ in 0..=choices.below(CHANGES) {
        change(&mut changed, other, &mut choices);
    }
    changed
}

fn change(bytes: &mut Vec<u8>, other: &[u8], choices: &mut Choices<'_>) {
    let at = place(bytes.len(), choices);
    let end = bytes.len().min(at + 1 + choices.below(32));
    match choices.below(7) {
        0 => bytes
            .iter_mut()
            .skip(at)
            .take(1)
            .for_each(|byte| *byte ^= 1 << choices.below(8)),
        1 => bytes
            .iter_mut()
            .skip(at)
            .take(1)
            .for_each(|byte| *byte = choices.byte()),
        2 => {
            let edge = choices.pick(&EDGES).copied().unwrap_or(0);
            bytes
                .iter_mut()
                .skip(at)
                .take(1)
                .for_each(|byte| *byte = edge);
        }
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(at..end)),
        5 => bytes.extend_from_within(at..end),
        _ => {
            let from = place(other.len(), choices);
            let to = other.len().min(from + 1 + choices.below(64));
            bytes.splice(at..end, other[from..to].iter().copied());
        }
    }
}

/// A position in so many bytes, or their end if there are none.
fn place(length: usize, choices: &mut Choices<'_>) -> usize {
    let number = usize::from(choices.byte()) << 8 | usize::from(choices.byte());
    if length == 0 { 0 } else { number % length }
}
