//! Why a transaction is not valid, in words.
//!
//! A shard signs which premise of Figure 2 does not hold. What the checker of a contract says when it
//! refuses is not signed; the same checker is asked again here.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use model::checker::Checker;
use model::result::AbortReason;
use model::transaction::Authorized;
use model::{
    Call, Checkers, ContractId, Invalid, ObjectId, Refusal, ShardId, Transaction, validity,
};
use system_contracts::{cscoin, manage_shards};

use crate::address::Addresses;
use crate::outcome::Settled;

/// The refusal of a transaction whose contract has no checker here.
const NO_CHECKER: Refusal = Refusal("its contract is not known here");

/// The refusal of a transaction that breaks a rule of Figure 2 before any checker is asked.
const NOT_WELL_MADE: Refusal = Refusal("it breaks the rules that hold for all contracts");

/// Checks a transaction as a shard would in which all its objects are active.
///
/// # Errors
///
/// What the first checker that refuses says.
pub(crate) fn check(transaction: &Authorized) -> Result<(), Refusal> {
    let active: BTreeMap<ObjectId, Arc<_>> = transaction
        .transaction()
        .openings
        .iter()
        .map(|object| (object.id(), Arc::new(object.clone())))
        .collect();
    let checkers = system_contracts::checkers();
    let listening = Listening::to(&checkers, transaction.transaction());
    match validity::valid(&active, transaction, &listening) {
        Ok(_) => Ok(()),
        Err(Invalid::CheckerRefused { .. }) => Err(listening.heard().unwrap_or(NOT_WELL_MADE)),
        Err(Invalid::UnknownContract { .. }) => Err(NO_CHECKER),
        Err(
            Invalid::NotActive { .. }
            | Invalid::Repeated { .. }
            | Invalid::OutputsWithoutInputs { .. }
            | Invalid::ForeignType { .. },
        ) => Err(NOT_WELL_MADE),
    }
}

/// Why a transaction was aborted, as half a sentence: which rule, which object, and what the checker
/// says.
#[must_use]
pub fn abort(reason: &AbortReason, transaction: &Transaction, addresses: Addresses) -> String {
    match reason {
        AbortReason::Invalid(reason) => invalid(reason, transaction, addresses),
        AbortReason::Locked {
            object,
            holder,
            until: _,
        } => {
            let object = addresses.object(object);
            let holder = addresses.transaction(holder);
            format!("object {object} is locked by transaction {holder}, which was not decided yet")
        }
        AbortReason::Home { contract, home } => {
            let contract = name(contract);
            format!("{contract} does not allow its objects to live in shard {home}")
        }
        AbortReason::Decider { contract, decider } => {
            let contract = name(contract);
            format!("{contract} does not allow shard {decider} to decide")
        }
        AbortReason::Deadline => "its deadline was over before all shards had voted".to_owned(),
        AbortReason::Refused { shard } => format!("shard {shard} refused it"),
    }
}

/// Why a transaction was aborted, as a sentence that names the shard which refused it. `None` if it was
/// not.
#[must_use]
pub fn settled(settled: &Settled, addresses: Addresses) -> Option<String> {
    let cause = settled.cause()?;
    Some(cause_of_abort(&cause, &settled.transaction, addresses))
}

pub(crate) fn cause_of_abort(
    (shard, reason): &(ShardId, AbortReason),
    transaction: &Transaction,
    addresses: Addresses,
) -> String {
    let why = abort(reason, transaction, addresses);
    format!("aborted by shard {shard}: {why}")
}

/// Which premise of the validity rules does not hold, as half a sentence.
fn invalid(reason: &Invalid, transaction: &Transaction, addresses: Addresses) -> String {
    match reason {
        Invalid::NotActive { trace: _, object } => {
            let object = addresses.object(object);
            format!("input {object} is already spent, or was never there")
        }
        Invalid::Repeated { trace: _, object } => {
            let object = addresses.object(object);
            format!("object {object} is used twice by one call")
        }
        Invalid::OutputsWithoutInputs { trace: _ } => {
            "a call creates objects and consumes none".to_owned()
        }
        Invalid::ForeignType {
            trace: _,
            contract,
            object,
        } => {
            let (object, contract) = (addresses.object(object), name(contract));
            format!("object {object} is of a type that {contract} does not define")
        }
        Invalid::UnknownContract { trace: _, contract } => {
            format!("{} is not known there", name(contract))
        }
        Invalid::CheckerRefused { trace: _, contract } => {
            let said = ask_again(transaction);
            let said = said.map_or_else(String::new, |refusal| format!(": {refusal}"));
            format!("the checker of {} refused it{said}", name(contract))
        }
    }
}

/// What the checker says to a transaction that it refused.
fn ask_again(transaction: &Transaction) -> Option<Refusal> {
    let network = transaction.body.network;
    let formed = transaction.clone().check_form(&network).ok()?;
    check(&formed.trust()).err()
}

fn name(contract: &ContractId) -> String {
    if *contract == cscoin::id() {
        format!("contract {}", cscoin::NAME)
    } else if *contract == manage_shards::id() {
        format!("contract {}", manage_shards::NAME)
    } else {
        format!("contract {contract}")
    }
}

/// Checkers whose first refusal is kept: the rules of Figure 2 say that a checker refused, and not
/// what it said.
struct Listening<'a> {
    checkers: BTreeMap<ContractId, Overheard<'a>>,
}

struct Overheard<'a> {
    checker: &'a dyn Checker,
    said: OnceLock<Refusal>,
}

impl<'a> Listening<'a> {
    /// Listens to the checkers of all contracts in a transaction.
    fn to(checkers: &'a dyn Checkers, transaction: &Transaction) -> Self {
        let mut listening = Self {
            checkers: BTreeMap::new(),
        };
        for trace in &transaction.body.traces {
            trace.depth_first(&mut |trace| {
                if let Some(checker) = checkers.checker(&trace.contract) {
                    let said = OnceLock::new();
                    let overheard = Overheard { checker, said };
                    listening.checkers.insert(trace.contract, overheard);
                }
            });
        }
        listening
    }

    /// The refusal, if there was one. Checking ends with the first.
    fn heard(&self) -> Option<Refusal> {
        self.checkers
            .values()
            .find_map(|checker| checker.said.get().copied())
    }
}

impl Checkers for Listening<'_> {
    fn checker(&self, contract: &ContractId) -> Option<&dyn Checker> {
        let overheard = self.checkers.get(contract)?;
        Some(overheard)
    }
}

impl Checker for Overheard<'_> {
    fn defines(&self, name: &str) -> bool {
        self.checker.defines(name)
    }

    fn check(&self, call: &Call<'_>) -> Result<(), Refusal> {
        self.checker.check(call).inspect_err(|refusal| {
            // Checking ends with the first refusal, so nothing is there yet.
            let _ = self.said.set(*refusal);
        })
    }
}
