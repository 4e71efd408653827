//! Which objects a transaction needs, and which shards it concerns.
//!
//! Paper: Section IV-B, zeta, xi and `Phi(T)`.

use std::collections::BTreeSet;
use std::slice::from_ref;

use model::{Mode, Object, ObjectId, Output, ShardId, Trace, TransactionBody, placement};

use crate::world::{OPEN, created, output, shard, thing, trace, transaction};

fn body(traces: &[Trace], mode: Mode) -> TransactionBody {
    TransactionBody {
        mode,
        ..transaction(traces, &[], &[]).body
    }
}

/// Objects in the shards 0, 1, 2 and 3.
fn objects() -> [Object; 4] {
    [0, 1, 2, 3].map(|home| thing(OPEN, 0, home))
}

fn ids<'a>(objects: impl IntoIterator<Item = &'a Object>) -> BTreeSet<ObjectId> {
    objects.into_iter().map(Object::id).collect()
}

#[track_caller]
fn check_participants(traces: &[Trace], mode: Mode, expected: &[u32]) {
    let body = body(traces, mode);
    let free = placement::free_objects(&body);
    let homes = objects()
        .into_iter()
        .filter(|object| free.contains(&object.id()))
        .map(|object| object.home);
    let found = placement::participants(&body, homes);
    let expected: Vec<ShardId> = expected.iter().map(|number| shard(*number)).collect();
    assert!(found.iter().eq(&expected), "{found:?}");
}

fn making(outputs: Vec<Output>, trace: Trace) -> Trace {
    Trace { outputs, ..trace }
}

#[test]
fn free_objects_are_those_used_and_not_created() {
    let [a, b, c, d] = objects();
    let below = trace(&[&a], 2);
    let made = created(&below);
    let above = Trace {
        references: vec![b.id(), made[1].id()],
        dependencies: vec![below],
        ..trace(&[&made[0], &c], 1)
    };
    let last = Trace {
        references: vec![d.id()],
        ..trace(&[&created(&above)[0]], 0)
    };
    let free = placement::free_objects(&body(&[above, last], Mode::AllVotes));
    assert_eq!(free, ids([&a, &b, &c, &d]));
}

#[test]
fn an_object_that_is_made_is_not_free_even_where_it_is_used_too_early() {
    let [a, ..] = objects();
    let makes = trace(&[&a], 1);
    let uses = trace(&[&created(&makes)[0]], 0);
    let free = placement::free_objects(&body(&[uses, makes], Mode::AllVotes));
    assert_eq!(free, ids([&a]));
}

#[test]
fn the_homes_of_inputs_and_references_are_concerned() {
    let [_, b, c, _] = objects();
    let t = Trace {
        references: vec![c.id()],
        ..trace(&[&b], 0)
    };
    check_participants(&[t], Mode::AllVotes, &[1, 2]);
    check_participants(&[trace(&[], 0)], Mode::AllVotes, &[]);
}

#[test]
fn the_homes_of_outputs_that_survive_are_witnesses() {
    let [_, b, ..] = objects();
    let first = making(vec![output(7, 0), output(8, 0)], trace(&[&b], 0));
    check_participants(from_ref(&first), Mode::AllVotes, &[1, 7, 8]);
    // What shard 7 would hold is consumed on the way, so it never hears of it.
    let second = making(vec![output(9, 0)], trace(&[&created(&first)[0]], 0));
    check_participants(&[first, second], Mode::AllVotes, &[1, 8, 9]);
}

#[test]
fn the_decider_votes_wherever_the_objects_are() {
    let [_, b, ..] = objects();
    let traces = [trace(&[&b], 0)];
    check_participants(&traces, Mode::Decider(shard(1)), &[1]);
    check_participants(&traces, Mode::Decider(shard(0)), &[0, 1]);
}
