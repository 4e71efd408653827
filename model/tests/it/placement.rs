//! Which objects a transaction needs, and which shards it concerns.
//!
//! Paper: Section IV-B, zeta, xi and `Phi(T)`.

use std::collections::BTreeSet;
use std::slice::from_ref;

use model::placement::{Footprint, How};
use model::{
    ContractId, Mode, Object, ObjectId, Output, ShardId, Trace, TransactionBody, placement,
};

use crate::world::{
    CLOSED, OPEN, OTHER, authorized, created, output, shard, thing, trace, transaction,
};

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

/// A transaction with something of everything, and what it touches in each shard: a trace of
/// [`OPEN`] that consumes in shard 0, reads in shard 1 and creates in shard 7; below it one of
/// [`OTHER`] that consumes in shard 2 and creates in the shards 0 and 8; and one that consumes what
/// was created in shard 7, and calls [`CLOSED`], which uses nothing.
fn rich() -> (Footprint, Vec<(u32, ObjectId, ContractId, How)>) {
    let [a, b, ..] = objects();
    let c = thing(OTHER, 0, 2);
    let below = Trace {
        contract: OTHER,
        ..making(vec![output(0, 0), output(8, 0)], trace(&[&c], 0))
    };
    let made = created(&below);
    let above = Trace {
        references: vec![b.id()],
        dependencies: vec![below],
        ..making(vec![output(7, 0)], trace(&[&a], 0))
    };
    let idle = Trace {
        contract: CLOSED,
        ..trace(&[], 0)
    };
    let last = Trace {
        dependencies: vec![idle],
        ..trace(&[&created(&above)[0]], 0)
    };
    let expected = vec![
        (0, a.id(), OPEN, How::Consumes),
        (0, made[0].id(), OTHER, How::Creates),
        (1, b.id(), OPEN, How::References),
        (2, c.id(), OTHER, How::Consumes),
        (8, made[1].id(), OTHER, How::Creates),
    ];
    let transaction = authorized(&[above, last], &[a, b, c]);
    (transaction.footprint().clone(), expected)
}

#[test]
fn a_footprint_is_the_free_objects_and_the_outputs_that_survive() {
    let (footprint, expected) = rich();
    assert_eq!(footprint.touches().len(), expected.len());
    for number in 0..10 {
        let mut here: Vec<_> = expected
            .iter()
            .filter(|(home, ..)| *home == number)
            .map(|(_, object, contract, how)| (*object, *contract, *how))
            .collect();
        let mut found: Vec<_> = footprint
            .at(shard(number))
            .map(|touch| (touch.object, touch.contract, touch.how))
            .collect();
        here.sort_by_key(|(object, ..)| *object);
        found.sort_by_key(|(object, ..)| *object);
        assert_eq!(found, here, "shard {number}");
    }
}

#[test]
fn what_is_consumed_and_read_by_different_traces_is_consumed() {
    let [a, ..] = objects();
    let reads = Trace {
        references: vec![a.id()],
        ..trace(&[], 0)
    };
    let transaction = authorized(&[reads, trace(&[&a], 0)], from_ref(&a));
    let touches = transaction.footprint().touches();
    assert_eq!(touches.len(), 1);
    assert_eq!((touches[0].object, touches[0].how), (a.id(), How::Consumes));
}

#[test]
fn the_mandate_of_a_shard_is_what_it_holds_and_what_nobody_holds() {
    let (footprint, _) = rich();
    let mandate = |number| footprint.mandate(shard(number));
    assert_eq!(mandate(0), BTreeSet::from([OPEN, OTHER, CLOSED]));
    assert_eq!(mandate(1), BTreeSet::from([OPEN, CLOSED]));
    assert_eq!(mandate(2), BTreeSet::from([OTHER, CLOSED]));
    assert_eq!(mandate(8), BTreeSet::from([OTHER, CLOSED]));
    // A shard that holds nothing of it, such as one that only decides.
    assert_eq!(mandate(9), BTreeSet::from([CLOSED]));
}

#[test]
fn a_transaction_that_concerns_one_shard_is_alone_there() {
    let [a, b, ..] = objects();
    let alone = authorized(&[trace(&[&a], 1)], from_ref(&a));
    assert!(alone.is_alone(shard(0)));
    assert!(!alone.is_alone(shard(1)));
    let shared = authorized(&[trace(&[&a, &b], 0)], &[a, b]);
    assert!(!shared.is_alone(shard(0)));
}
