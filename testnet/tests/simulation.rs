//! Shards in the simulator: honest, faulty and lied to, each from a seed that is printed on failure.
//!
//! `chainspace simulate` explores as many more as one likes.

use std::ops::Range;

use testnet::adversary::{Casting, Kind};
use testnet::simulation::{Failure, Flaw, Options, Summary, Worlds, explore, run};

/// Every rule holds in all these worlds. Prints the first failure with its trace.
#[track_caller]
fn hold(seeds: Range<u64>, options: &Options) {
    let worlds = seeds.end - seeds.start;
    let report = explore(&all(seeds, options), None, |_| true);
    if let Some(failure) = report.failures.first() {
        panic!("{failure}");
    }
    assert_eq!(report.held, worlds);
    assert!(
        report.blocks >= 5 * worlds,
        "only {} blocks: nothing was tried",
        report.blocks
    );
}

/// The worlds of these seeds.
fn all(seeds: Range<u64>, options: &Options) -> Worlds {
    Worlds {
        seeds,
        options: options.clone(),
        each_kind: false,
    }
}

fn world(nodes: usize, casting: Casting) -> Options {
    Options {
        casting,
        ..Options::new(nodes)
    }
}

/// Honest nodes with this flaw, and nobody who lies.
fn flawed(flaw: Flaw, dismissed: Option<&'static str>) -> Options {
    Options {
        flaw: Some(flaw),
        dismissed,
        ..world(4, Casting::Nobody)
    }
}

/// The first failure among these worlds.
fn first_failure(seeds: Range<u64>, options: &Options) -> Option<Failure> {
    seeds.into_iter().find_map(|seed| run(seed, options).err())
}

#[test]
fn four_nodes_keep_every_rule_through_every_fault() {
    hold(0..40, &Options::new(4));
}

#[test]
fn seven_nodes_keep_every_rule_through_every_fault() {
    hold(0..16, &Options::new(7));
}

#[test]
fn other_sizes_keep_every_rule_too() {
    for nodes in [5, 6, 10] {
        hold(0..4, &Options::new(nodes));
    }
}

#[test]
fn c1_c2_twins_bring_about_no_disagreement_and_are_named() {
    hold(1_000..1_024, &world(4, Casting::All(Kind::Twins)));
    hold(1_000..1_008, &world(7, Casting::All(Kind::Twins)));
}

#[test]
fn c7_babblers_change_nothing() {
    hold(2_000..2_016, &world(4, Casting::All(Kind::Babbler)));
    hold(2_000..2_006, &world(7, Casting::All(Kind::Babbler)));
}

#[test]
fn equivocators_bring_about_no_disagreement_and_are_named() {
    hold(3_000..3_016, &world(4, Casting::All(Kind::Equivocator)));
    hold(3_000..3_006, &world(7, Casting::All(Kind::Equivocator)));
}

#[test]
fn e1_e2_nodes_that_crash_over_and_over_come_back() {
    let options = Options {
        crashes: 30,
        ..world(4, Casting::Nobody)
    };
    hold(4_000..4_012, &options);
}

#[test]
fn a_shard_without_faults_commits_everything() {
    let options = Options {
        turmoil_ms: 0,
        ..world(4, Casting::Nobody)
    };
    for seed in 0..5 {
        let Summary {
            committed, crashes, ..
        } = run(seed, &options).unwrap_or_else(|failure| panic!("{failure}"));
        assert!(committed > 0 && crashes == 0, "seed {seed}");
    }
}

/// Each of these found a mistake, in the agreement, the log or the simulator.
#[test]
fn seeds_that_found_a_mistake_hold() {
    let one = |seed: u64| seed..seed + 1;
    hold(one(804), &Options::new(4));
    hold(one(804), &world(4, Casting::All(Kind::Equivocator)));
    for seed in [179, 5_058, 5_062, 20_149, 20_359, 20_378] {
        hold(one(seed), &Options::with_all_faults(4));
    }
}

#[test]
fn s19_the_same_seed_is_the_same_run() {
    for nodes in [4, 7] {
        for seed in 0..4 {
            let options = Options::new(nodes);
            let runs = [run(seed, &options), run(seed, &options)];
            assert_eq!(runs[0], runs[1], "seed {seed} with {nodes} nodes");
            let other = run(seed + 1, &options);
            let fingerprints = [&runs[0], &other].map(|run| {
                let summary = run.as_ref().unwrap_or_else(|failure| panic!("{failure}"));
                summary.fingerprint
            });
            assert_ne!(
                fingerprints[0], fingerprints[1],
                "seed {seed} with {nodes} nodes"
            );
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let options = Options::new(4);
    let threads = [1, 3].map(std::num::NonZero::new);
    let [one, three] = threads.map(|threads| explore(&all(0..6, &options), threads, |_| true));
    assert_eq!(one.events, three.events);
    assert_eq!(one.blocks, three.blocks);
}

#[test]
fn a_failure_says_how_to_see_it_again() {
    let options = flawed(Flaw::SendsFirst, None);
    let failure = run(0, &options).expect_err("the node sends what is not durable");
    let text = failure.to_string();
    assert!(text.contains("seed 0 with 4 nodes"), "{text}");
    assert!(text.contains("-> "), "{text}");
    assert_eq!(run(0, &options), Err(failure));
}

/// The judges bite: a node that does the wrong thing is caught by the rule it breaks.
#[track_caller]
fn caught(flaw: Flaw, dismissed: Option<&'static str>, rules: &[&str]) {
    let failure = first_failure(0..60, &flawed(flaw, dismissed));
    let failure = failure.unwrap_or_else(|| panic!("nobody noticed {flaw:?}"));
    assert!(rules.contains(&failure.rule), "{failure}");
}

#[test]
fn a_node_that_sends_before_it_syncs_is_caught() {
    caught(Flaw::SendsFirst, None, &["durability"]);
}

#[test]
fn a_node_that_sends_before_it_writes_is_caught() {
    caught(Flaw::WritesLast, None, &["durability"]);
}

#[test]
fn a_disk_that_lies_is_caught() {
    caught(Flaw::LyingDisk, None, &["durability"]);
}

#[test]
fn what_a_node_sent_too_early_makes_it_contradict_itself() {
    caught(Flaw::SendsFirst, Some("durability"), &["signing"]);
    caught(Flaw::WritesLast, Some("durability"), &["signing"]);
}

#[test]
fn a_node_that_comes_back_with_an_empty_disk_contradicts_itself() {
    caught(Flaw::EmptyDisk, Some("durability"), &["signing"]);
}
