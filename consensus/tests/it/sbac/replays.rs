//! A: replays. Whatever was ever promised is shown again to anybody at any time, and changes nothing.

use model::transaction::Authorized;
use model::{AbortReason, Mode, Object, Profile};

use super::bench::{Bench, Said, Stand};
use super::setting::{MODES, VALID_MS, outcome, outputs, participants, reason, shard, trace};

/// The transaction of the tables: `T(x0, x1) -> (y0, y1, y2)`.
fn transaction(bench: &mut Bench, mode: Mode) -> Authorized {
    let (x0, x1) = (bench.thing(0), bench.thing(1));
    bench.swap(mode, &[&x0, &x1], &[0, 1, 2])
}

/// Has the shards promise all that they can be brought to promise about transactions with the same
/// traces: every vote of both shards with inputs, and every decision to abort.
///
/// A shard refuses while another transaction holds its input, and that one aborts because an object
/// that it wants is gone; all is active again when this is over.
fn elicit(bench: &mut Bench, of: &Authorized) {
    let gone = bench.things(super::setting::wide(), 3).remove(2);
    let spend = bench.swap(Mode::AllVotes, &[&gone], &[3]);
    bench.prepare(3, &spend);
    for refusing in [0, 1] {
        let input = bench.thing(refusing);
        let helper = bench.swap(Mode::Decider(shard(3)), &[&input, &gone], &[]);
        bench.prepare(refusing, &helper);
        let elicited = bench.again(of);
        bench.prepare_all(&elicited);
        bench.prepare(3, &helper);
        bench.carry();
        bench.assert_nothing_done(&elicited);
        assert!(bench.is_active(&input) && !bench.is_locked(&input));
    }
}

/// Runs a transaction in shards that sequence it in this order, with all that was ever said shown
/// after each step.
fn run_with_replays(bench: &mut Bench, transaction: &Authorized, order: &[u32]) {
    bench.replay();
    for number in order {
        bench.prepare(*number, transaction);
        bench.replay();
    }
    bench.settle();
    bench.replay();
}

/// A row of the first table: which inputs others have consumed before, and whether the transaction is
/// committed then. The rows that are attacks come out as the row without replays.
#[track_caller]
fn check_row(rows: &str, consumed: [bool; 2]) {
    for mode in MODES {
        let mut bench = Bench::new();
        let attacked = transaction(&mut bench, mode);
        elicit(&mut bench, &attacked);
        for (home, _) in consumed.iter().enumerate().filter(|(_, gone)| **gone) {
            let home = u32::try_from(home).expect("0 or 1");
            let input = bench.thing(home);
            let spend = bench.swap(mode_alone(home), &[&input], &[]);
            bench.prepare(home, &spend);
        }
        let commits = consumed == [false; 2];
        let mut orders = vec![participants(&attacked)];
        orders.push(orders[0].iter().rev().copied().collect());
        for order in orders {
            let mut bench = bench.clone();
            run_with_replays(&mut bench, &attacked, &order);
            if commits {
                bench.assert_committed(&attacked);
            } else {
                bench.assert_nothing_done(&attacked);
            }
            let untouched = [0, 1].map(|home| bench.is_active(&bench.thing(home)));
            let expected = consumed.map(|gone| !gone && !commits);
            assert_eq!(untouched, expected, "rows {rows}, {mode:?}, {order:?}");
        }
    }
}

fn mode_alone(home: u32) -> Mode {
    Mode::Decider(shard(home))
}

#[test]
fn a1_to_a4_both_can_commit_and_replayed_votes_to_abort_change_nothing() {
    check_row("1 to 4", [false, false]);
}

#[test]
fn a5_a6_the_first_cannot_commit_and_a_replayed_vote_to_commit_changes_nothing() {
    check_row("5 and 6", [true, false]);
}

#[test]
fn a7_a8_the_second_cannot_commit_and_a_replayed_vote_to_commit_changes_nothing() {
    check_row("7 and 8", [false, true]);
}

#[test]
fn a9_neither_can_commit() {
    check_row("9", [true, true]);
}

/// Spends the output in shard 2, shows all that was ever said, and once more after the deadline.
fn spend_and_replay(bench: &mut Bench, committed: &Authorized) {
    let output = outputs(committed).remove(2);
    assert!(bench.is_active(&output));
    bench.replay();
    let spend = bench.swap(mode_alone(2), &[&output], &[]);
    bench.prepare(2, &spend);
    for _ in 0..2 {
        bench.replay();
        assert!(!bench.is_active(&output), "it is spent for good");
        bench.pass_all(3_000);
        bench.replay();
        for number in 0..super::setting::SHARDS {
            bench.expire(number);
        }
    }
    assert_eq!(bench.ledger(2).state.objects.len(), 4, "nothing was made");
}

#[test]
fn a10_to_a13_what_was_created_once_and_spent_is_not_created_again() {
    for mode in MODES {
        let mut bench = Bench::new();
        let attacked = transaction(&mut bench, mode);
        bench.prepare_all(&attacked);
        bench.settle();
        bench.assert_committed(&attacked);
        spend_and_replay(&mut bench, &attacked);
    }
}

#[test]
fn a14_to_a17_what_was_aborted_is_not_created_by_promises_about_the_same_traces() {
    for mode in MODES {
        let mut bench = Bench::new();
        let attacked = transaction(&mut bench, mode);
        let before = bench.objects().len();
        elicit(&mut bench, &attacked);
        // One that is refused, and a later one that is committed and whose output is spent.
        let inputs = [bench.thing(0), bench.thing(1)];
        let helper = bench.swap(mode_alone(3), &[&inputs[0], &inputs[1]], &[]);
        bench.prepare(0, &helper);
        bench.prepare(1, &helper);
        bench.prepare_all(&attacked);
        for to in [0, 1] {
            let lie = bench.lie(3, to, &helper, Said::Abort);
            bench.show(&lie);
        }
        bench.settle();
        bench.assert_nothing_done(&attacked);
        let other = bench.again(&attacked);
        bench.prepare_all(&other);
        bench.settle();
        bench.assert_committed(&other);
        assert_eq!(outputs(&other), outputs(&attacked));
        spend_and_replay(&mut bench, &other);
        // Two inputs became three outputs, of which one is spent.
        assert_eq!(bench.objects().len(), before);
    }
}

#[test]
fn a18_a_relay_cannot_show_a_promise_to_somebody_else() {
    let mut bench = Bench::new();
    let attacked = transaction(&mut bench, mode_alone(0));
    bench.prepare_all(&attacked);
    let mut vote = bench.with_votes(&bench.parcel(1, 0, &attacked, Said::Yes));
    assert!(bench.admit(0, &vote).is_ok());
    assert!(bench.admit(2, &vote).is_err());
    vote.parcel.leaves[0].to = shard(2);
    assert!(bench.admit(2, &vote).is_err(), "it is another leaf");
}

#[test]
fn a19_a_relay_cannot_commit_without_the_votes() {
    let mut bench = Bench::new();
    let attacked = transaction(&mut bench, mode_alone(0));
    bench.prepare_all(&attacked);
    bench.tell(1, 0, &attacked, Said::Yes);
    bench.tell(2, 0, &attacked, Said::Yes);
    let whole = bench.with_votes(&bench.parcel(0, 1, &attacked, Said::Commit));
    assert_eq!(whole.votes.len(), 1);
    let stripped = model::Delivery {
        votes: Vec::new(),
        ..whole.clone()
    };
    bench.show_delivery(&stripped);
    assert_eq!(bench.stand(1, &attacked), Stand::Prepared);
    bench.show_delivery(&whole);
    assert_eq!(bench.stand(1, &attacked), Stand::Committed);
}

#[test]
fn a20_a_relay_that_keeps_promises_to_itself_only_delays() {
    for mode in MODES {
        // Whatever gets lost for a while, by sender or addressee.
        for lost in 0..4 {
            let mut bench = Bench::new();
            let attacked = transaction(&mut bench, mode);
            bench.prepare_all(&attacked);
            bench.carry_if(|parcel| {
                let number = shard(lost % 2);
                let sent = parcel.from() == number;
                if lost < 2 {
                    !sent
                } else {
                    parcel.leaves[0].to != number
                }
            });
            bench.settle();
            bench.assert_committed(&attacked);
        }
    }
}

#[test]
fn a21_the_order_in_which_a_relay_delivers_does_not_matter() {
    for mode in MODES {
        let mut bench = Bench::new();
        let attacked = transaction(&mut bench, mode);
        bench.prepare_all(&attacked);
        for _ in 0..4 {
            let said = bench.parcels.clone();
            said.iter()
                .rev()
                .for_each(|parcel| drop(bench.show(parcel)));
        }
        bench.settle();
        bench.assert_committed(&attacked);
    }
}

#[test]
fn a22_a_transaction_that_has_ended_here_is_not_voted_on_again() {
    for mode in MODES {
        let mut bench = Bench::new();
        let attacked = transaction(&mut bench, mode);
        bench.prepare_all(&attacked);
        // Shard 0 hears all there is, shard 1 nothing.
        bench.carry_if(|parcel| parcel.leaves[0].to != shard(1));
        let votes = |bench: &Bench| {
            let parcels = bench.parcels.iter();
            let by_0 = parcels.filter(|parcel| parcel.from() == shard(0));
            by_0.filter(|parcel| Said::of(&parcel.leaves[0].promise) == Said::No)
                .count()
        };
        let told = bench.parcels.len();
        bench.prepare(0, &attacked);
        assert_eq!(bench.parcels.len(), told, "{mode:?}: nothing is said");
        bench.expire(0);
        bench.prepare(0, &attacked);
        assert_eq!(votes(&bench), 0, "{mode:?}: it never votes against it");
        bench.replay();
        bench.settle();
        let stands = bench.stands(&attacked);
        assert!(!stands.contains(&Stand::Prepared), "{mode:?}: {stands:?}");
        bench.assert_committed(&attacked);
    }
}

#[test]
fn a23_whatever_else_wants_an_object_its_lock_stays_as_it_is() {
    for mode in [Mode::AllVotes, mode_alone(1)] {
        let mut bench = Bench::new();
        let attacked = transaction(&mut bench, mode);
        bench.prepare(0, &attacked);
        let x0 = bench.thing(0);
        let locks: Vec<_> = bench.ledger(0).locked().collect();
        assert_eq!(locks, [(x0.id(), vec![attacked.id()], true)]);
        for _ in 0..3 {
            let other = bench.again(&attacked);
            let applied = bench.prepare(0, &other);
            let AbortReason::Locked {
                object,
                holder,
                until,
            } = reason(&applied, &other)
            else {
                panic!("it is locked");
            };
            assert_eq!((object, holder), (x0.id(), attacked.id()));
            assert_eq!(until, attacked.body().valid_until);
            assert!(bench.ledger(0).locked().eq(locks.iter().cloned()));
        }
        bench.prepare_all(&attacked);
        bench.settle();
        bench.assert_committed(&attacked);
    }
}

#[test]
fn a24_a_promise_of_another_network_is_refused() {
    let mut here = Bench::new();
    let mut there = Bench::with(Profile::Open, "another bench");
    let ours = transaction(&mut here, mode_alone(0));
    let theirs = transaction(&mut there, mode_alone(0));
    assert_ne!(ours.id(), theirs.id(), "the network is in the identifier");
    let lie = there.lie(1, 0, &ours, Said::Yes);
    let delivery = there.with_votes(&lie);
    assert!(there.admit(0, &delivery).is_ok());
    assert!(here.admit(0, &delivery).is_err());
}

#[test]
fn a24_a_promise_of_another_shard_or_epoch_is_refused() {
    let mut bench = Bench::new();
    let attacked = transaction(&mut bench, mode_alone(0));
    bench.prepare_all(&attacked);
    let vote = bench.with_votes(&bench.parcel(1, 0, &attacked, Said::Yes));
    let mut of_2 = vote.clone();
    of_2.parcel.head.head.scope.shard = shard(2);
    assert!(bench.admit(0, &of_2).is_err());
    let mut later = vote.clone();
    later.parcel.head.head.scope.epoch = model::Epoch::new(1);
    assert!(bench.admit(0, &later).is_err());
    let mut of_us = vote;
    of_us.parcel.head.head.scope.shard = shard(0);
    assert!(bench.admit(0, &of_us).is_err());
}

#[test]
fn a24_the_mode_and_the_participants_are_in_the_identifier() {
    let mut bench = Bench::new();
    let attacked = transaction(&mut bench, mode_alone(0));
    let mut ids: Vec<_> = MODES
        .iter()
        .map(|mode| {
            let mut other = attacked.transaction().clone();
            other.body.mode = *mode;
            other.body.id()
        })
        .collect();
    let mut fewer = attacked.transaction().body.clone();
    fewer.participants.pop();
    ids.push(fewer.id());
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), MODES.len() + 1);
}

#[test]
fn a25_a_vote_on_the_same_traces_with_another_nonce_does_not_count() {
    let mut bench = Bench::new();
    let attacked = transaction(&mut bench, mode_alone(0));
    let old = bench.again(&attacked);
    bench.prepare(1, &old);
    bench.prepare(2, &old);
    bench.prepare(0, &attacked);
    bench.replay();
    assert_eq!(bench.stand(0, &attacked), Stand::Open);
    assert_eq!(bench.stand(0, &old), Stand::Unknown);
    bench.expire(0);
    assert_eq!(bench.stand(0, &attacked), Stand::Aborted);
    bench.settle();
    bench.assert_nothing_done(&attacked);
    bench.assert_nothing_done(&old);
}

#[test]
fn a26_a_decision_that_comes_after_the_deadline_is_carried_out_once() {
    for late in [1, 2] {
        let mut bench = Bench::new();
        let attacked = transaction(&mut bench, mode_alone(0));
        bench.prepare_all(&attacked);
        bench.carry_if(|parcel| parcel.leaves[0].to != shard(late));
        bench.expire(late);
        assert_eq!(bench.stand(late, &attacked), Stand::Prepared);
        let applied = bench.tell(0, late, &attacked, Said::Commit);
        assert_eq!(applied.created.len(), 1);
        assert_eq!(bench.said(late, 0, &attacked).last(), Some(&Said::Done));
        bench.assert_committed(&attacked);
        // Its record is over with the next block; it says again that it has done it, and does nothing.
        let applied = bench.tell(0, late, &attacked, Said::Commit);
        assert!(applied.created.is_empty() && applied.consumed.is_empty());
        bench.settle();
    }
}

#[test]
fn a27_an_abort_that_comes_before_its_transaction_wins() {
    let mut bench = Bench::new();
    let attacked = transaction(&mut bench, mode_alone(0));
    bench.prepare(0, &attacked);
    bench.lie(2, 0, &attacked, Said::No);
    bench.tell(2, 0, &attacked, Said::No);
    bench.tell(0, 1, &attacked, Said::Abort);
    assert_eq!(bench.stand(1, &attacked), Stand::Unknown);
    let applied = bench.prepare(1, &attacked);
    let refused = AbortReason::Refused { shard: shard(0) };
    assert_eq!(reason(&applied, &attacked), refused);
    assert!(!bench.is_locked(&bench.thing(1)));
    assert_eq!(bench.said(1, 0, &attacked), [Said::Done, Said::No]);
}

#[test]
fn a27_an_abort_of_somebody_who_does_not_decide_it_is_nothing() {
    let mut bench = Bench::new();
    let attacked = transaction(&mut bench, mode_alone(0));
    let lie = bench.lie(2, 1, &attacked, Said::Abort);
    bench.show(&lie);
    bench.prepare(1, &attacked);
    assert_eq!(bench.stand(1, &attacked), Stand::Prepared);
}

#[test]
fn v3_the_deadline_at_both_ends() {
    use model::bounds::VALIDITY_MS_MAX;
    for mode in MODES {
        for (ms, valid_ms, heard) in [
            (VALID_MS, VALID_MS, true),
            (VALID_MS + 1, VALID_MS, false),
            (7, 7 + VALIDITY_MS_MAX, true),
            (7, 8 + VALIDITY_MS_MAX, false),
        ] {
            let mut bench = Bench::new();
            let inputs: [Object; 2] = [bench.thing(0), bench.thing(1)];
            let inputs: Vec<&Object> = inputs.iter().collect();
            let traces = vec![trace(&inputs, &[], &[2])];
            let attacked = bench.transaction_until(mode, traces, &inputs, valid_ms);
            for number in participants(&attacked) {
                bench.pass(number, ms);
                let applied = bench.prepare(number, &attacked);
                let known = bench.stand(number, &attacked) != Stand::Unknown;
                assert_eq!(known, heard, "{mode:?}, {ms} ms, good until {valid_ms} ms");
                assert_eq!(outcome(&applied, &attacked), None);
            }
            let silent = bench.parcels.is_empty();
            assert!(heard || silent, "nothing is said of what is ignored");
        }
    }
}
