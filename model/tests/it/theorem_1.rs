//! Security Theorem 1: no sequence of valid transactions creates an object with the identifier of
//! one that has been active before.
//!
//! Paper: Section IV-A.

use std::cell::Cell;
use std::collections::BTreeSet;

use model::{Invalid, ObjectId, Trace, validity};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::history::{History, step};
use crate::naive::{Naive, Rules};
use crate::world::{Contracts, NETWORK, OPEN, active, authorized, cases, thing, trace};

/// The first identifier that occurs twice.
fn repeated(ids: &[ObjectId]) -> Option<ObjectId> {
    let mut seen = BTreeSet::new();
    ids.iter().copied().find(|id| !seen.insert(*id))
}

#[test]
fn theorem_1_no_object_id_is_created_twice() {
    let (valid, refused) = (Cell::new(0), Cell::new(0));
    let histories = proptest::collection::vec(step(), 1..24);
    TestRunner::new(cases(300))
        .run(&histories, |steps| {
            let mut history = History::new();
            for step in &steps {
                history.submit(step)?;
                prop_assert_eq!(repeated(&history.naive.created), None);
            }
            valid.set(valid.get() + history.valid.len());
            refused.set(refused.get() + history.refused());
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
    assert!(valid.get() > 500, "only {} were valid", valid.get());
    assert!(refused.get() > 500, "only {} were refused", refused.get());
}

/// The control: the theorem rests on the second side condition.
#[test]
fn theorem_1_fails_without_the_side_condition_that_outputs_need_inputs() {
    let from_nothing = trace(&[], 1);
    let again = [from_nothing.clone(), from_nothing.clone()];
    for history in [vec![&again[..1], &again[1..]], vec![&again[..]]] {
        let mut naive = Naive::default();
        for traces in &history {
            assert!(naive.apply(Rules::WithoutSideCondition2, traces));
        }
        assert!(repeated(&naive.created).is_some(), "created twice");
    }
    let refused = Invalid::OutputsWithoutInputs {
        trace: from_nothing.id(&NETWORK),
    };
    let alpha = active(&[]);
    assert_eq!(
        validity::valid(&alpha, &authorized(&[from_nothing], &[]), &Contracts),
        Err(refused)
    );
}

/// The case of the induction that one might overlook: an object that lives and dies within one
/// transaction, whose trace is submitted again below another one.
#[test]
fn theorem_1_a_trace_cannot_run_again_below_another() {
    let first = thing(OPEN, 0, 0);
    let makes = trace(&[&first], 1);
    let made = makes.objects(makes.id(&NETWORK)).next().expect("one");
    let uses = trace(&[&made], 1);
    let mut uses_again = uses.clone();
    uses_again.dependencies = vec![makes.clone()];
    let known = [first.clone(), made];
    let judge = |traces: &[Trace]| {
        let alpha = active(std::slice::from_ref(&first));
        validity::valid(&alpha, &authorized(traces, &known), &Contracts).map(|_| ())
    };
    assert_eq!(judge(&[makes.clone(), uses.clone()]), Ok(()));
    assert_eq!(
        judge(&[makes.clone(), uses, uses_again]),
        Err(Invalid::NotActive {
            trace: makes.id(&NETWORK),
            object: first.id(),
        })
    );
}
