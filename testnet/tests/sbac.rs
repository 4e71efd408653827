//! Everything that can happen to a transaction of several shards, in every order: see
//! [`testnet::exploration::sbac`].
//!
//! ```text
//! cargo test -p testnet --test sbac
//! cargo test -p testnet --test sbac --features injected-bugs
//! ```
//!
//! The second one makes known mistakes on purpose, and each must be noticed.

use model::{Mode, ShardId};
use testnet::exploration::sbac::{Helper, Model, Report, explore};

const fn decided_by(number: u32) -> Mode {
    Mode::Decider(ShardId::new(number))
}

/// The paper's mode, and a decider with an input, with an output only, and with nothing.
const MODES: [Mode; 4] = [Mode::AllVotes, decided_by(1), decided_by(2), decided_by(3)];

/// `T(x0, x1) -> (y0, y1, y2)` in these modes.
fn model(modes: &[Mode], liar: Option<u32>, helpers: &[(u32, Helper)]) -> Model {
    Model {
        inputs: vec![0, 1],
        outputs: vec![0, 1, 2],
        modes: modes.to_vec(),
        liar,
        helpers: helpers.to_vec(),
        states_max: usize::MAX,
    }
}

/// Others lock and spend the inputs, and spend an output again.
const OTHERS: [(u32, Helper); 4] = [
    (0, Helper::Locks),
    (0, Helper::Spends),
    (1, Helper::Spends),
    (2, Helper::Respends),
];

/// Explores all of a model, in which every rule holds.
#[track_caller]
fn all(model: &Model) -> Report {
    let report = explore(model, |_| {}).unwrap_or_else(|broken| panic!("{model:?}: {broken}"));
    assert!(report.exhausted);
    assert!(
        report.committed > 0,
        "{model:?}: nothing was ever committed"
    );
    report
}

/// Nobody does what others give up, and nothing waits for ever.
#[track_caller]
fn holds(model: &Model, states_min: usize) {
    let report = all(model);
    assert_eq!(report.splits, 0, "{model:?}: {:#?}", report.first_split);
    assert_eq!(report.stuck, 0, "{model:?}: {:#?}", report.first_stuck);
    assert!(report.states >= states_min, "{model:?}: {report:?}");
}

#[test]
fn two_honest_shards_commit_or_abort_together_and_let_go_of_everything() {
    let others = [
        (0, Helper::Locks),
        (0, Helper::Spends),
        (1, Helper::Locks),
        (1, Helper::Spends),
    ];
    for mode in [Mode::AllVotes, decided_by(0), decided_by(1)] {
        let two = Model {
            outputs: vec![0, 1],
            ..model(&[mode], None, &others)
        };
        holds(&two, 1_000);
    }
}

#[test]
fn three_honest_shards_commit_or_abort_together_and_let_go_of_everything() {
    for mode in MODES {
        let others = if mode == decided_by(3) {
            &OTHERS[1..2]
        } else {
            &OTHERS
        };
        holds(&model(&[mode], None, others), 5_000);
    }
}

#[test]
fn a_dishonest_participant_that_does_not_decide_neither_splits_nor_stops_the_others() {
    // One with an input, one with an output only, and a fourth one.
    for (mode, liar) in [
        (decided_by(1), 0),
        (decided_by(0), 2),
        (decided_by(2), 1),
        (decided_by(3), 0),
    ] {
        let inputs = [0, 1].into_iter().filter(|shard| *shard != liar);
        let others: Vec<_> = inputs.map(|shard| (shard, Helper::Spends)).collect();
        holds(&model(&[mode], Some(liar), &others), 200);
    }
    let four = Model {
        inputs: vec![0, 1, 3],
        ..model(
            &[decided_by(1)],
            Some(3),
            &[(0, Helper::Spends), (2, Helper::Respends)],
        )
    };
    holds(&four, 30_000);
}

#[test]
fn a_dishonest_decider_splits_those_who_voted_for_it_and_nobody_else() {
    for liar in [1, 2] {
        let report = all(&model(
            &[decided_by(liar)],
            Some(liar),
            &[(0, Helper::Spends)],
        ));
        assert!(report.splits > 0);
        assert_eq!(report.first_split.len(), 4, "{:#?}", report.first_split);
    }
}

#[test]
fn in_the_mode_of_the_paper_one_dishonest_participant_splits_and_stops_the_others() {
    for liar in 0..3 {
        let report = all(&model(&[Mode::AllVotes], Some(liar), &[]));
        assert!(report.splits > 0 && report.stuck > 0, "shard {liar} lies");
        assert_eq!(report.first_split.len(), 5, "{:#?}", report.first_split);
        assert_eq!(report.first_stuck.len(), 2, "{:#?}", report.first_stuck);
    }
}

#[test]
fn of_two_transactions_that_cross_one_is_committed_at_most() {
    for first in [Mode::AllVotes, decided_by(0), decided_by(1)] {
        for second in [Mode::AllVotes, decided_by(0), decided_by(1)] {
            let two = Model {
                outputs: vec![0, 1],
                ..model(&[first, second], None, &[(0, Helper::Spends)])
            };
            holds(&two, 500);
        }
    }
}

#[test]
fn an_exploration_that_is_given_up_says_so() {
    let bounded = Model {
        states_max: 100,
        ..model(&[decided_by(1)], None, &OTHERS)
    };
    let report = explore(&bounded, |_| {}).unwrap_or_else(|broken| panic!("{broken}"));
    assert!(!report.exhausted);
    assert_eq!(report.states, 100);
}

#[cfg(feature = "injected-bugs")]
mod gate {
    //! A judge that never convicts proves nothing.

    use consensus::injected::{Mistake, inject};

    use super::*;

    /// No mistake is made any more when this is over.
    struct Weakened;

    impl Drop for Weakened {
        fn drop(&mut self) {
            inject(None);
        }
    }

    /// With the mistake the rule with this number is broken.
    #[track_caller]
    fn breaks(mistake: Mistake, model: &Model, rule: &str) {
        let _weakened = Weakened;
        inject(Some(mistake));
        let Err(broken) = explore(model, |_| {}) else {
            panic!("nobody notices {mistake:?}");
        };
        assert!(broken.how.starts_with(rule), "{mistake:?}: {broken}");
    }

    #[test]
    fn each_mistake_breaks_a_rule() {
        let decider = model(&[decided_by(1)], None, &OTHERS);
        let paper = model(&[Mode::AllVotes], None, &OTHERS);
        let bribed = model(&[decided_by(1)], Some(1), &[]);
        let accomplice = model(&[decided_by(1)], Some(2), &[]);
        let mistakes = [
            (Mistake::IgnoresLocks, &decider, "S6"),
            (Mistake::CommitsWithoutVotes, &decider, "S1"),
            (Mistake::BundleUnchecked, &bribed, "S1"),
            (Mistake::ForgetsUnacknowledged, &decider, "S3"),
            (Mistake::ForgetsEnded, &decider, "S2"),
            (Mistake::ForgetsVoted, &paper, "S3"),
            (Mistake::SkipsWitnesses, &decider, "S1"),
            (Mistake::UnlocksForOthers, &decider, "S6"),
            (Mistake::CarriesOutAgain, &decider, "S4"),
            (Mistake::GivesUpAlone, &decider, "S1"),
            (
                Mistake::BelievesAnybody,
                &accomplice,
                "what is to be heard Never",
            ),
        ];
        for (mistake, model, rule) in mistakes {
            breaks(mistake, model, rule);
        }
        assert_eq!(
            mistakes.map(|(mistake, _, _)| mistake),
            Mistake::ACROSS_SHARDS
        );
        for mistake in [
            Mistake::ForgetsEnded,
            Mistake::SkipsWitnesses,
            Mistake::GivesUpAlone,
        ] {
            breaks(mistake, &paper, "S");
        }
        for (mistake, rule) in [
            (Mistake::DecidesAgain, "S2"),
            (Mistake::IgnoresDeadlines, "S2"),
            (Mistake::SpendsTwice, "S5"),
        ] {
            breaks(mistake, &decider, rule);
        }
    }
}
