//! Identifiers bind what the paper says, and content and home besides.
//!
//! Paper: Section IV-A, Hash-DAG. Deviation: D-1.

use std::collections::BTreeSet;

use model::{NetworkId, Object, ObjectId, Trace, TraceId};

use crate::world::{CLOSED, NETWORK, OPEN, output, shard, thing, trace};

fn objects() -> [ObjectId; 3] {
    [0, 1, 2].map(|index| thing(OPEN, index, 0).id())
}

fn example() -> Trace {
    let [a, b, c] = objects();
    Trace {
        inputs: vec![a, b],
        references: vec![c],
        outputs: vec![output(0, 0), output(1, 1)],
        local_parameters: [1, 2].into(),
        local_returns: [3].into(),
        dependencies: vec![trace(&[], 0)],
        ..trace(&[], 0)
    }
}

#[test]
fn everything_that_defines_a_trace_is_in_its_identifier() {
    let changes: [fn(&mut Trace); 14] = [
        |_| {},
        |trace| trace.contract = CLOSED,
        |trace| trace.procedure.push('2'),
        |trace| trace.inputs.swap(0, 1),
        |trace| trace.inputs.truncate(1),
        |trace| trace.references.clear(),
        |trace| {
            // The same objects, but one is read instead of consumed.
            let moved = trace.inputs.pop().expect("two inputs");
            trace.references.insert(0, moved);
        },
        |trace| trace.local_parameters = [1].into(),
        |trace| trace.local_returns = [4].into(),
        |trace| {
            // The same bytes, but the border between the two is elsewhere.
            trace.local_parameters = [1].into();
            trace.local_returns = [2, 3].into();
        },
        |trace| trace.dependencies.clear(),
        |trace| trace.dependencies.push(trace.dependencies[0].clone()),
        |trace| trace.dependencies[0].procedure.push('2'),
        |trace| trace.dependencies[0].local_returns = [4].into(),
    ];
    let mut ids: BTreeSet<TraceId> = changes
        .iter()
        .map(|change| {
            let mut trace = example();
            change(&mut trace);
            trace.id(&NETWORK)
        })
        .collect();
    ids.insert(example().id(&NetworkId::from_bytes([8; 32])));
    assert_eq!(ids.len(), changes.len() + 1);
}

#[test]
fn the_outputs_are_not_in_the_identifier_of_a_trace() {
    let mut other = example();
    other.outputs.remove(0);
    assert_eq!(other.id(&NETWORK), example().id(&NETWORK));
}

#[test]
fn everything_in_an_object_is_in_its_identifier() {
    let changes: [fn(&mut Object); 8] = [
        |_| {},
        |object| object.trace = TraceId::from_bytes([1; 32]),
        |object| object.index = 1,
        |object| object.object_type.contract = CLOSED,
        |object| object.object_type.name.push('2'),
        |object| object.home = shard(1),
        |object| object.content = [1].into(),
        |object| object.content = [].into(),
    ];
    let ids: BTreeSet<ObjectId> = changes
        .iter()
        .map(|change| {
            let mut object = thing(OPEN, 0, 0);
            change(&mut object);
            object.id()
        })
        .collect();
    assert_eq!(ids.len(), changes.len());
}

#[test]
fn outputs_that_are_alike_are_different_objects() {
    let trace = Trace {
        outputs: vec![output(0, 0); 5],
        ..example()
    };
    let ids: BTreeSet<ObjectId> = trace
        .objects(trace.id(&NETWORK))
        .map(|object| object.id())
        .collect();
    assert_eq!(ids.len(), 5);
}
