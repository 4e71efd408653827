//! Shards that change their members while transactions are in flight and everything goes wrong that may:
//! rows F1, F3 and F4 of the scenario matrix.

use testnet::adversary::{Casting, Kind};
use testnet::simulation::{Change, Options, run};

/// In the worlds of so many seeds every rule holds, and as many epochs begin.
#[track_caller]
fn hold(options: &Options, seeds: u64) {
    let mut epochs = 0;
    for seed in 0..seeds {
        match run(seed, options) {
            Ok(summary) => epochs += summary.epochs,
            Err(failure) => panic!("{failure}"),
        }
    }
    assert!(epochs >= seeds, "{epochs} epochs began in {seeds} worlds");
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
