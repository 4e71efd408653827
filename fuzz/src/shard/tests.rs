use std::collections::BTreeMap;

use model::statement::Height;

use super::{alone, together};
use crate::choices::noise;

/// Lets noise drive a shard, and asserts that it gets somewhere: a target that only ever hears what is
/// refused finds nothing.
#[track_caller]
fn check(run: fn(&[u8]) -> Height, expected: u64) {
    let mut reached: BTreeMap<Height, usize> = BTreeMap::new();
    for seed in 0..100 {
        *reached.entry(run(&noise(seed, 768))).or_default() += 1;
    }
    let deep: usize = reached
        .range(Height::new(expected)..)
        .map(|(_, count)| count)
        .sum();
    assert!(
        deep >= 10,
        "few of the runs get to height {expected}: {reached:?}"
    );
}

#[test]
fn noise_makes_a_replica_among_liars_apply_blocks() {
    check(alone::run, 2);
}

#[test]
fn noise_makes_a_shard_with_one_liar_apply_blocks() {
    check(together::run, 3);
}
