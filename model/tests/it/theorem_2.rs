//! Security Theorem 2: if a contract appears in a trace of a transaction, a shard that manages an
//! object of one of its types is concerned.
//!
//! The paper's proof takes for granted that each trace uses an object. A trace that uses none is
//! shown here to be the exception; all participants check such a contract (decision D13). So the
//! theorem that holds is about mandates: what each participant accepts of its own is valid.
//!
//! Paper: Section IV-B.

use std::cell::Cell;
use std::collections::BTreeSet;

use model::transaction::Authorized;
use model::{Checker, Checkers, ContractId, ObjectId, ShardId, Trace, validity};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::history::{History, step};
use crate::world::{
    CLOSED, Contracts, NETWORK, OPEN, OTHER, active, authorized, cases, thing, trace, transaction,
};

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

/// Judges the valid transactions of random histories. `judge` says how much there was to judge.
fn judge_histories(judge: impl Fn(&Authorized) -> Result<usize, TestCaseError>) {
    let judged = Cell::new(0);
    let histories = proptest::collection::vec(step(), 1..16);
    TestRunner::new(cases(1_000))
        .run(&histories, |steps| {
            let mut history = History::new();
            for step in &steps {
                history.submit(step)?;
            }
            for transaction in &history.valid {
                judged.set(judged.get() + judge(transaction)?);
            }
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
    assert!(judged.get() > 1_000, "only {} were judged", judged.get());
}

#[test]
fn theorem_2_each_contract_has_a_concerned_shard() {
    judge_histories(|transaction| {
        let contracts = contracts(&transaction.body().traces).unwrap_or_default();
        for contract in &contracts {
            prop_assert!(is_concerned(transaction, *contract));
        }
        Ok(contracts.len())
    });
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

/// The contracts of all traces, and the shards in which each has an object that the transaction uses
/// or leaves behind.
fn held(transaction: &Authorized) -> (BTreeSet<ContractId>, BTreeSet<(ContractId, ShardId)>) {
    let mut contracts = BTreeSet::new();
    let mut consumed: BTreeSet<ObjectId> = BTreeSet::new();
    let mut objects = transaction.transaction().openings.clone();
    let openings = objects.len();
    for trace in &transaction.body().traces {
        trace.depth_first(&mut |trace| {
            contracts.insert(trace.contract);
            consumed.extend(&trace.inputs);
            objects.extend(trace.objects(trace.id(&NETWORK)));
        });
    }
    let free = objects[..openings].iter();
    let left = objects[openings..].iter();
    let held = free.chain(left.filter(|object| !consumed.contains(&object.id())));
    let held = held.map(|object| (object.object_type.contract, object.home));
    (contracts, held.collect())
}

#[test]
fn theorem_2_a_contract_is_in_the_mandate_of_its_holders_or_of_all_if_there_are_none() {
    judge_histories(|transaction| {
        let (contracts, held) = held(transaction);
        let participants = &transaction.body().participants;
        for contract in &contracts {
            let mandated: Vec<&ShardId> = participants
                .iter()
                .filter(|shard| transaction.footprint().mandate(**shard).contains(contract))
                .collect();
            let holders: Vec<&ShardId> = held
                .iter()
                .filter(|(of, _)| of == contract)
                .map(|(_, home)| home)
                .collect();
            if holders.is_empty() {
                prop_assert!(mandated.into_iter().eq(participants));
            } else {
                prop_assert_eq!(mandated, holders);
            }
        }
        Ok(contracts.len())
    });
}

/// All checkers, but that of one contract refuses everything.
struct Refusing(ContractId);

impl Checkers for Refusing {
    fn checker(&self, contract: &ContractId) -> Option<&dyn Checker> {
        static CONTRACTS: Contracts = Contracts;
        CONTRACTS.checker(if *contract == self.0 {
            &CLOSED
        } else {
            contract
        })
    }
}

#[test]
fn theorem_2_what_every_participant_accepts_within_its_mandate_is_valid() {
    judge_histories(|transaction| {
        let participants = &transaction.body().participants;
        if participants.is_empty() {
            return Ok(0);
        }
        let alpha = active(&transaction.transaction().openings);
        for refused in [OPEN, OTHER, CLOSED] {
            let checkers = Refusing(refused);
            let valid = validity::valid(&alpha, transaction, &checkers);
            let accepted = participants.iter().all(|shard| {
                let mandate = transaction.footprint().mandate(*shard);
                validity::valid_within(&alpha, transaction, &checkers, &mandate).is_ok()
            });
            prop_assert_eq!(valid.is_ok(), accepted);
        }
        Ok(participants.len())
    });
}

#[test]
fn theorem_2_a_trace_without_objects_is_in_the_mandate_of_every_participant() {
    let used = [0, 1].map(|home| thing(OPEN, 0, home));
    let uses_nothing = Trace {
        contract: OTHER,
        ..trace(&[], 0)
    };
    let traces = [trace(&[&used[0], &used[1]], 0), uses_nothing];
    let transaction = authorized(&traces, &used);
    for participant in &transaction.body().participants {
        let mandate = transaction.footprint().mandate(*participant);
        assert_eq!(mandate, BTreeSet::from([OPEN, OTHER]), "{participant}");
    }
}
