//! The theorems of the paper about S-BAC, and the scenarios of several shards, in the simulator: each
//! world from a seed that is printed on failure.
//!
//! Every world is judged by every rule of `testnet::invariants`; what differs is what goes wrong, who
//! lies, and how transactions are decided. `chainspace simulate --shards 2` explores as many more as
//! one likes.
//!
//! Paper: Section V-A.

use std::ops::Range;

use testnet::adversary::{Casting, Kind};
use testnet::simulation::{
    CrashPoint, Fault, Forgetting, Modes, Options, Outage, Report, Worlds, explore, run,
};

/// Both ways of deciding, and the two mixed.
const MODES: [Modes; 3] = [Modes::AllVotes, Modes::Decider, Modes::Any];

/// Every rule holds in all these worlds.
#[track_caller]
fn hold(seeds: Range<u64>, options: Options) -> Report {
    let worlds = seeds.end - seeds.start;
    let worlds_of = Worlds {
        seeds,
        options,
        each_kind: false,
    };
    let report = explore(&worlds_of, None, |_| true);
    if let Some(failure) = report.failures.first() {
        panic!("{failure}\n{:?}", worlds_of.options);
    }
    assert_eq!(report.held, worlds);
    let enough = 5 * worlds;
    assert!(
        report.committed >= enough,
        "only {} commits: nothing was tried",
        report.committed
    );
    report
}

/// Worlds of so many shards of four in which what goes wrong every day does.
fn worlds(shards: usize, modes: Modes, casting: Casting) -> Options {
    Options {
        modes,
        casting,
        ..Options::new(4).across(shards)
    }
}

/// The same worlds in which everything goes wrong that may.
fn all_faults(shards: usize, modes: Modes, casting: Casting) -> Options {
    Options {
        modes,
        casting,
        ..Options::with_all_faults(4).across(shards)
    }
}

/// The same worlds in which nothing goes wrong but for who lies.
fn quiet(shards: usize, modes: Modes, casting: Casting) -> Options {
    Options {
        modes,
        casting,
        ..Options::quiet(4).across(shards)
    }
}

/// All of `f` members of each shard are of this kind.
#[track_caller]
fn stopped(kind: Kind) {
    for (shards, modes, seeds) in [
        (2, Modes::Decider, 0..3),
        (2, Modes::AllVotes, 10..13),
        (3, Modes::Any, 20..22),
    ] {
        let report = hold(seeds, worlds(shards, modes, Casting::All(kind)));
        assert!(report.lies > 0, "no {kind} among {shards} shards ever lied");
    }
}

/// Every transaction that is proposed is decided in the end, and every lock is released.
///
/// Paper: Section V-A, S-BAC Theorem 1. Design: L1, L2, L3.
#[test]
fn s_bac_theorem_1_liveness() {
    for modes in MODES {
        hold(0..10, worlds(2, modes, Casting::Any));
        hold(100..106, worlds(3, modes, Casting::Any));
    }
}

/// No two transactions that conflict commit, and no two shards end one transaction differently.
///
/// Paper: Section V-A, S-BAC Theorem 2. Design: S1 to S7.
#[test]
fn s_bac_theorem_2_consistency() {
    for modes in MODES {
        let report = hold(200..208, all_faults(2, modes, Casting::Any));
        assert!(report.crashes > 0);
        hold(300..304, all_faults(3, modes, Casting::Any));
    }
}

/// What commits is valid: users sign for others, with wrong keys and wrong signatures, spend what is
/// spent, and send rubbish.
///
/// Paper: Section V-A, S-BAC Theorem 3. Design: S8, S9.
#[test]
fn s_bac_theorem_3_validity() {
    for modes in MODES {
        hold(400..404, quiet(2, modes, Casting::Nobody));
        hold(500..504, quiet(3, modes, Casting::All(Kind::LetterForger)));
    }
}

/// A shard commits nothing that the checkers of its contracts refuse, whoever asks it to.
///
/// Paper: Section IV-B, Security Theorem 2.
#[test]
fn security_theorem_2_each_shard_checks_the_contracts_of_its_objects() {
    for modes in MODES {
        hold(600..604, quiet(3, modes, Casting::Any));
    }
}

#[test]
fn c1_c2_twins_split_no_two_shards() {
    stopped(Kind::Twins);
}

#[test]
fn c3_what_f_nodes_sign_is_no_promise_of_their_shard() {
    stopped(Kind::LetterForger);
}

#[test]
fn c5_c8_what_initiators_keep_or_send_to_some_is_promised_again() {
    stopped(Kind::SilentCourier);
}

#[test]
fn c6_promises_that_a_leader_leaves_out_are_sequenced_by_others() {
    stopped(Kind::SilentLeader);
}

#[test]
fn c7_garbage_from_other_shards_changes_nothing() {
    stopped(Kind::Babbler);
    stopped(Kind::GarbageSender);
}

#[test]
fn liars_of_each_other_kind_split_no_two_shards() {
    for (seed, kind) in (0..).zip(Kind::of_shards(2)) {
        hold(seed..seed + 1, worlds(2, Modes::Any, Casting::All(kind)));
    }
}

/// Partitions within shards and between them, often longer than transactions are valid.
#[test]
fn d1_d2_d3_partitions_abort_and_never_split() {
    for modes in MODES {
        let options = Options {
            turmoil_ms: 30_000,
            pause_ms: 1_000,
            crashes: 0,
            weather: false,
            ..worlds(2, modes, Casting::Nobody)
        };
        let report = hold(0..6, options);
        assert!(report.faults.of(Fault::Partition) > 0);
    }
}

/// Clocks that are wrong, by more than the protocol tolerates.
#[test]
fn d4_d5_clocks_that_jump_only_abort() {
    let options = Options {
        crashes: 0,
        partitions: false,
        ..all_faults(2, Modes::Any, Casting::Nobody)
    };
    let report = hold(0..10, options);
    assert!(report.faults.of(Fault::ClockJump) > 0);
}

#[test]
fn d6_old_letters_change_nothing_whenever_they_come_again() {
    stopped(Kind::LetterReplayer);
}

/// A node that crashes between any two things that it does, as far as there is time to try.
#[test]
fn e1_a_node_of_two_shards_that_crashes_at_any_point_comes_back() {
    const SEED: u64 = 1;
    const EACH: usize = 12;
    let short = |crash_at| Options {
        crash_at: Some(crash_at),
        turmoil_ms: 1_200,
        pause_ms: 600,
        last_acts: 2,
        ..quiet(2, Modes::Any, Casting::Nobody)
    };
    let point = |node, after, outage| CrashPoint {
        node,
        after,
        outage,
    };
    let never = short(point(0, u64::MAX, Outage::Killed));
    let rehearsal = run(SEED, &never).unwrap_or_else(|failure| panic!("{failure}"));
    for (node, deeds) in rehearsal.deeds.iter().enumerate() {
        for after in (node as u64 % 5..*deeds).step_by(EACH) {
            let point = point(node, after, Outage::PowerLost);
            let summary = run(SEED, &short(point)).unwrap_or_else(|failure| {
                panic!("{failure}\n{point:?}");
            });
            assert_eq!(summary.crashes, 1, "{point:?}");
        }
    }
}

/// All nodes of the shard that decides go down at once, and all nodes of all shards.
#[test]
fn e5_a_decision_that_nobody_heard_is_announced_after_a_restart() {
    let options = Options {
        crashes: 12,
        partitions: false,
        ..worlds(2, Modes::Decider, Casting::Nobody)
    };
    let report = hold(0..16, options);
    assert!(report.faults.of(Fault::Blackout) > 0);
}

#[test]
fn e3_e4_e6_disks_that_fail_and_forget_split_no_two_shards() {
    let options = Options {
        forgetting: Forgetting::Forgiven,
        ..all_faults(2, Modes::Any, Casting::Nobody)
    };
    let report = hold(700..712, options);
    for fault in [
        Fault::DiskFull,
        Fault::SyncFailed,
        Fault::LostLog,
        Fault::OldBackup,
    ] {
        assert!(report.faults.of(fault) > 0, "{fault} was not tried");
    }
}

#[test]
fn s19_the_same_seed_is_the_same_run_of_all_shards() {
    for seed in 0..2 {
        let options = worlds(3, Modes::Any, Casting::Any);
        let runs = [run(seed, &options), run(seed, &options)];
        assert_eq!(runs[0], runs[1], "seed {seed}");
    }
}

/// Each of these found a mistake: promises that were sequenced for ever, letters that one node alone
/// waited with, and a shard that did not remind others any more after it had been down.
#[test]
fn seeds_that_found_a_mistake_hold() {
    let nobody = Casting::Nobody;
    for (seed, options) in [
        (126, worlds(2, Modes::Decider, nobody)),
        (102, worlds(2, Modes::AllVotes, nobody)),
        (218, all_faults(2, Modes::Any, Casting::Any)),
        (3, worlds(3, Modes::AllVotes, nobody)),
        (138, worlds(2, Modes::Decider, nobody)),
        (134, worlds(3, Modes::Decider, nobody)),
        (113, worlds(3, Modes::Any, nobody)),
    ] {
        hold(seed..seed + 1, options);
    }
}
