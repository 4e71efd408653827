//! Every kind of liar in the simulator: each does its thing, and no rule breaks; whoever can be shown to
//! have lied is named, and nobody else.
//!
//! `chainspace simulate --adversary NAME` explores as many more worlds as one likes.

use testnet::adversary::{Casting, Kind};
use testnet::simulation::{Options, Summary, run};

/// The worlds of this size in which this seed has as many liars of one kind as there may be.
fn options(nodes: usize, kind: Kind) -> Options {
    Options {
        casting: Casting::All(kind),
        ..Options::new(nodes)
    }
}

#[track_caller]
fn holds(seed: u64, nodes: usize, kind: Kind) -> Summary {
    run(seed, &options(nodes, kind)).unwrap_or_else(|failure| panic!("{kind}: {failure}"))
}

/// What is to be found of liars in the logs of honest members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Record {
    /// They sign pairs of statements that prove that they lie, and are named for it.
    Named,
    /// They may sign such pairs.
    Perhaps,
    /// They sign nothing that an honest member would not have signed.
    Clean,
}

/// No rule breaks, the liars lie, and they are named where that can be. That nobody else is named is
/// one of the rules.
#[track_caller]
fn check(kind: Kind, record: Record) {
    for (nodes, seeds) in [(4, 0..6), (7, 0..2)] {
        let summaries: Vec<Summary> = seeds.map(|seed| holds(seed, nodes, kind)).collect();
        let silent = summaries.iter().find(|summary| summary.lies == 0);
        assert_eq!(silent, None, "a {kind} among {nodes} never lied");
        let named: usize = summaries.iter().map(|summary| summary.named).sum();
        match record {
            Record::Named => assert!(named > 0, "no {kind} among {nodes} was named"),
            Record::Perhaps => {}
            Record::Clean => assert_eq!(named, 0, "a {kind} among {nodes} was named"),
        }
    }
}

#[test]
fn names_of_kinds_are_read_back_and_differ() {
    let members = Kind::ALL.into_iter().chain(Kind::ACROSS);
    for kind in members.chain(Kind::SHARDS) {
        assert_eq!(kind.name().parse(), Ok(kind));
        assert_eq!(kind.to_string(), kind.name());
    }
    let unknown = "nobody".parse::<Kind>().expect_err("nobody is called so");
    assert!(unknown.to_string().contains("nobody"), "{unknown}");
}

#[test]
fn c1_c2_twins_agree_with_everybody_and_are_named() {
    check(Kind::Twins, Record::Named);
}

#[test]
fn a_vote_for_everything_counts_once_and_names_its_voter() {
    check(Kind::EquivocatingVoter, Record::Named);
}

#[test]
fn of_two_proposals_at_most_one_is_final_and_their_leader_is_named() {
    check(Kind::DoubleProposer, Record::Named);
}

#[test]
fn slots_of_silent_leaders_are_skipped() {
    check(Kind::SilentLeader, Record::Clean);
}

#[test]
fn a_block_on_an_old_parent_undoes_nothing() {
    check(Kind::StaleParentProposer, Record::Clean);
}

#[test]
fn a_block_without_proof_waits_for_it_or_is_skipped() {
    check(Kind::UnprovenProposer, Record::Clean);
}

#[test]
fn a_certificate_that_one_member_keeps_splits_nobody() {
    check(Kind::CertificateWithholder, Record::Clean);
}

#[test]
fn votes_to_one_half_reach_the_other_as_certificates() {
    check(Kind::HalfVoter, Record::Clean);
}

#[test]
fn what_is_said_again_counts_once() {
    check(Kind::Replayer, Record::Clean);
}

#[test]
fn c7_garbage_changes_nothing() {
    check(Kind::GarbageSender, Record::Clean);
    check(Kind::Babbler, Record::Clean);
}

#[test]
fn c7_what_is_too_large_is_refused_and_what_fits_is_taken() {
    check(Kind::OversizedSender, Record::Clean);
}

#[test]
fn signatures_of_other_keys_and_for_other_shards_count_for_nobody() {
    check(Kind::NonMemberVoter, Record::Clean);
}

#[test]
fn e4_an_old_backup_makes_its_member_one_of_the_f() {
    check(Kind::OldBackup, Record::Perhaps);
}

#[test]
fn who_signs_everything_is_named() {
    check(Kind::Equivocator, Record::Named);
}
