//! Faults of disks, machines and clocks: each kind on its own, each point of a life, and all together.
//!
//! `chainspace simulate --faults` explores as many more worlds as one likes.

use std::ops::Range;

use testnet::adversary::Casting;
use testnet::simulation::{CrashPoint, Fault, Forgetting, Options, Outage, Report, Worlds};
use testnet::simulation::{explore, run};

/// A world that is over soon: what users do in it takes a few blocks.
fn short(crash_at: CrashPoint) -> Options {
    Options {
        crash_at: Some(crash_at),
        turmoil_ms: 1_200,
        pause_ms: 800,
        last_acts: 2,
        ..Options::quiet(4)
    }
}

/// Every rule holds in all these worlds, and each of these faults had an effect in one.
#[track_caller]
fn hold(seeds: Range<u64>, options: Options, faults: &[Fault]) -> Report {
    let worlds = Worlds {
        seeds,
        options,
        each_kind: false,
    };
    let report = explore(&worlds, None, |_| true);
    if let Some(failure) = report.failures.first() {
        panic!("{failure}");
    }
    for fault in faults {
        assert!(report.faults.of(*fault) > 0, "{fault} was not tried");
    }
    report
}

#[test]
#[allow(clippy::print_stdout, reason = "how much was tried is worth knowing")]
fn e1_a_node_that_crashes_at_any_point_comes_back() {
    const SEED: u64 = 1;
    let never = CrashPoint {
        node: 0,
        after: u64::MAX,
        outage: Outage::Killed,
    };
    let rehearsal = run(SEED, &short(never)).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(rehearsal.height >= 3, "{} blocks", rehearsal.height);
    let mut points = 0;
    for (node, deeds) in rehearsal.deeds.iter().enumerate() {
        for after in 0..*deeds {
            for outage in [Outage::Killed, Outage::PowerLost] {
                let point = CrashPoint {
                    node,
                    after,
                    outage,
                };
                let summary = run(SEED, &short(point)).unwrap_or_else(|failure| {
                    panic!("{failure}\n{point:?}");
                });
                assert_eq!(summary.crashes, 1, "{point:?}");
                points += 1;
            }
        }
    }
    println!(
        "crashed at {points} points, of {:?} per node",
        rehearsal.deeds
    );
    assert!(points > 200, "only {points} points");
}

#[test]
fn every_kind_of_fault_is_tried_and_no_rule_breaks() {
    hold(0..24, Options::with_all_faults(4), &Fault::ALL);
    hold(0..8, Options::with_all_faults(7), &[]);
}

#[test]
fn faults_and_liars_together_break_no_rule() {
    for kind in testnet::adversary::Kind::ALL {
        let options = Options {
            casting: Casting::All(kind),
            ..Options::with_all_faults(4)
        };
        hold(100..102, options, &[]);
    }
}

#[test]
fn e3_e4_a_node_that_forgot_keeps_its_word_if_others_can_remind_it() {
    let options = Options {
        turmoil_ms: 4_000,
        pause_ms: 60,
        forgetting: Forgetting::Judged,
        ..Options::quiet(4)
    };
    hold(0..16, options, &[Fault::LostLog, Fault::OldBackup]);
}
