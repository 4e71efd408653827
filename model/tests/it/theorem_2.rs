//! Security Theorem 2: if a contract appears in a trace of a transaction, a shard that manages an
//! object of one of its types is concerned.
//!
//! The paper's proof takes for granted that each trace uses an object. A trace that uses none is
//! shown here to be the exception; all participants check such a contract (decision D13).
//!
//! Paper: Section IV-B.

use std::cell::Cell;
use std::collections::BTreeSet;

use model::transaction::Authorized;
use model::{ContractId, Trace};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::history::{History, step};
use crate::world::{OPEN, OTHER, cases, thing, trace, transaction};

/// The contracts of all traces, if each trace uses an object.
fn contracts(traces: &[Trace]) -> Option<BTreeSet<ContractId>> {
    let mut contracts = BTreeSet::new();
    let mut all_use_objects = true;
    for trace in traces {
        trace.depth_first(&mut |trace| {
            contracts.insert(trace.contract);
            all_use_objects &= !(trace.inputs.is_empty() && trace.references.is_empty());
        });
    }
    all_use_objects.then_some(contracts)
}

/// Whether a participant manages a free object of a type of the contract.
fn is_concerned(transaction: &Authorized, contract: ContractId) -> bool {
    let openings = &transaction.transaction().openings;
    let participants = &transaction.body().participants;
    openings.iter().any(|object| {
        object.object_type.contract == contract && participants.contains(&object.home)
    })
}

#[test]
fn theorem_2_each_contract_has_a_concerned_shard() {
    let judged = Cell::new(0);
    let histories = proptest::collection::vec(step(), 1..16);
    TestRunner::new(cases(1_000))
        .run(&histories, |steps| {
            let mut history = History::new();
            for step in &steps {
                history.submit(step)?;
            }
            for transaction in &history.valid {
                let Some(contracts) = contracts(&transaction.body().traces) else {
                    continue;
                };
                judged.set(judged.get() + contracts.len());
                for contract in contracts {
                    prop_assert!(is_concerned(transaction, contract));
                }
            }
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
    assert!(judged.get() > 1_000, "only {} were judged", judged.get());
}

#[test]
fn theorem_2_does_not_hold_for_a_trace_without_objects() {
    let used = thing(OPEN, 0, 0);
    let uses_nothing = Trace {
        contract: OTHER,
        ..trace(&[], 0)
    };
    let traces = [trace(&[&used], 0), uses_nothing];
    let transaction = transaction(&traces, &[used], &[]);
    let contracts_opened: Vec<ContractId> = transaction
        .openings
        .iter()
        .map(|object| object.object_type.contract)
        .collect();
    assert_eq!(contracts_opened, [OPEN]);
}
