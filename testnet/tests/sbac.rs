//! Everything that can happen to a transaction of several shards, in every order: see
//! [`testnet::exploration::sbac`].
//!
//! ```text
//! cargo test -p testnet --test sbac
//! cargo test -p testnet --test sbac --features injected-bugs
//! ```
//!
//! The second one makes known mistakes on purpose, and each must be noticed.

use model::Mode;
use testnet::exploration::Broken;
use testnet::exploration::sbac::catalogue::{OTHERS, Verdict, catalogue, decided_by, swap};
use testnet::exploration::sbac::{Helper, Model, Report, explore};

/// The paper's mode, and a decider with an input, with an output only, and with nothing.
const MODES: [Mode; 4] = [Mode::AllVotes, decided_by(1), decided_by(2), decided_by(3)];

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
fn each_model_with_a_name_comes_to_what_it_must() {
    let mut names = std::collections::BTreeSet::new();
    for named in catalogue() {
        let found = named.explore(usize::MAX, |_| {});
        let (name, expected) = (named.name, named.expected);
        assert!(expected.admits(&found), "{name}, {expected}: {found:#?}");
        assert!(names.insert(name), "two models are called {name}");
        if let Ok(report) = found {
            assert!(report.exhausted && report.committed > 0, "{name}");
            assert_eq!(report.splits > 0, !report.first_split.is_empty(), "{name}");
            assert_eq!(report.stuck > 0, !report.first_stuck.is_empty(), "{name}");
        }
    }
}

#[test]
fn a_verdict_admits_nothing_else() {
    let report = |splits, stuck, exhausted| Report {
        splits,
        stuck,
        exhausted,
        ..Report::default()
    };
    let verdicts = [
        (Verdict::Holds, report(0, 0, true)),
        (Verdict::Splits, report(1, 0, true)),
        (Verdict::Sticks, report(0, 1, true)),
        (Verdict::SplitsAndSticks, report(1, 1, true)),
    ];
    let broken = || Broken {
        how: "S4: twice".to_owned(),
        story: Vec::new(),
    };
    for (verdict, report) in &verdicts {
        for (other, _) in &verdicts {
            assert_eq!(other.admits(&Ok(report.clone())), other == verdict);
        }
        assert!(!verdict.admits(&Err(broken())));
        assert!(!Verdict::Breaks("S4").admits(&Ok(report.clone())));
    }
    assert!(Verdict::Breaks("S4").admits(&Err(broken())));
    assert!(!Verdict::Breaks("S5").admits(&Err(broken())));
    // Of what was given up, it is only known what was seen.
    assert!(Verdict::Splits.admits(&Ok(report(0, 0, false))));
    assert!(Verdict::Breaks("S4").admits(&Ok(report(0, 0, false))));
    assert!(!Verdict::Holds.admits(&Ok(report(1, 0, false))));
    assert!(!Verdict::Sticks.admits(&Ok(report(1, 0, false))));
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
            ..swap(&[mode], None, &others)
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
        holds(&swap(&[mode], None, others), 5_000);
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
        holds(&swap(&[mode], Some(liar), &others), 200);
    }
}

#[test]
fn a_dishonest_decider_splits_those_who_voted_for_it_and_nobody_else() {
    for liar in [1, 2] {
        let report = all(&swap(
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
        let report = all(&swap(&[Mode::AllVotes], Some(liar), &[]));
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
                ..swap(&[first, second], None, &[(0, Helper::Spends)])
            };
            holds(&two, 500);
        }
    }
}

#[test]
fn an_exploration_that_is_given_up_says_so() {
    let bounded = Model {
        states_max: 100,
        ..swap(&[decided_by(1)], None, &OTHERS)
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

    /// That each is noticed is a test of the catalogue.
    #[test]
    fn each_mistake_of_several_shards_has_a_model() {
        let mistakes = catalogue().into_iter().filter_map(|named| named.mistake);
        assert_eq!(mistakes.collect::<Vec<_>>(), Mistake::ACROSS_SHARDS);
    }

    #[test]
    fn mistakes_break_rules_in_other_models_too() {
        let decider = swap(&[decided_by(1)], None, &OTHERS);
        let paper = swap(&[Mode::AllVotes], None, &OTHERS);
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
