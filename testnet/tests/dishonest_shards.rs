//! Worlds in which a whole shard lies: all its members are one, and a quorum signs whatever it says. What
//! honest shards owe each other holds, wherever a dishonest one has no right to decide (S14); where it has,
//! and splits them, what they have in their logs convicts it (S13), and nobody else (S12).
//!
//! In one half of the worlds the contract of the money trusts honest shards alone, and its transactions
//! have objects of a dishonest one with them; in the other half it trusts all.
//!
//! `chainspace simulate --shards 3 --adversary NAME` explores as many more worlds as one likes.
//!
//! Design: sbac.md, sections 2.4, 5.17, 9 and 10 (B).

use testnet::adversary::{Casting, Kind};
use testnet::simulation::{Modes, Options, Summary, run};

/// Worlds of three shards, of which the last one is of this kind.
fn worlds(kind: Kind, modes: Modes) -> Options {
    Options {
        modes,
        casting: Casting::All(kind),
        ..Options::new(4).across(3)
    }
}

#[track_caller]
fn holds(seed: u64, kind: Kind, modes: Modes) -> Summary {
    let world = run(seed, &worlds(kind, modes));
    world.unwrap_or_else(|failure| panic!("{kind}, {modes:?}: {failure}"))
}

/// Nothing breaks in a few worlds, and the shard lies where it has anything to lie about. How many of its
/// members honest nodes have proof against, in all of them.
#[track_caller]
fn stopped(kind: Kind) -> usize {
    let modes = [Modes::Any, Modes::Decider, Modes::AllVotes, Modes::Any];
    let summaries = (0..)
        .zip(modes)
        .map(|(seed, modes)| holds(seed, kind, modes));
    let summaries: Vec<Summary> = summaries.collect();
    let lies: Vec<u64> = summaries.iter().map(|summary| summary.lies).collect();
    assert!(
        lies.iter().filter(|lies| **lies > 0).count() > 1,
        "{kind} lies: {lies:?}"
    );
    summaries.iter().map(|summary| summary.named).sum()
}

#[test]
fn b1_b5_b8_s13_a_shard_that_contradicts_itself_is_convicted_wherever_it_splits_others() {
    let named = stopped(Kind::ShardEquivocator);
    assert!(
        named > 0,
        "seeds 0 to 3: honest nodes name those who contradict themselves"
    );
}

#[test]
fn b2_a_shard_that_keeps_silent_holds_up_nothing_that_it_does_not_decide() {
    stopped(Kind::ShardMute);
}

#[test]
fn b3_b4_s14_a_shard_that_is_for_everything_harms_no_contract_that_does_not_trust_it() {
    stopped(Kind::ShardFalseVoter);
}

#[test]
fn b5_a_shard_that_denies_its_decisions_splits_nobody_who_does_not_let_it_decide() {
    stopped(Kind::ShardDenier);
}

#[test]
fn b6_a_shard_that_decides_without_votes_is_not_believed() {
    stopped(Kind::BundleForger);
}

#[test]
fn b10_s13_a_shard_with_two_chains_is_found_out_and_those_who_signed_both_are_named() {
    let named = stopped(Kind::ShardForker);
    assert!(
        named > 0,
        "seeds 0 to 3: honest nodes name those who signed both heads"
    );
}

#[test]
fn a_shard_that_announces_decisions_of_others_is_not_believed() {
    stopped(Kind::ShardImpostor);
}

#[test]
fn s19_the_same_seed_is_the_same_run_of_a_dishonest_shard() {
    let run = || holds(1, Kind::ShardEquivocator, Modes::Any);
    assert_eq!(run(), run());
}
