//! G: contracts. Who runs which checker (D13), and what no shard lets pass.

use model::transaction::{Authorized, Malformed};
use model::{AbortReason, Invalid, Mode, Object, ObjectId, Trace, bounds};

use super::bench::{Bench, Stand};
use super::setting::{MODES, narrow, outputs, participants, pure, reason, shard, trace, wide};

/// The same, wrong.
fn wrong(trace: Trace) -> Trace {
    Trace {
        procedure: "wrong".to_owned(),
        ..trace
    }
}

/// Why each participant that votes refuses, one by one; `None` if it votes for it.
fn refusals(bench: &Bench, transaction: &Authorized) -> Vec<(u32, Option<AbortReason>)> {
    let voters = participants(transaction)
        .into_iter()
        .filter(|number| transaction.body().mode != Mode::Decider(shard(*number)));
    voters
        .map(|number| {
            let mut bench = bench.clone();
            let applied = bench.prepare(number, transaction);
            let refused = bench.stand(number, transaction) == Stand::Aborted;
            (number, refused.then(|| reason(&applied, transaction)))
        })
        .collect()
}

#[track_caller]
fn assert_all_refuse(bench: &mut Bench, transaction: &Authorized, is: impl Fn(&Invalid) -> bool) {
    for (number, refusal) in refusals(bench, transaction) {
        let Some(AbortReason::Invalid(invalid)) = refusal else {
            panic!("shard {number}: {refusal:?}");
        };
        assert!(is(&invalid), "shard {number}: {invalid:?}");
    }
    bench.prepare_all(transaction);
    bench.settle();
    bench.assert_nothing_done(transaction);
}

#[test]
fn g1_d13_a_trace_without_objects_is_checked_by_all_participants() {
    for mode in MODES {
        let mut bench = Bench::new();
        let (x0, x1) = (bench.thing(0), bench.thing(1));
        let inputs = [&x0, &x1];
        let mut oracle = trace(&[], &[], &[]);
        oracle.contract = pure();
        let right = vec![oracle.clone(), trace(&inputs, &[], &[2])];
        let right = bench.transaction(mode, right, &inputs);
        assert!(
            refusals(&bench, &right)
                .iter()
                .all(|(_, refusal)| refusal.is_none())
        );
        let forged = vec![wrong(oracle), trace(&inputs, &[], &[2])];
        let forged = bench.transaction(mode, forged, &inputs);
        assert_all_refuse(
            &mut bench,
            &forged,
            |invalid| matches!(invalid, Invalid::CheckerRefused { contract, .. } if *contract == pure()),
        );
    }
}

#[test]
fn d13_a_shard_runs_the_checkers_of_contracts_that_it_has_objects_of_and_no_others() {
    let mut bench = Bench::new();
    let (w1, n0) = (bench.thing(1), bench.things(narrow(), 0).remove(0));
    let stone = bench.stone(1);
    for (traces, refusing) in [
        // An input of one contract in shard 1, of the other one in shard 0.
        (
            vec![wrong(trace(&[&w1], &[], &[1])), trace(&[&n0], &[], &[])],
            vec![1],
        ),
        (
            vec![trace(&[&w1], &[], &[1]), wrong(trace(&[&n0], &[], &[]))],
            vec![0],
        ),
        // An output is enough, and so is a reference.
        (
            vec![wrong(trace(&[&w1], &[], &[0])), trace(&[&n0], &[], &[])],
            vec![0, 1],
        ),
        (
            vec![wrong(trace(&[], &[&stone], &[])), trace(&[&n0], &[], &[])],
            vec![1],
        ),
    ] {
        let mut openings = vec![&n0];
        let uses = |object: &Object| {
            let id = object.id();
            let all = |trace: &Trace| trace.inputs.contains(&id) || trace.references.contains(&id);
            traces.iter().any(all)
        };
        openings.extend([&w1, &stone].into_iter().filter(|object| uses(object)));
        let judged = bench.transaction(Mode::AllVotes, traces.clone(), &openings);
        let refused: Vec<u32> = refusals(&bench, &judged)
            .into_iter()
            .filter_map(|(number, refusal)| refusal.map(|_| number))
            .collect();
        assert_eq!(refused, refusing);
    }
}

#[test]
fn d13_the_decider_runs_checkers_too() {
    let mut bench = Bench::new();
    let (w0, n1) = (bench.thing(0), bench.things(narrow(), 1).remove(0));
    let traces = vec![wrong(trace(&[&w0], &[], &[])), trace(&[&n1], &[], &[])];
    let judged = bench.transaction(Mode::Decider(shard(0)), traces, &[&w0, &n1]);
    assert!(
        refusals(&bench, &judged)
            .iter()
            .all(|(_, refusal)| refusal.is_none())
    );
    bench.prepare_all(&judged);
    bench.settle();
    assert!(bench.is_active(&w0) && bench.is_active(&n1) && !bench.is_locked(&n1));
}

#[test]
fn g1_an_unknown_contract_is_refused_by_all_participants() {
    let mut bench = Bench::new();
    let (x0, x1) = (bench.thing(0), bench.thing(1));
    let mut unknown = trace(&[], &[], &[]);
    unknown.contract = model::ContractId::system("unknown");
    let traces = vec![trace(&[&x0, &x1], &[], &[2]), unknown];
    let forged = bench.transaction(Mode::AllVotes, traces, &[&x0, &x1]);
    assert_all_refuse(&mut bench, &forged, |invalid| {
        matches!(invalid, Invalid::UnknownContract { .. })
    });
}

/// `T(x0, x1) -> (a0, b1)`, then whatever is done with `a0`, an object that only lives within the
/// transaction.
fn with_intermediate(
    bench: &mut Bench,
    mode: Mode,
    then: impl Fn(&ObjectId) -> Vec<Trace>,
    first: bool,
) -> Authorized {
    let (x0, x1) = (bench.thing(0), bench.thing(1));
    let make = trace(&[&x0, &x1], &[], &[0, 2]);
    let made = make.objects(make.id(&bench.genesis.network())).next();
    let mut traces = then(&made.expect("two outputs").id());
    let position = if first { 0 } else { traces.len() };
    traces.insert(position, make);
    bench.transaction(mode, traces, &[&x0, &x1])
}

fn uses(inputs: &[&ObjectId], references: &[&ObjectId]) -> Trace {
    Trace {
        inputs: inputs.iter().map(|id| **id).collect(),
        references: references.iter().map(|id| **id).collect(),
        ..trace(&[], &[], &[])
    }
}

#[test]
fn g2_an_object_that_lives_within_a_transaction_is_used_as_any_other() {
    for mode in MODES {
        let mut bench = Bench::new();
        let used = with_intermediate(&mut bench, mode, |made| vec![uses(&[made], &[])], true);
        bench.prepare_all(&used);
        bench.settle();
        let made = outputs(&used);
        assert!(!bench.is_active(&made[0]) && bench.is_active(&made[1]));
    }
}

#[test]
fn g2_used_before_it_is_made_or_after_it_is_gone_or_twice_is_refused_by_all() {
    let not_active = |invalid: &Invalid| matches!(invalid, Invalid::NotActive { .. });
    for mode in MODES {
        let mut bench = Bench::new();
        let early = with_intermediate(&mut bench, mode, |made| vec![uses(&[made], &[])], false);
        assert_all_refuse(&mut bench, &early, not_active);
        let twice = |made: &ObjectId| vec![uses(&[made], &[]), uses(&[made], &[])];
        let twice = with_intermediate(&mut bench, mode, twice, true);
        assert_all_refuse(&mut bench, &twice, not_active);
        let late = |made: &ObjectId| vec![uses(&[made], &[]), uses(&[], &[made])];
        let late = with_intermediate(&mut bench, mode, late, true);
        assert_all_refuse(&mut bench, &late, not_active);
        let both = |made: &ObjectId| vec![uses(&[made], &[made])];
        let both = with_intermediate(&mut bench, mode, both, true);
        let repeated = |invalid: &Invalid| matches!(invalid, Invalid::Repeated { .. });
        assert_all_refuse(&mut bench, &both, repeated);
    }
}

#[test]
fn g2_an_input_of_another_shard_is_consumed_once_within_a_transaction() {
    for mode in MODES {
        let mut bench = Bench::new();
        let (x0, x1) = (bench.thing(0), bench.thing(1));
        let traces = vec![trace(&[&x0, &x1], &[], &[2]), trace(&[&x1], &[], &[2])];
        let twice = bench.transaction(mode, traces, &[&x0, &x1]);
        assert_all_refuse(
            &mut bench,
            &twice,
            |invalid| matches!(invalid, Invalid::NotActive { object, .. } if *object == x1.id()),
        );
    }
}

#[test]
fn g5_a_trace_that_was_cut_out_of_a_transaction_is_another_transaction() {
    // Users sign the identifier, so the signatures of the whole are none of the part; that a signature
    // over something else is refused is tested with the form of transactions.
    let mut bench = Bench::new();
    let (x0, x1) = (bench.thing(0), bench.thing(1));
    let traces = vec![trace(&[&x0], &[], &[1]), trace(&[&x1], &[], &[0])];
    let whole = bench.transaction(Mode::Decider(shard(0)), traces, &[&x0, &x1]);
    let key = model::SecretKey::from_seed([200; 32]);
    let mut part = whole.transaction().clone();
    part.body.traces.pop();
    part.openings = vec![x0];
    part.authorizations = vec![model::Authorization::new(&key, &whole.id())];
    let network = bench.genesis.network();
    let part = part.check_form(&network).expect("well-formed");
    assert_ne!(part.id(), whole.id());
    assert!(part.verify(&mut model::key::Zip215).is_err());
}

#[test]
fn g6_an_input_with_another_content_is_another_object() {
    for mode in MODES {
        let mut bench = Bench::new();
        let (x0, x1) = (bench.thing(0), bench.thing(1));
        let swapped = Object {
            content: [7].into(),
            ..x1.clone()
        };
        // The traces name x1, and what is shown is not x1: this is not even well-formed.
        let honest = bench.swap(mode, &[&x0, &x1], &[2]);
        let mut forged = honest.transaction().clone();
        for opening in &mut forged.openings {
            if *opening == x1 {
                *opening = swapped.clone();
            }
        }
        forged.openings.sort_by_key(Object::id);
        assert!(forged.check_form(&bench.genesis.network()).is_err());
        // The traces name what is shown, and its home does not have it.
        let named = bench.swap(mode, &[&x0, &swapped], &[2]);
        bench.prepare_all(&named);
        bench.settle();
        assert!(bench.is_active(&x0) && bench.is_active(&x1));
        bench.assert_nothing_done(&named);
    }
}

#[test]
fn an_object_of_another_contract_is_refused_by_all() {
    let mut bench = Bench::new();
    let (w0, n1) = (bench.thing(0), bench.things(narrow(), 1).remove(0));
    let mut mixed = trace(&[&w0, &n1], &[], &[]);
    mixed.contract = wide();
    let mixed = bench.transaction(Mode::AllVotes, vec![mixed], &[&w0, &n1]);
    assert_all_refuse(&mut bench, &mixed, |invalid| {
        matches!(invalid, Invalid::ForeignType { .. })
    });
}

/// The first objects of a contract are those of the genesis document. Nothing makes more of them, once or
/// again: neither the contract, nor one that nobody has created, nor one that has objects of its own.
#[test]
fn g3_no_trace_makes_the_first_objects_of_a_contract() {
    let init = |trace: Trace| Trace {
        procedure: "init".to_owned(),
        ..trace
    };
    for mode in MODES {
        let mut bench = Bench::new();
        let again = bench.transaction(mode, vec![init(trace(&[], &[], &[0, 1]))], &[]);
        assert_all_refuse(&mut bench, &again, |invalid| {
            matches!(invalid, Invalid::OutputsWithoutInputs { .. })
        });
        let (x0, x1) = (bench.thing(0), bench.thing(1));
        let mut unknown = init(trace(&[&x0, &x1], &[], &[0, 1]));
        unknown.contract = model::ContractId::system("never created");
        let unknown = bench.transaction(mode, vec![unknown], &[&x0, &x1]);
        assert_all_refuse(&mut bench, &unknown, |invalid| {
            matches!(invalid, Invalid::UnknownContract { .. })
        });
    }
    for mode in [Mode::AllVotes, Mode::Decider(shard(0))] {
        let mut bench = Bench::new();
        let (x0, x1) = (bench.thing(0), bench.thing(1));
        let mut foreign = init(trace(&[&x0, &x1], &[], &[0, 1]));
        foreign.contract = narrow();
        let foreign = bench.transaction(mode, vec![foreign], &[&x0, &x1]);
        assert_all_refuse(&mut bench, &foreign, |invalid| {
            matches!(invalid, Invalid::ForeignType { .. })
        });
    }
}

/// Checkers are code of the node, and nothing stops one that does not end. What bounds their work is the
/// form of a transaction, which is checked before anybody votes on it; within it all members vote alike.
#[test]
fn g4_a_transaction_with_as_much_work_as_may_be_is_judged_alike_by_all_members() {
    for mode in MODES {
        let mut bench = Bench::new();
        let (x0, x1) = (bench.thing(0), bench.thing(1));
        let mut oracle = trace(&[], &[], &[]);
        oracle.contract = pure();
        let mut traces = vec![trace(&[&x0, &x1], &[], &[2])];
        traces.resize(bounds::TRACES_MAX, oracle.clone());
        let right = bench.transaction(mode, traces.clone(), &[&x0, &x1]);
        traces.pop();
        traces.push(wrong(oracle.clone()));
        let refused = bench.transaction(mode, traces.clone(), &[&x0, &x1]);
        for judged in [&right, &refused] {
            for number in participants(judged) {
                let members = [(); 4].map(|()| bench.clone().prepare(number, judged));
                assert!(members.iter().all(|member| *member == members[0]));
            }
        }
        let mut more = right.transaction().clone();
        more.body.traces.push(oracle);
        let too_much = Malformed::TooMuch {
            what: "traces",
            limit: bounds::TRACES_MAX,
            found: bounds::TRACES_MAX + 1,
        };
        let network = bench.genesis.network();
        assert_eq!(more.check_form(&network).err(), Some(too_much));
        assert_all_refuse(
            &mut bench,
            &refused,
            |invalid| matches!(invalid, Invalid::CheckerRefused { contract, .. } if *contract == pure()),
        );
        bench.prepare_all(&right);
        bench.settle();
        bench.assert_committed(&right);
    }
}
