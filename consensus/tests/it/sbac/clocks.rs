//! D: clocks and partitions. Whatever is late, early or lost, nobody does one thing and others another.

use model::transaction::Authorized;
use model::{AbortReason, Mode};

use super::bench::{Bench, Said, Stand};
use super::setting::{CREATED, MODES, SHARDS, VALID_MS, outputs, participants, reason, shard};

const DECIDED_BY_0: Mode = Mode::Decider(model::ShardId::new(0));

fn transaction(bench: &mut Bench, mode: Mode) -> Authorized {
    let (x0, x1) = (bench.thing(0), bench.thing(1));
    bench.swap(mode, &[&x0, &x1], &[0, 1, 2])
}

/// Lets the shards carry and make blocks as long as it takes.
fn heal(bench: &mut Bench) {
    bench.replay();
    bench.settle();
}

#[test]
fn d1_cut_off_before_its_vote_arrives() {
    let mut bench = Bench::new();
    let split = transaction(&mut bench, DECIDED_BY_0);
    bench.prepare_all(&split);
    bench.carry_if(|parcel| parcel.from() != shard(1));
    assert_eq!(reason(&bench.expire(0), &split), AbortReason::Deadline);
    heal(&mut bench);
    bench.assert_nothing_done(&split);
    assert!(!bench.is_locked(&bench.thing(1)));
}

#[test]
fn d1_a_vote_to_abort_that_gets_lost_is_asked_for_long_before_the_deadline() {
    let mut bench = Bench::new();
    let (x0, x1, x2) = (bench.thing(0), bench.thing(1), bench.thing(2));
    let all = bench.swap(DECIDED_BY_0, &[&x0, &x1, &x2], &[]);
    let alone = bench.swap(Mode::Decider(shard(1)), &[&x1], &[1]);
    bench.prepare(1, &alone);
    bench.prepare_all(&all);
    bench.carry_if(|parcel| parcel.from() != shard(1));
    assert_eq!(bench.stand(0, &all), Stand::Open);
    assert!(bench.is_locked(&x2));
    // Those who are reminded at once have just voted.
    bench.prepare(1, &all);
    assert_eq!(bench.said(1, 0, &all), [Said::No]);
    bench.pass_all(3_000);
    bench.prepare(1, &all);
    assert_eq!(bench.said(1, 0, &all), [Said::No, Said::No]);
    bench.carry();
    assert_eq!(bench.stands(&all), [Stand::Aborted; 3]);
    assert!(!bench.is_locked(&x2) && bench.is_active(&x2));
    assert!(bench.ledger(0).tip.time < all.body().valid_until);
}

#[test]
fn d1_who_voted_against_it_acknowledges_the_decision_at_once_and_votes_no_more() {
    let mut bench = Bench::new();
    let (x0, x1, x2) = (bench.thing(0), bench.thing(1), bench.thing(2));
    let all = bench.swap(DECIDED_BY_0, &[&x0, &x1, &x2], &[]);
    for (number, spent) in [(1, &x1), (2, &x2)] {
        let alone = bench.swap(Mode::Decider(shard(number)), &[spent], &[number]);
        bench.prepare(number, &alone);
    }
    bench.prepare_all(&all);
    // Nobody but the shard that decides can make it believe that its vote was heard.
    let lie = bench.lie(2, 1, &all, Said::Abort);
    bench.show(&lie);
    bench.carry();
    // The first of them is not told what it knows; the other one is, and again when its vote comes, and
    // says so once.
    assert_eq!(bench.said(0, 1, &all), []);
    assert_eq!(bench.said(0, 2, &all), [Said::Abort, Said::Abort]);
    assert_eq!(bench.said(2, 0, &all), [Said::No, Said::Done]);
    assert!(
        bench.ledger(0).state.sessions.is_empty(),
        "all is forgotten"
    );
    bench.pass_all(3_000);
    bench.prepare(1, &all);
    bench.prepare(2, &all);
    assert_eq!(bench.said(1, 0, &all), [Said::No, Said::No]);
    assert_eq!(bench.said(2, 0, &all), [Said::No, Said::Done]);
}

/// A shard that has been heard need not have heard: here each of three has the vote of one other, and
/// waits for that of the third one, which has its own.
#[test]
fn d1_votes_that_get_lost_in_a_circle_are_cast_again() {
    let mut bench = Bench::new();
    let split = transaction(&mut bench, Mode::AllVotes);
    bench.prepare_all(&split);
    let next = |from: model::ShardId| shard((from.number() + 1) % 3);
    bench.carry_if(|parcel| parcel.leaves[0].to == next(parcel.from()));
    assert_eq!(bench.stands(&split), [Stand::Prepared; 3]);
    bench.settle();
    assert_eq!(bench.stands(&split), [Stand::Committed; 3]);
}

#[test]
fn d1_cut_off_before_it_votes() {
    let mut bench = Bench::new();
    let split = transaction(&mut bench, DECIDED_BY_0);
    bench.prepare(0, &split);
    bench.prepare(2, &split);
    bench.carry();
    bench.expire(0);
    // It hears of the transaction when all is over elsewhere, and has time left by its own clock.
    bench.carry();
    bench.prepare(1, &split);
    heal(&mut bench);
    bench.assert_nothing_done(&split);
    assert!(!bench.is_locked(&bench.thing(1)));
}

#[test]
fn d1_cut_off_after_the_decision() {
    for after_ms in [0, 5_000, 10 * VALID_MS] {
        let mut bench = Bench::new();
        let split = transaction(&mut bench, DECIDED_BY_0);
        bench.prepare_all(&split);
        bench.carry_if(|parcel| parcel.leaves[0].to != shard(1));
        assert_eq!(bench.stand(0, &split), Stand::Committed);
        assert_eq!(bench.stand(1, &split), Stand::Prepared);
        bench.pass_all(after_ms);
        (0..SHARDS).for_each(|number| drop(bench.block(number, &[])));
        assert_eq!(
            bench.stand(1, &split),
            Stand::Prepared,
            "after {after_ms} ms"
        );
        heal(&mut bench);
        bench.assert_committed(&split);
    }
}

#[test]
fn d2_those_who_voted_wait_for_the_decider_as_long_as_it_takes() {
    // It never heard of the transaction, or heard of it and nothing else.
    for opened in [false, true] {
        let mut bench = Bench::new();
        let split = transaction(&mut bench, DECIDED_BY_0);
        if opened {
            bench.prepare(0, &split);
        }
        bench.prepare(1, &split);
        bench.prepare(2, &split);
        for _ in 0..5 {
            bench.pass_all(VALID_MS);
            (0..SHARDS).for_each(|number| drop(bench.block(number, &[])));
        }
        assert_eq!(bench.stand(1, &split), Stand::Prepared);
        assert!(bench.is_locked(&bench.thing(1)));
        let vote = bench.parcel(1, 0, &split, Said::Yes);
        bench.show(&vote);
        bench.carry();
        let said = if opened { Said::Abort } else { Said::Never };
        assert_eq!(bench.said(0, 1, &split).last(), Some(&said));
        heal(&mut bench);
        bench.assert_nothing_done(&split);
        assert!(!bench.is_locked(&bench.thing(1)));
    }
}

#[test]
fn d2_in_the_mode_of_the_paper_who_never_heard_of_it_in_time_ends_it() {
    let mut bench = Bench::new();
    let split = transaction(&mut bench, Mode::AllVotes);
    bench.prepare(0, &split);
    bench.prepare(1, &split);
    bench.carry();
    bench.expire(2);
    heal(&mut bench);
    assert_eq!(bench.stand(0, &split), Stand::Aborted);
    assert_eq!(bench.stand(1, &split), Stand::Aborted);
    bench.assert_nothing_done(&split);
    // It never votes on it, so nobody is ever told anything else.
    bench.prepare(2, &split);
    assert_eq!(bench.stand(2, &split), Stand::Unknown);
}

#[test]
fn d4_d5_clocks_that_differ_can_abort_a_transaction_and_nothing_else() {
    // How far the clock of each shard runs ahead of that of the slowest, in seconds.
    let skews: [u64; 3] = [0, 25, 35];
    for mode in MODES {
        for code in 0..81_u32 {
            let skew = |number: u32| skews[(code / 3_u32.pow(number) % 3) as usize];
            let mut bench = Bench::new();
            let split = transaction(&mut bench, mode);
            (0..SHARDS).for_each(|number| bench.pass(number, 1_000 * skew(number)));
            bench.prepare_all(&split);
            bench.settle();
            let in_time = |number: &u32| 1_000 * skew(*number) <= VALID_MS;
            let all_in_time = participants(&split).iter().all(in_time);
            let done = bench.is_active(&outputs(&split)[2]);
            assert_eq!(done, all_in_time, "{mode:?}, skews {code}");
            if all_in_time {
                bench.assert_committed(&split);
            } else {
                bench.assert_nothing_done(&split);
                assert!(!bench.is_locked(&bench.thing(0)) && !bench.is_locked(&bench.thing(1)));
            }
        }
    }
}

#[test]
fn d5_a_decider_whose_time_leaps_aborts_what_is_open_and_nothing_that_is_decided() {
    let mut bench = Bench::new();
    let (decided, open) = {
        let first = transaction(&mut bench, DECIDED_BY_0);
        let other = bench.things(super::setting::wide(), 1).remove(1);
        (first, bench.swap(DECIDED_BY_0, &[&other], &[0]))
    };
    bench.prepare_all(&decided);
    bench.carry_if(|parcel| parcel.leaves[0].to == shard(0));
    bench.prepare(0, &open);
    bench.pass(0, 1_000 * VALID_MS);
    let applied = bench.block(0, &[]);
    assert_eq!(reason(&applied, &open), AbortReason::Deadline);
    bench.prepare(1, &open);
    heal(&mut bench);
    bench.assert_committed(&decided);
    bench.assert_nothing_done(&open);
}

#[test]
fn d6_at_the_end_all_that_was_ever_said_is_said_again_and_changes_nothing() {
    for mode in MODES {
        let mut bench = Bench::new();
        let committed = transaction(&mut bench, mode);
        let aborted = bench.again(&committed);
        bench.prepare_all(&committed);
        bench.prepare_all(&aborted);
        bench.settle();
        let before = bench.objects();
        for wait in [3_000, 3_000, 10 * VALID_MS, 3_000] {
            bench.replay();
            bench.pass_all(wait);
        }
        assert_eq!(bench.objects(), before, "{mode:?}");
        bench.settle();
        for number in 0..SHARDS {
            assert_eq!(bench.ledger(number).locked().count(), 0);
        }
        assert!(bench.ledger(0).tip.time > CREATED.plus_ms(VALID_MS));
    }
}
