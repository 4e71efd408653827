//! The gate: each known mistake, made on purpose, is noticed. See `testnet::gate`.
//!
//! ```text
//! cargo test -p testnet --features injected-bugs --test gate
//! ```

#![allow(clippy::print_stdout, reason = "who noticed what is worth knowing")]

use consensus::injected::Mistake;
use testnet::adversary::Casting;
use testnet::gate::{Setting, caught, first_failure, silence};
use testnet::simulation::{Failure, Flaw, Options};

/// How many worlds of each setting a mistake may go unnoticed in.
const WORLDS: u64 = 40;

/// What a failure says, in short.
fn words(failure: &Failure) -> String {
    format!("seed {}: {}", failure.seed, failure.rule)
}

/// A test for each mistake: somebody notices.
macro_rules! noticed {
    ($($name:ident: $mistake:ident,)*) => {
        $(#[test]
        fn $name() {
            silence(file!());
            let Some((column, failure)) = caught(Mistake::$mistake, WORLDS) else {
                panic!("nobody notices {:?}", Mistake::$mistake);
            };
            println!("{:?}: {column}, {}", Mistake::$mistake, words(&failure));
        })*

        #[test]
        fn every_mistake_has_a_test() {
            let tested = [$(Mistake::$mistake),*];
            assert_eq!(tested, Mistake::ALL);
        }
    };
}

noticed! {
    finalizing_after_a_vote_to_skip: FinalizesAfterSkip,
    notarizing_two_blocks_of_a_slot: NotarizesTwice,
    quorums_of_2f: SmallQuorum,
    parents_that_are_not_notarized: ParentUnchecked,
    slots_passed_over_without_proof: SkipProofUnchecked,
    signatures_taken_for_good: SignaturesUnchecked,
    blocks_of_any_time: TimeUnchecked,
    saying_what_is_not_written: SaysBeforeWriting,
    votes_forgotten_by_a_restart: ForgetsVotes,
    the_last_vote_alone_remembered_by_a_restart: ForgetsSkips,
    votes_left_out_of_a_snapshot: SnapshotWithoutVotes,
    proposing_again_after_a_restart: ProposesAgain,
    signing_before_others_were_asked: AsksNobody,
    never_repeating_what_was_lost: NeverRepeats,
    keeping_certificates_from_those_who_lack_them: KeepsCertificates,
    waiting_for_slots_that_were_skipped: IgnoresSkips,
    waiting_for_a_leader_for_ever: NeverSkips,
    not_fetching_what_others_voted_for: FetchesNothing,
    applying_what_is_only_notarized: AppliesEarly,
    applying_without_ancestors: SkipsAncestors,
    deciding_twice: DecidesAgain,
    deciding_after_the_deadline: IgnoresDeadlines,
    spending_twice: SpendsTwice,
    concealing_evidence: Conceals,
    keeping_torn_writes: KeepsTornWrites,
    reading_what_rotted: ChecksumUnchecked,
}

/// Mistakes in what shards do together. Two harm nobody unless all members of a shard lie.
#[test]
fn mistakes_across_shards() {
    silence(file!());
    for mistake in Mistake::ACROSS_SHARDS {
        let Some((column, failure)) = caught(mistake, WORLDS) else {
            panic!("nobody notices {mistake:?}");
        };
        println!("{mistake:?}: {column}, {}", words(&failure));
    }
}

/// Mistakes in how an epoch ends and the next one begins.
#[test]
fn mistakes_of_epochs() {
    silence(file!());
    for mistake in Mistake::OF_EPOCHS {
        let Some((column, failure)) = caught(mistake, WORLDS) else {
            panic!("nobody notices {mistake:?}");
        };
        println!("{mistake:?}: {column}, {}", words(&failure));
    }
}

/// Mistakes of the shell and the disk, which the simulator makes itself.
#[test]
fn flaws_of_the_shell_and_the_disk() {
    silence(file!());
    for flaw in [
        Flaw::SendsFirst,
        Flaw::WritesLast,
        Flaw::LyingDisk,
        Flaw::EmptyDisk,
    ] {
        let options = Options {
            flaw: Some(flaw),
            casting: Casting::Nobody,
            ..Options::new(4)
        };
        let failure = first_failure(None, &options, WORLDS);
        let failure = failure.unwrap_or_else(|| panic!("nobody notices {flaw:?}"));
        println!("{flaw:?}: nobody lies, {}", words(&failure));
    }
}

#[test]
fn without_a_mistake_nothing_is_noticed() {
    let settings = Setting::all().into_iter();
    let settings = settings.chain(Setting::across_shards());
    for Setting { name, options } in settings.chain(Setting::of_epochs()) {
        if let Some(failure) = first_failure(None, &options, 3) {
            panic!("{name}: {failure}");
        }
    }
}
