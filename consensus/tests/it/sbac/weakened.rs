//! The attacks that others suffered, each against a ledger that makes the mistake it lives on, and
//! against the ledger as it is.
//!
//! Some mistakes cannot be made here at all. A vote names the transaction, its identifier covers nonce,
//! deadline, mode and participants, and the ledger looks up sessions by nothing else; so there is no
//! condition whose absence would let a vote on one attempt count for another. Nor is there a way to
//! ask a shard to create an object: only what it has voted for can come about in it.

use consensus::injected::{Mistake, inject};
use model::transaction::Authorized;
use model::{Delivery, Mode};

use super::bench::{Bench, Said, Stand};
use super::setting::{outputs, shard, wide};

const DECIDED_BY_0: Mode = Mode::Decider(model::ShardId::new(0));

/// No mistake is made any more when this is over.
struct Weakened;

impl Drop for Weakened {
    fn drop(&mut self) {
        inject(None);
    }
}

/// The attack succeeds against a ledger that makes the mistake, and against no other one.
#[track_caller]
fn check(mistake: Mistake, attack: impl Fn(&mut Bench) -> bool) {
    assert!(
        !attack(&mut Bench::new()),
        "it succeeds without {mistake:?}"
    );
    let _weakened = Weakened;
    inject(Some(mistake));
    let mut bench = Bench::new();
    bench.careless = true;
    assert!(attack(&mut bench), "it fails in spite of {mistake:?}");
}

fn transaction(bench: &mut Bench, mode: Mode) -> Authorized {
    let (x0, x1) = (bench.thing(0), bench.thing(1));
    bench.swap(mode, &[&x0, &x1], &[0, 1, 2])
}

/// Whether one shard has committed a transaction and another one has given it up.
fn is_split(bench: &Bench, transaction: &Authorized) -> bool {
    let made = outputs(transaction);
    let back = |number: u32| {
        let thing = bench.thing(number);
        bench.is_active(&thing) && !bench.is_locked(&thing)
    };
    (bench.is_active(&made[0]) && back(1)) || (bench.is_active(&made[1]) && back(0))
}

#[test]
fn a22_who_forgets_what_has_ended_votes_again_on_what_it_has_done() {
    check(Mistake::ForgetsEnded, |bench| {
        let attacked = transaction(bench, Mode::AllVotes);
        bench.prepare_all(&attacked);
        bench.tell(1, 0, &attacked, Said::Yes);
        bench.tell(2, 0, &attacked, Said::Yes);
        // Shard 0 has done it, and its input is gone.
        bench.prepare(0, &attacked);
        if bench.said(0, 1, &attacked).last() == Some(&Said::No) {
            bench.tell(0, 1, &attacked, Said::No);
        }
        is_split(bench, &attacked)
    });
}

#[test]
fn a22_who_decides_again_votes_in_two_ways() {
    check(Mistake::DecidesAgain, |bench| {
        let attacked = transaction(bench, DECIDED_BY_0);
        let x1 = bench.thing(1);
        let helper = bench.swap(Mode::Decider(shard(3)), &[&x1], &[]);
        bench.prepare(1, &helper);
        bench.prepare(1, &attacked);
        let abort = bench.lie(3, 1, &helper, Said::Abort);
        bench.show(&abort);
        bench.prepare(1, &attacked);
        bench.said(1, 0, &attacked) == [Said::No, Said::Yes]
    });
}

#[test]
fn in_the_mode_of_the_paper_who_forgets_its_vote_denies_it() {
    check(Mistake::ForgetsVoted, |bench| {
        let attacked = transaction(bench, Mode::AllVotes);
        bench.prepare_all(&attacked);
        bench.tell(1, 0, &attacked, Said::Yes);
        bench.tell(2, 0, &attacked, Said::Yes);
        bench.expire(0);
        bench.tell(1, 0, &attacked, Said::Yes);
        if bench.said(0, 1, &attacked).last() == Some(&Said::Never) {
            bench.tell(0, 1, &attacked, Said::Never);
        }
        is_split(bench, &attacked)
    });
}

#[test]
fn an_output_is_lost_if_its_shard_is_not_asked() {
    check(Mistake::SkipsWitnesses, |bench| {
        let attacked = transaction(bench, Mode::AllVotes);
        bench.prepare(0, &attacked);
        bench.prepare(1, &attacked);
        bench.expire(2);
        bench.carry();
        let made = outputs(&attacked);
        let done = bench.is_active(&made[0]) && bench.is_active(&made[1]);
        done && !bench.is_active(&made[2]) && bench.stand(2, &attacked) == Stand::Unknown
    });
}

#[test]
fn a10_an_output_that_was_spent_is_created_again_by_who_carries_out_what_it_has_done() {
    check(Mistake::CarriesOutAgain, |bench| {
        let attacked = transaction(bench, DECIDED_BY_0);
        bench.prepare_all(&attacked);
        bench.carry();
        let output = outputs(&attacked).remove(2);
        let spend = bench.swap(Mode::Decider(shard(2)), &[&output], &[]);
        bench.prepare(2, &spend);
        assert!(!bench.is_active(&output));
        bench.tell(0, 2, &attacked, Said::Commit);
        bench.is_active(&output)
    });
}

#[test]
fn what_is_locked_is_spent_if_a_refused_transaction_unlocks_it() {
    check(Mistake::UnlocksForOthers, |bench| {
        let x1 = bench.thing(1);
        let attacked = bench.swap(DECIDED_BY_0, &[&x1], &[0]);
        bench.prepare_all(&attacked);
        let refused = bench.swap(DECIDED_BY_0, &[&x1], &[1]);
        bench.prepare(1, &refused);
        let rival = bench.swap(Mode::Decider(shard(1)), &[&x1], &[1]);
        bench.prepare(1, &rival);
        bench.carry();
        bench.is_active(&outputs(&attacked)[0]) && bench.is_active(&outputs(&rival)[0])
    });
}

#[test]
fn two_that_want_one_object_both_get_it_if_locks_come_late() {
    check(Mistake::IgnoresLocks, |bench| {
        let x1 = bench.thing(1);
        let both =
            [0, 2].map(|decider| bench.swap(Mode::Decider(shard(decider)), &[&x1], &[decider]));
        for attacked in &both {
            bench.prepare_all(attacked);
        }
        bench.carry();
        both.iter().all(|one| bench.is_active(&outputs(one)[0]))
    });
}

#[test]
fn who_gives_up_alone_is_left_behind() {
    check(Mistake::GivesUpAlone, |bench| {
        let attacked = transaction(bench, DECIDED_BY_0);
        bench.prepare_all(&attacked);
        bench.expire(1);
        bench.carry();
        is_split(bench, &attacked)
    });
}

#[test]
fn a18_who_believes_anybody_is_told_that_it_was_aborted() {
    check(Mistake::BelievesAnybody, |bench| {
        let attacked = transaction(bench, DECIDED_BY_0);
        bench.prepare_all(&attacked);
        let abort = bench.lie(2, 1, &attacked, Said::Abort);
        bench.show(&abort);
        bench.carry_if(|parcel| *parcel != abort);
        is_split(bench, &attacked)
    });
}

#[test]
fn who_does_not_wait_for_all_votes_commits_what_others_refuse() {
    for mode in [DECIDED_BY_0, Mode::AllVotes] {
        check(Mistake::CommitsWithoutVotes, |bench| {
            let attacked = transaction(bench, mode);
            let x1 = bench.thing(1);
            let rival = bench.swap(Mode::Decider(shard(1)), &[&x1], &[1]);
            bench.prepare(1, &rival);
            bench.prepare(0, &attacked);
            bench.prepare(2, &attacked);
            bench.tell(2, 0, &attacked, Said::Yes);
            bench.prepare(1, &attacked);
            bench.carry();
            bench.is_active(&outputs(&attacked)[0]) && bench.is_active(&outputs(&rival)[0])
        });
    }
}

#[test]
fn b6_who_does_not_look_at_the_votes_commits_what_others_have_not_voted_for() {
    check(Mistake::BundleUnchecked, |bench| {
        let attacked = transaction(bench, Mode::Decider(shard(2)));
        bench.prepare(0, &attacked);
        let commit = bench.lie(2, 0, &attacked, Said::Commit);
        bench.show_delivery(&Delivery {
            parcel: commit,
            votes: Vec::new(),
        });
        is_split(bench, &attacked)
    });
}

#[test]
fn who_does_not_wait_for_acknowledgements_denies_what_it_has_decided() {
    check(Mistake::ForgetsUnacknowledged, |bench| {
        let attacked = transaction(bench, DECIDED_BY_0);
        bench.prepare_all(&attacked);
        bench.carry_if(|parcel| parcel.leaves[0].to == shard(0));
        bench.expire(0);
        bench.tell(1, 0, &attacked, Said::Yes);
        if bench.said(0, 1, &attacked).contains(&Said::Never) {
            bench.tell(0, 1, &attacked, Said::Never);
        }
        is_split(bench, &attacked)
    });
}

#[test]
fn who_ignores_deadlines_opens_again_what_it_has_decided() {
    check(Mistake::IgnoresDeadlines, |bench| {
        let attacked = transaction(bench, DECIDED_BY_0);
        bench.prepare_all(&attacked);
        bench.carry();
        bench.settle();
        assert_eq!(bench.things(wide(), 0).len(), 3);
        (0..3).for_each(|number| drop(bench.expire(number)));
        bench.prepare(0, &attacked);
        let again = bench.stand(0, &attacked) == Stand::Open;
        bench.block(0, &[]);
        let said = bench.said(0, 1, &attacked);
        again && said.contains(&Said::Commit) && said.contains(&Said::Abort)
    });
}

#[test]
fn who_leaves_active_what_was_consumed_lets_it_be_spent_twice() {
    check(Mistake::SpendsTwice, |bench| {
        let attacked = transaction(bench, DECIDED_BY_0);
        bench.prepare_all(&attacked);
        bench.carry();
        bench.is_active(&bench.thing(0)) && bench.is_active(&bench.thing(1))
    });
}
