//! Tests of what a plan does to a network at any time.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Counts, plan, steps};

const TEN_MINUTES: Duration = Duration::from_secs(600);

/// Shards, nodes of each, and how many of them may fail.
const SIZES: [(u32, usize, usize); 4] = [(1, 4, 1), (2, 4, 1), (3, 7, 2), (2, 10, 3)];

#[test]
fn in_no_shard_more_nodes_are_touched_at_a_time_than_it_survives() {
    for seed in 0..20 {
        for (shards, nodes, survives) in SIZES {
            let faults = plan(seed, shards, nodes, TEN_MINUTES);
            let mut touched = BTreeSet::new();
            for step in steps(&faults) {
                if step.begins {
                    assert!(touched.insert(step.node), "seed {seed}: twice at one node");
                } else {
                    assert!(touched.remove(&step.node), "seed {seed}");
                }
                for shard in 0..shards as usize {
                    let members = shard * nodes..(shard + 1) * nodes;
                    let count = touched.range(members).count();
                    assert!(count <= survives, "seed {seed}: {count} in shard {shard}");
                }
            }
            assert!(touched.is_empty(), "seed {seed}: every fault ends");
        }
    }
}

#[test]
fn every_fault_ends_in_time_and_all_kinds_occur_in_all_shards() {
    for seed in 0..20 {
        for (shards, nodes, _) in SIZES {
            let faults = plan(seed, shards, nodes, TEN_MINUTES);
            assert!(faults.iter().all(|fault| fault.ends <= TEN_MINUTES));
            assert!(faults.iter().all(|fault| fault.begins < fault.ends));
            for shard in 0..shards as usize {
                let members = shard * nodes..(shard + 1) * nodes;
                let mut counts = Counts::default();
                let of_shard = faults.iter().filter(|fault| members.contains(&fault.node));
                of_shard.for_each(|fault| counts.add(fault.kind));
                let Counts {
                    kills,
                    pauses,
                    cuts,
                    delays,
                } = counts;
                let least = kills.min(pauses).min(cuts).min(delays);
                assert!(least > 0, "seed {seed}, shard {shard}: {counts:?}");
            }
        }
    }
}

#[test]
fn faults_of_different_shards_overlap() {
    let faults = plan(1, 2, 4, TEN_MINUTES);
    let overlap = |one: &super::Fault, other: &super::Fault| {
        one.begins < other.ends && other.begins < one.ends
    };
    let pairs = faults
        .iter()
        .filter(|fault| fault.node < 4)
        .flat_map(|one| faults.iter().map(move |other| (one, other)))
        .filter(|(one, other)| other.node >= 4 && overlap(one, other));
    assert!(pairs.count() > 10);
}

#[test]
fn the_seed_decides_everything_and_a_shard_that_survives_nothing_is_left_alone() {
    assert_eq!(plan(7, 2, 4, TEN_MINUTES), plan(7, 2, 4, TEN_MINUTES));
    assert_ne!(plan(7, 2, 4, TEN_MINUTES), plan(8, 2, 4, TEN_MINUTES));
    assert_eq!(plan(7, 2, 3, TEN_MINUTES), []);
    assert_eq!(plan(7, 2, 4, Duration::ZERO), []);
}
