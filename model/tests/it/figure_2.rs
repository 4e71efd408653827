//! The sequence rule and the check rule, and each way in which a transaction is not valid.
//!
//! Paper: Section III, Figure 2.

use std::collections::BTreeSet;
use std::slice::from_ref;
use std::sync::Mutex;

use model::active_set::Effects;
use model::bounds::{DEPENDENCY_DEPTH_MAX, TRACES_MAX};
use model::key::Zip215;
use model::{
    Call, Checker, Checkers, ContractId, Invalid, Object, ObjectId, ObjectType, PublicKey, Refusal,
    Trace, TraceId, validity,
};

use crate::world::{
    CLOSED, Contracts, NETWORK, OPEN, OTHER, THING, UNKNOWN, active, authorized, created, key,
    output, thing, trace, transaction,
};

/// Three objects of [`OPEN`] that are active, and one that is known but not active.
fn objects() -> [Object; 4] {
    [0, 1, 2, 3].map(|index| thing(OPEN, index, 0))
}

/// Judges `traces` where the first three of [`objects`] are active.
fn judge(traces: &[Trace]) -> Result<Effects, Invalid> {
    let known = objects();
    validity::valid(
        &active(&known[..3]),
        &authorized(traces, &known),
        &Contracts,
    )
}

#[track_caller]
fn check(traces: &[Trace], expected: Invalid) {
    assert_eq!(judge(traces), Err(expected));
}

/// Checks that `traces` are valid and have this effect.
#[track_caller]
fn check_effects(traces: &[Trace], consumed: &[&Object], created: &[&Object]) {
    let effects = judge(traces).expect("valid");
    let ids = |objects: &[&Object]| -> BTreeSet<ObjectId> {
        objects.iter().map(|object| object.id()).collect()
    };
    assert_eq!(effects.consumed, ids(consumed));
    assert_eq!(
        effects.created.into_keys().collect::<BTreeSet<_>>(),
        ids(created)
    );
}

fn not_active(trace: &Trace, object: &Object) -> Invalid {
    Invalid::NotActive {
        trace: trace.id(&NETWORK),
        object: object.id(),
    }
}

fn reading(trace: Trace, references: &[&Object]) -> Trace {
    Trace {
        references: references.iter().map(|object| object.id()).collect(),
        ..trace
    }
}

fn calling(trace: Trace, dependencies: &[&Trace]) -> Trace {
    Trace {
        dependencies: dependencies.iter().copied().cloned().collect(),
        ..trace
    }
}

fn of(contract: ContractId, trace: Trace) -> Trace {
    Trace { contract, ..trace }
}

#[test]
fn a_trace_consumes_its_inputs_and_creates_its_outputs() {
    let [a, b, ..] = objects();
    let t = trace(&[&a, &b], 2);
    let [x, y] = &*created(&t) else {
        panic!("two outputs")
    };
    check_effects(&[t], &[&a, &b], &[x, y]);
}

#[test]
fn a_trace_without_outputs_needs_no_inputs() {
    let [a, b, ..] = objects();
    check_effects(&[trace(&[], 0)], &[], &[]);
    check_effects(&[reading(trace(&[], 0), &[&a, &b])], &[], &[]);
    check_effects(&[trace(&[&a], 0)], &[&a], &[]);
}

#[test]
fn sequence_rule_each_trace_is_judged_in_the_context_the_one_before_left() {
    let [a, ..] = objects();
    let first = trace(&[&a], 1);
    let made = created(&first).remove(0);
    let second = trace(&[&made], 1);
    let last = created(&second).remove(0);
    check_effects(&[first.clone(), second.clone()], &[&a], &[&last]);
    check(&[second.clone(), first], not_active(&second, &made));
}

#[test]
fn check_rule_the_dependencies_come_before_the_trace_that_calls_them() {
    let [a, b, ..] = objects();
    let below = trace(&[&a], 1);
    let made = created(&below).remove(0);
    let above = calling(trace(&[&made, &b], 1), &[&below]);
    let last = created(&above).remove(0);
    check_effects(&[above], &[&a, &b], &[&last]);
}

#[test]
fn check_rule_dependencies_are_a_sequence_themselves() {
    let [a, b, ..] = objects();
    let first = trace(&[&a], 1);
    let second = trace(&[&created(&first)[0]], 1);
    let made = created(&second).remove(0);
    let above = calling(trace(&[&made, &b], 0), &[&first, &second]);
    check_effects(&[above], &[&a, &b], &[]);
    let reversed = calling(trace(&[&made, &b], 0), &[&second, &first]);
    check(&[reversed], not_active(&second, &created(&first)[0]));
}

#[test]
fn the_data_flow_is_depth_first() {
    // t1 calls t0; t3 calls t2; t2 needs what t1 made, and t1 what t0 made.
    let [a, b, c, _] = objects();
    let t0 = trace(&[&a], 1);
    let t1 = calling(trace(&[&created(&t0)[0]], 1), &[&t0]);
    let t2 = trace(&[&created(&t1)[0], &b], 1);
    let t3 = calling(trace(&[&created(&t2)[0], &c], 1), &[&t2]);
    let last = created(&t3).remove(0);
    check_effects(&[t1.clone(), t3.clone()], &[&a, &b, &c], &[&last]);
    check(&[t3, t1.clone()], not_active(&t2, &created(&t1)[0]));
}

#[test]
fn an_object_is_consumed_once_in_a_transaction() {
    let [a, b, ..] = objects();
    let (first, second) = (trace(&[&a], 1), trace(&[&a, &b], 1));
    check(&[first.clone(), second.clone()], not_active(&second, &a));
    // The dependency consumes before its caller does, whatever the caller was for.
    let caller = calling(second, &[&first]);
    check(from_ref(&caller), not_active(&caller, &a));
}

#[test]
fn what_is_made_and_consumed_within_a_transaction_leaves_nothing() {
    let [a, ..] = objects();
    let first = trace(&[&a], 2);
    let made = created(&first);
    let second = trace(&[&made[0]], 0);
    check_effects(&[first, second], &[&a], &[&made[1]]);
}

#[test]
fn what_is_read_stays_active() {
    let [a, b, ..] = objects();
    let reads_b = reading(trace(&[&a], 0), &[&b]);
    let again = reading(trace(&[], 0), &[&b]);
    let consumes_b = trace(&[&b], 0);
    check_effects(
        &[reads_b, again.clone(), consumes_b.clone()],
        &[&a, &b],
        &[],
    );
    check(&[consumes_b, again.clone()], not_active(&again, &b));
}

#[test]
fn side_condition_1_inputs_and_references_are_active() {
    let [a, b, _, inactive] = objects();
    let t = trace(&[&a, &inactive], 1);
    check(from_ref(&t), not_active(&t, &inactive));
    let t = reading(trace(&[&a], 1), &[&b, &inactive]);
    check(from_ref(&t), not_active(&t, &inactive));
}

#[test]
fn side_condition_1_no_object_is_named_twice() {
    let [a, b, ..] = objects();
    let repeated = |t: &Trace, object: &Object| Invalid::Repeated {
        trace: t.id(&NETWORK),
        object: object.id(),
    };
    let twice_consumed = trace(&[&a, &b, &a], 1);
    let twice_read = reading(trace(&[&a], 1), &[&b, &b]);
    let consumed_and_read = reading(trace(&[&a], 1), &[&a]);
    check(from_ref(&twice_consumed), repeated(&twice_consumed, &a));
    check(from_ref(&twice_read), repeated(&twice_read, &b));
    check(
        from_ref(&consumed_and_read),
        repeated(&consumed_and_read, &a),
    );
}

#[test]
fn side_condition_2_outputs_need_inputs() {
    let [a, ..] = objects();
    let from_nothing = trace(&[], 1);
    let from_references = reading(trace(&[], 1), &[&a]);
    let from_a_dependency = calling(trace(&[], 1), &[&trace(&[&a], 0)]);
    for t in [from_nothing, from_references, from_a_dependency] {
        let id = t.id(&NETWORK);
        check(&[t], Invalid::OutputsWithoutInputs { trace: id });
    }
}

#[test]
fn side_condition_3_all_objects_are_of_types_of_the_contract() {
    let foreign = thing(OTHER, 0, 0);
    let undefined = Object {
        object_type: ObjectType {
            contract: OPEN,
            name: "another thing".to_owned(),
        },
        ..thing(OPEN, 9, 0)
    };
    let [a, ..] = objects();
    let known = [a.clone(), foreign.clone(), undefined.clone()];
    let judge = |t: &Trace| {
        validity::valid(
            &active(&known),
            &authorized(from_ref(t), &known),
            &Contracts,
        )
    };
    let check = |t: Trace, object: &Object| {
        let refused = Invalid::ForeignType {
            trace: t.id(&NETWORK),
            contract: t.contract,
            object: object.id(),
        };
        assert_eq!(judge(&t), Err(refused));
    };
    check(trace(&[&a, &foreign], 1), &foreign);
    check(trace(&[&a, &undefined], 1), &undefined);
    check(reading(trace(&[&a], 1), &[&foreign]), &foreign);
    check(reading(trace(&[&a], 1), &[&undefined]), &undefined);
    check(of(OTHER, trace(&[&a], 0)), &a);

    let mut makes_undefined = trace(&[&a], 2);
    makes_undefined.outputs[1].type_name = "another thing".to_owned();
    let made = created(&makes_undefined).remove(1);
    check(makes_undefined, &made);
}

#[test]
fn a_contract_that_nobody_knows_accepts_nothing() {
    let t = of(UNKNOWN, trace(&[], 0));
    let unknown = Invalid::UnknownContract {
        trace: t.id(&NETWORK),
        contract: UNKNOWN,
    };
    check(from_ref(&t), unknown);
    check(&[calling(trace(&[], 0), &[&t])], unknown);
}

#[test]
fn the_checker_has_the_last_word() {
    let t = of(CLOSED, trace(&[], 0));
    let refused = Invalid::CheckerRefused {
        trace: t.id(&NETWORK),
        contract: CLOSED,
    };
    check(from_ref(&t), refused);
    check(&[trace(&[], 0), t.clone(), trace(&[], 0)], refused);
    check(&[calling(trace(&[], 0), &[&t])], refused);
}

/// Judges `traces` as a shard does that runs only the checkers of `mandate`.
fn judge_within(traces: &[Trace], mandate: &[ContractId]) -> Result<Effects, Invalid> {
    let known = objects();
    validity::valid_within(
        &active(&known[..3]),
        &authorized(traces, &known),
        &Contracts,
        &mandate.iter().copied().collect(),
    )
}

#[test]
fn the_checkers_of_the_mandate_are_run_and_no_others() {
    let [a, ..] = objects();
    let used = trace(&[&a], 1);
    for contract in [CLOSED, UNKNOWN] {
        let called = of(contract, trace(&[], 0));
        let traces = [calling(used.clone(), &[&called])];
        let refused = judge(&traces).map(drop);
        assert!(refused.is_err());
        assert_eq!(judge_within(&traces, &[OPEN, contract]).map(drop), refused);
        let effects = judge_within(&traces, &[OPEN]).expect("others check that contract");
        assert_eq!(effects.consumed, BTreeSet::from([a.id()]));
        assert_eq!(effects.created.len(), 1);
    }
}

#[test]
fn all_other_premises_are_checked_of_traces_outside_the_mandate() {
    let [a, b, _, inactive] = objects();
    let foreign = thing(OTHER, 0, 0);
    let traces = [
        trace(&[&inactive], 0),
        trace(&[&a, &a], 0),
        reading(trace(&[&a], 0), &[&a]),
        trace(&[], 1),
        of(OTHER, trace(&[&b], 0)),
        calling(trace(&[&a], 0), &[&trace(&[&a], 0)]),
    ];
    for trace in traces {
        let expected = judge(from_ref(&trace)).map(drop);
        assert!(expected.is_err());
        assert_eq!(judge_within(from_ref(&trace), &[]).map(drop), expected);
    }
    // The contract of an object is checked by all; the name of its type by those who know it.
    let own = of(OTHER, trace(&[&foreign], 0));
    let strange = Trace {
        outputs: vec![model::Output {
            type_name: "unheard of".to_owned(),
            ..output(0, 0)
        }],
        ..own
    };
    let alpha = active(from_ref(&foreign));
    let transaction = authorized(from_ref(&strange), from_ref(&foreign));
    let within = |mandate: &[ContractId]| {
        let mandate = mandate.iter().copied().collect();
        validity::valid_within(&alpha, &transaction, &Contracts, &mandate).map(drop)
    };
    assert_eq!(within(&[OPEN]), Ok(()));
    assert!(matches!(within(&[OTHER]), Err(Invalid::ForeignType { .. })));
}

#[test]
fn the_first_premise_that_fails_depth_first_is_the_one_reported() {
    let [a, _, _, inactive] = objects();
    let bad_input = trace(&[&inactive], 0);
    let no_input = calling(trace(&[], 1), &[&bad_input]);
    check(&[no_input], not_active(&bad_input, &inactive));
    let closed = of(CLOSED, trace(&[], 0));
    check(
        &[trace(&[&a], 0), closed.clone(), bad_input],
        Invalid::CheckerRefused {
            trace: closed.id(&NETWORK),
            contract: CLOSED,
        },
    );
}

/// What a checker saw of one call.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    contract: ContractId,
    procedure: String,
    inputs: Vec<Object>,
    references: Vec<Object>,
    local_parameters: Vec<u8>,
    outputs: Vec<Object>,
    local_returns: Vec<u8>,
    dependencies: Vec<Seen>,
    signers: BTreeSet<PublicKey>,
}

impl Seen {
    fn of(call: &Call<'_>) -> Self {
        let plain = |objects: &[std::sync::Arc<Object>]| {
            objects.iter().map(|object| Object::clone(object)).collect()
        };
        assert_eq!(call.network, NETWORK);
        Self {
            contract: call.contract,
            procedure: call.procedure.to_owned(),
            inputs: plain(&call.inputs),
            references: plain(&call.references),
            local_parameters: call.local_parameters.to_vec(),
            outputs: plain(&call.outputs),
            local_returns: call.local_returns.to_vec(),
            dependencies: call.dependencies.iter().map(Self::of).collect(),
            signers: call.signers.clone(),
        }
    }
}

/// A checker of every contract that accepts, and remembers what it saw.
#[derive(Default)]
struct Witness(Mutex<Vec<Seen>>);

impl Checker for Witness {
    fn defines(&self, name: &str) -> bool {
        name == THING
    }

    fn check(&self, call: &Call<'_>) -> Result<(), Refusal> {
        self.0.lock().expect("one thread").push(Seen::of(call));
        Ok(())
    }
}

impl Checkers for Witness {
    fn checker(&self, _contract: &ContractId) -> Option<&dyn Checker> {
        Some(self)
    }
}

#[test]
fn the_checker_sees_the_arguments_of_equation_2_and_who_signed() {
    let [a, b, ..] = objects();
    let foreign = thing(OTHER, 5, 0);
    let below = of(OTHER, trace(&[&foreign], 1));
    let above = Trace {
        procedure: "call".to_owned(),
        local_parameters: [1, 2].into(),
        local_returns: [3].into(),
        outputs: vec![output(4, 7)],
        ..calling(reading(trace(&[&a], 0), &[&b]), &[&below])
    };
    let known = [a.clone(), b.clone(), foreign.clone()];
    let authorized = transaction(from_ref(&above), &known, &[1, 2])
        .check_form(&NETWORK)
        .and_then(|well_formed| well_formed.verify(&mut Zip215))
        .expect("well-formed and signed");
    let witness = Witness::default();
    validity::valid(&active(&known), &authorized, &witness).expect("valid");

    let signers = BTreeSet::from([key(1), key(2)]);
    let seen_below = Seen {
        contract: OTHER,
        procedure: "do".to_owned(),
        inputs: vec![foreign],
        references: Vec::new(),
        local_parameters: Vec::new(),
        outputs: created(&below),
        local_returns: Vec::new(),
        dependencies: Vec::new(),
        signers: signers.clone(),
    };
    let seen_above = Seen {
        contract: OPEN,
        procedure: "call".to_owned(),
        inputs: vec![a],
        references: vec![b],
        local_parameters: vec![1, 2],
        outputs: created(&above),
        local_returns: vec![3],
        dependencies: vec![seen_below.clone()],
        signers,
    };
    let seen = witness.0.into_inner().expect("one thread");
    assert_eq!(seen, [seen_below, seen_above]);
}

/// However traces are nested, no checker runs more often than there may be traces.
#[test]
fn g4_a_checker_runs_once_for_each_trace() {
    let depth = DEPENDENCY_DEPTH_MAX;
    let tower = (1..depth).fold(trace(&[], 0), |below, _| calling(trace(&[], 0), &[&below]));
    let towers = vec![tower; TRACES_MAX / depth];
    let witness = Witness::default();
    validity::valid(&active(&[]), &authorized(&towers, &[]), &witness).expect("valid");
    let seen = witness.0.into_inner().expect("one thread");
    assert_eq!(seen.len(), TRACES_MAX);
}

#[test]
fn the_identifier_of_a_trace_is_the_same_however_it_is_computed() {
    let [a, b, ..] = objects();
    let below = trace(&[&a], 1);
    let above = calling(trace(&[&b], 1), &[&below]);
    let ids: Vec<TraceId> = vec![below.id(&NETWORK)];
    assert_eq!(above.id(&NETWORK), above.id_above(&NETWORK, &ids));
    assert_ne!(above.id(&NETWORK), above.id_above(&NETWORK, &[]));
}
