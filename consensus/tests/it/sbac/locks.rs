//! Locks, and what becomes of those who want the same objects (G).

use model::{AbortReason, Mode, Object, Profile};

use super::bench::{Bench, Said, Stand};
use super::setting::{reason, shard, trace, wide};

/// Shard 3 decides and has no objects; the others lock.
const ELSEWHERE: Mode = Mode::Decider(model::ShardId::new(3));

/// What two transactions of a shard can want of one object, and whether they get on.
#[track_caller]
fn check(profile: Profile, wants: [bool; 2], together: bool) {
    let mut bench = Bench::with(profile, "bench");
    let contended = bench.thing(0);
    let [first, second] = wants.map(|consumes| {
        let contended = std::slice::from_ref(&contended);
        let contended: Vec<&Object> = contended.iter().collect();
        let (inputs, references) = if consumes {
            (contended.clone(), Vec::new())
        } else {
            (Vec::new(), contended.clone())
        };
        let traces = vec![trace(&inputs, &references, &[])];
        bench.transaction(ELSEWHERE, traces, &contended)
    });
    bench.prepare(0, &first);
    assert_eq!(bench.stand(0, &first), Stand::Prepared);
    let applied = bench.prepare(0, &second);
    if together {
        assert_eq!(
            bench.stand(0, &second),
            Stand::Prepared,
            "{profile:?} {wants:?}"
        );
    } else {
        let AbortReason::Locked { object, holder, .. } = reason(&applied, &second) else {
            panic!("it is locked");
        };
        assert_eq!((object, holder), (contended.id(), first.id()));
    }
    // Who lets go lets go of its own lock, and of nobody else's.
    let abort = bench.lie(3, 0, &first, Said::Abort);
    bench.show(&abort);
    let held = bench.ledger(0).locked().next();
    let still = (contended.id(), vec![second.id()], false);
    assert_eq!(held, together.then_some(still));
    let third = bench.swap(ELSEWHERE, &[&contended], &[]);
    bench.prepare(0, &third);
    let free = bench.stand(0, &third) == Stand::Prepared;
    assert_eq!(free, !together, "{profile:?} {wants:?}");
}

#[test]
fn an_input_is_held_by_one_transaction_and_a_reference_by_any_number() {
    check(Profile::Open, [true, true], false);
    check(Profile::Open, [true, false], false);
    check(Profile::Open, [false, true], false);
    check(Profile::Open, [false, false], true);
}

#[test]
fn the_paper_locks_references_as_inputs() {
    for wants in [[true, true], [true, false], [false, true], [false, false]] {
        check(Profile::Paper, wants, false);
    }
}

#[test]
fn what_nobody_consumes_is_not_locked() {
    for profile in [Profile::Open, Profile::Paper] {
        let mut bench = Bench::with(profile, "bench");
        let stone = bench.stone(0);
        for _ in 0..3 {
            let traces = vec![trace(&[], &[&stone], &[])];
            let reader = bench.transaction(ELSEWHERE, traces, &[&stone]);
            bench.prepare(0, &reader);
            assert_eq!(bench.stand(0, &reader), Stand::Prepared);
        }
        assert_eq!(bench.ledger(0).locked().count(), 0);
    }
}

#[test]
fn of_one_transaction_all_is_locked_or_nothing() {
    let mut bench = Bench::new();
    let things = bench.things(wide(), 0);
    let one = bench.swap(ELSEWHERE, &[&things[1]], &[]);
    bench.prepare(0, &one);
    let three = bench.swap(ELSEWHERE, &[&things[0], &things[1], &things[2]], &[]);
    bench.prepare(0, &three);
    assert_eq!(bench.stand(0, &three), Stand::Aborted);
    let held: Vec<_> = bench.ledger(0).locked().collect();
    assert_eq!(held, [(things[1].id(), vec![one.id()], true)]);
}

#[test]
fn a_transaction_of_one_shard_respects_the_locks_of_others() {
    for consumes in [true, false] {
        let mut bench = Bench::new();
        let thing = bench.thing(0);
        let holder = bench.swap(ELSEWHERE, &[&thing], &[]);
        bench.prepare(0, &holder);
        let (inputs, references) = if consumes {
            (vec![&thing], vec![])
        } else {
            (vec![], vec![&thing])
        };
        let traces = vec![trace(&inputs, &references, &[])];
        let alone = bench.transaction(Mode::Decider(shard(0)), traces, &[&thing]);
        let applied = bench.prepare(0, &alone);
        assert!(matches!(
            reason(&applied, &alone),
            AbortReason::Locked { .. }
        ));
        assert!(bench.is_active(&thing));
    }
}

#[test]
fn what_is_locked_elsewhere_the_decider_cannot_commit() {
    let mut bench = Bench::new();
    let (x0, x1) = (bench.thing(0), bench.thing(1));
    // Shard 0 is a plain participant of one, and decides the other.
    let holder = bench.swap(ELSEWHERE, &[&x0], &[]);
    let decided = bench.swap(Mode::Decider(shard(0)), &[&x0, &x1], &[]);
    bench.prepare(0, &holder);
    bench.prepare_all(&decided);
    bench.carry();
    assert_eq!(bench.stands(&decided), [Stand::Aborted, Stand::Aborted]);
    assert!(bench.is_active(&x0) && bench.is_active(&x1) && !bench.is_locked(&x1));
}

#[test]
fn g9_crossing_transactions_do_not_both_commit_and_leave_no_lock() {
    let modes: Vec<Mode> = std::iter::once(Mode::AllVotes)
        .chain((0..4).map(|number| Mode::Decider(shard(number))))
        .collect();
    for homes in 2..=3_u32 {
        for first_mode in &modes {
            for second_mode in &modes {
                let mut bench = Bench::new();
                let things: Vec<Object> = (0..homes).map(|home| bench.thing(home)).collect();
                let things: Vec<&Object> = things.iter().collect();
                let first = bench.swap(*first_mode, &things, &[0]);
                let second = bench.swap(*second_mode, &things, &[1]);
                // They cross: one comes first in one shard, the other one in the others.
                bench.prepare(0, &first);
                for number in super::setting::participants(&second) {
                    bench.prepare(number, &second);
                }
                for number in super::setting::participants(&first) {
                    bench.prepare(number, &first);
                }
                bench.settle();
                let committed = |transaction| {
                    let stands = bench.stands(transaction);
                    stands.contains(&Stand::Committed)
                };
                let both = committed(&first) && committed(&second);
                assert!(!both, "{first_mode:?}, {second_mode:?}");
                let spent = things
                    .iter()
                    .filter(|thing| !bench.is_active(thing))
                    .count();
                let done = committed(&first) || committed(&second);
                assert_eq!(spent, if done { things.len() } else { 0 });
                let locked = things.iter().any(|thing| bench.is_locked(thing));
                assert!(!locked, "{first_mode:?}, {second_mode:?}");
            }
        }
    }
}

#[test]
fn g10_readers_do_not_abort_each_other_and_a_writer_comes_after_them() {
    let mut bench = Bench::new();
    let read = bench.thing(0);
    let traces = || vec![trace(&[], &[&read], &[])];
    let readers: Vec<_> = (0..100)
        .map(|_| bench.transaction(Mode::Decider(shard(1)), traces(), &[&read]))
        .collect();
    for reader in &readers {
        bench.prepare(0, reader);
        assert_eq!(bench.stand(0, reader), Stand::Prepared);
    }
    let writer = bench.swap(Mode::Decider(shard(1)), &[&read], &[]);
    let applied = bench.prepare(0, &writer);
    // Nothing gives it precedence over new readers: it tries again.
    assert!(matches!(
        reason(&applied, &writer),
        AbortReason::Locked { .. }
    ));
    for reader in &readers {
        bench.prepare(1, reader);
    }
    bench.settle();
    let again = bench.again(&writer);
    bench.prepare_all(&again);
    bench.settle();
    assert!(!bench.is_active(&read));
}

/// Nobody waits for a lock, so a writer has no turn that readers who come later would have to respect:
/// it gets the object in the first moment in which nobody reads it, and there may be none. What bounds
/// each single reader is its deadline, which the refusal names.
#[test]
fn g10_a_writer_is_refused_for_as_long_as_readers_overlap_and_told_until_when_the_first_may_read() {
    let mut bench = Bench::new();
    let read = bench.thing(0);
    let decider = Mode::Decider(shard(1));
    let reader = |bench: &mut Bench| {
        let traces = vec![trace(&[], &[&read], &[])];
        let reader = bench.transaction(decider, traces, &[&read]);
        bench.prepare(0, &reader);
        reader
    };
    let mut last = reader(&mut bench);
    for _ in 0..20 {
        let next = reader(&mut bench);
        let abort = bench.lie(1, 0, &last, Said::Abort);
        bench.show(&abort);
        let writer = bench.swap(decider, &[&read], &[]);
        let applied = bench.prepare(0, &writer);
        let AbortReason::Locked { holder, until, .. } = reason(&applied, &writer) else {
            panic!("it is read");
        };
        assert_eq!((holder, until), (next.id(), next.body().valid_until));
        last = next;
    }
    let abort = bench.lie(1, 0, &last, Said::Abort);
    bench.show(&abort);
    let writer = bench.swap(decider, &[&read], &[]);
    bench.prepare(0, &writer);
    assert_eq!(bench.stand(0, &writer), Stand::Prepared);
}
