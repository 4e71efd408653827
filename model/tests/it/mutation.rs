//! Bytes from outside: whatever they are, reading them does not panic, and what is read is written
//! back as the same bytes.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::samples::{self, Sample};
use crate::world::cases;

/// A change of some bytes. Positions are taken modulo the length.
#[derive(Clone, Debug)]
enum Mutation {
    Flip { at: usize, bit: u8 },
    Set { at: usize, byte: u8 },
    Insert { at: usize, byte: u8 },
    Remove { at: usize },
    Truncate { at: usize },
    Repeat { at: usize, count: usize },
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<usize>;
    prop_oneof![
        4 => (at(), 0_u8..8).prop_map(|(at, bit)| Mutation::Flip { at, bit }),
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set { at, byte }),
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Insert { at, byte }),
        1 => at().prop_map(|at| Mutation::Remove { at }),
        1 => at().prop_map(|at| Mutation::Truncate { at }),
        1 => (at(), 1_usize..40).prop_map(|(at, count)| Mutation::Repeat { at, count }),
    ]
}

impl Mutation {
    fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let len = bytes.len();
        match *self {
            Self::Flip { at, bit } => bytes[at % len] ^= 1 << bit,
            Self::Set { at, byte } => bytes[at % len] = byte,
            Self::Insert { at, byte } => bytes.insert(at % len, byte),
            Self::Remove { at } => drop(bytes.remove(at % len)),
            Self::Truncate { at } => bytes.truncate(at % len),
            Self::Repeat { at, count } => {
                let start = at % len;
                let part = bytes[start..len.min(start + count)].to_vec();
                bytes.splice(start..start, part);
            }
        }
    }
}

fn check(sample: &Sample, bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Some(again) = (sample.recode)(bytes) {
        prop_assert_eq!(again, bytes, "{}: accepted and not canonical", sample.name);
    }
    Ok(())
}

#[test]
fn mutated_bytes_of_any_type_are_refused_or_canonical() {
    let samples = samples::all();
    let mutations = (0..samples.len(), vec(mutation(), 1..4));
    let mut runner = proptest::test_runner::TestRunner::new(cases(20_000));
    runner
        .run(&mutations, |(index, mutations)| {
            let sample = &samples[index];
            let mut bytes = sample.bytes.clone();
            for mutation in &mutations {
                mutation.apply(&mut bytes);
            }
            check(sample, &bytes)
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn random_bytes_are_refused_or_canonical_for_every_type() {
    let samples = samples::all();
    let mut runner = proptest::test_runner::TestRunner::new(cases(2_000));
    runner
        .run(&vec(any::<u8>(), 0..80), |bytes| {
            samples.iter().try_for_each(|sample| check(sample, &bytes))
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn bytes_of_one_type_are_refused_or_canonical_for_every_other() {
    let samples = samples::all();
    for written in &samples {
        for read in &samples {
            check(read, &written.bytes).expect("canonical");
        }
    }
}

#[test]
fn every_prefix_of_every_sample_is_refused() {
    for sample in samples::all() {
        for length in 0..sample.bytes.len() {
            let read = (sample.recode)(&sample.bytes[..length]);
            assert_eq!(read, None, "{} cut to {length} bytes", sample.name);
        }
    }
}
