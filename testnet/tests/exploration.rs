//! Everything that can happen within a small bound, in every order: see [`testnet::exploration`].
//!
//! `chainspace explore agreement` goes further; three slots with a liar on any seat take minutes.

use testnet::exploration::{Bound, Hearing, Report, explore};

#[track_caller]
fn all(liars: &[usize], slots: u64, hearing: Hearing) -> Report {
    let bound = Bound {
        liars: liars.to_vec(),
        slots,
        hearing,
        states_max: usize::MAX,
    };
    let report = explore(&bound, |_| {}).unwrap_or_else(|broken| panic!("{liars:?}: {broken}"));
    assert!(report.exhausted);
    assert!(report.decided > 0, "{liars:?}: nothing was ever decided");
    report
}

/// One liar brings about no fork, nor anything else that must not be, in all of so many states.
#[track_caller]
fn holds(liar: usize, slots: u64, states_min: usize) {
    let report = all(&[liar], slots, Hearing::Certificates);
    assert_eq!(report.forks, 0);
    assert!(report.states >= states_min, "node {liar} lies, {report:?}");
}

#[test]
fn a_liar_that_only_votes_forks_nothing_in_three_slots() {
    holds(0, 3, 10_000);
}

#[test]
fn a_liar_that_leads_forks_nothing_in_two_slots() {
    holds(1, 2, 10_000);
    holds(2, 2, 10_000);
    holds(3, 2, 500);
}

/// Two liars of four are too many: this is what the rules above would look like when broken.
#[test]
fn two_liars_fork_the_chain_and_each_fork_names_two_of_them() {
    for liars in [[1, 2], [0, 1], [0, 2]] {
        let report = all(&liars, 2, Hearing::Certificates);
        assert!(report.forks > 0, "{liars:?}");
        assert!(report.proofs > 0, "{liars:?}");
        let named = format!("nodes {liars:?} voted to finalize");
        let last = report.first_fork.last();
        assert!(
            last.is_some_and(|last| last.starts_with(&named)),
            "{liars:?}: {:#?}",
            report.first_fork
        );
    }
}

#[test]
fn two_liars_that_lead_no_slot_cannot_fork_what_has_one_leader() {
    let report = all(&[0, 3], 1, Hearing::Certificates);
    assert_eq!(report.forks, 0);
}

#[test]
fn certificates_leave_out_nothing_that_single_votes_bring_about() {
    for liars in [&[0][..], &[0, 3], &[1, 2]] {
        let [certificates, votes] =
            [Hearing::Certificates, Hearing::Votes].map(|hearing| all(liars, 1, hearing));
        assert_eq!(certificates.said, votes.said, "{liars:?}");
        assert_eq!(certificates.forks > 0, votes.forks > 0, "{liars:?}");
        assert!(certificates.stands < votes.stands, "{liars:?}");
    }
}

#[test]
fn an_exploration_that_is_given_up_says_so() {
    let bound = Bound {
        liars: vec![1],
        slots: 2,
        hearing: Hearing::Certificates,
        states_max: 100,
    };
    let report = explore(&bound, |_| {}).unwrap_or_else(|broken| panic!("{broken}"));
    assert!(!report.exhausted);
    assert_eq!(report.states, 100);
}
