//! Shards that change their members while transactions are in flight and everything goes wrong that may:
//! rows F1 to F4 of the scenario matrix. F5 and F6 are tests of `consensus` (`tests/it/epochs.rs` and
//! `epochs/guest.rs`), and so is F7 (`sbac/founding.rs`).

use testnet::adversary::{Casting, Kind};
use testnet::simulation::{Change, Modes, Options, Worlds, run};

/// In the worlds of so many seeds every rule holds, and as many epochs begin. How often somebody lied.
#[track_caller]
fn hold(options: &Options, seeds: u64) -> u64 {
    let (mut epochs, mut lies) = (0, 0);
    for seed in 0..seeds {
        match run(seed, options) {
            Ok(summary) => (epochs, lies) = (epochs + summary.epochs, lies + summary.lies),
            Err(failure) => panic!("{failure}"),
        }
    }
    assert!(epochs >= seeds, "{epochs} epochs began in {seeds} worlds");
    lies
}

fn honest(options: Options) -> Options {
    Options {
        casting: Casting::Nobody,
        ..options
    }
}

#[test]
fn members_join_and_leave_when_nothing_goes_wrong() {
    hold(&Options::quiet(4).changing(4), 12);
}

#[test]
fn members_join_and_leave_through_every_fault() {
    hold(&honest(Options::with_all_faults(4)).changing(4), 12);
}

#[test]
fn f1_payments_across_shards_go_on_while_either_shard_changes() {
    hold(&Options::quiet(4).across(2).changing(4), 6);
    hold(&honest(Options::new(4)).across(3).changing(4), 4);
}

#[test]
fn f2_s15_keys_of_those_who_have_left_speak_for_no_epoch_that_is_known_to_be_over() {
    let leaks = Options {
        modes: Modes::Decider,
        change: Some(Change::Replace(3)),
        casting: Casting::All(Kind::KeyFinder),
        ..Options::quiet(4).across(2).changing(2)
    };
    assert!(hold(&leaks, 8) > 0, "nobody found keys");
}

#[test]
fn f3_of_two_lists_that_race_one_wins() {
    let races = Options {
        change: Some(Change::Race),
        ..honest(Options::new(4)).changing(3)
    };
    hold(&races, 8);
}

#[test]
fn f4_a_liar_whose_signatures_are_pending_is_excluded() {
    let exclusions = Options {
        change: Some(Change::Exclude),
        casting: Casting::All(Kind::Equivocator),
        ..Options::new(4).changing(2)
    };
    hold(&exclusions, 6);
}

#[test]
fn liars_keep_no_shard_from_changing_its_members() {
    hold(&Options::new(4).changing(3), 12);
}

#[test]
fn s12_liars_among_newcomers_convict_nobody_but_themselves() {
    for kind in [Kind::EquivocatingVoter, Kind::DoubleProposer] {
        let newcomers = Options {
            change: Some(Change::Replace(2)),
            casting: Casting::All(kind),
            ..Options::new(4).changing(3)
        };
        assert!(hold(&newcomers, 4) > 0, "no {kind} lied");
    }
}

/// An equivocator signs everything in the first epoch, whether it still has a seat or not.
#[test]
fn s12_s15_members_who_left_go_on_signing_in_the_epoch_that_is_over() {
    let ghosts = Options {
        change: Some(Change::Replace(4)),
        casting: Casting::All(Kind::Equivocator),
        ..Options::new(4).changing(2)
    };
    assert!(hold(&ghosts, 6) > 0, "nobody signed");
}

/// Worlds in which a rule was broken once: members that entered an epoch left behind whoever lacked what
/// only its end had made final; votes that had got lost in a circle were never cast again; and a vote to abort
/// was cast again after the deadline by those who had not forgotten it.
#[test]
fn seeds_that_found_a_mistake_hold() {
    let forgotten = Options {
        casting: Casting::All(Kind::Equivocator),
        ..Options::with_all_faults(4).changing(3)
    };
    let circle = honest(Options::new(4)).across(3).changing(3);
    for (seed, options) in [(59, forgotten), (154, circle), (566, liars_in_turn(2, 566))] {
        if let Err(failure) = run(seed, &options) {
            panic!("{failure}");
        }
    }
}

/// Worlds in which rules were taken to be broken that were not: a node without a seat was to name who had
/// signed twice, and users gave up before newcomers had found anybody who has blocks.
#[test]
fn seeds_that_found_a_mistake_of_the_judges_hold() {
    for seed in [69, 689] {
        if let Err(failure) = run(seed, &liars_in_turn(3, seed)) {
            panic!("{failure}");
        }
    }
}

/// The world of a seed among so many shards that change, where as many lie as may, of each kind in turn.
fn liars_in_turn(shards: usize, seed: u64) -> Options {
    let worlds = Worlds {
        seeds: seed..seed + 1,
        options: Options::new(4).across(shards).changing(3),
        each_kind: true,
    };
    worlds.options_of(seed)
}
