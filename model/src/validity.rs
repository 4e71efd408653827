//! The two rules that make a transaction valid.
//!
//! ```text
//!   a0, Valid(t), a'     a', Valid(T'), a1
//!   --------------------------------------- (Sequence)
//!        a0, Valid(T = t :: T'), a1
//!
//!                          w, r in a'   and   x != {} -> w != {}   and
//!   a0, Valid(dep), a'     a', c.v(p, w, r, lpar, x, lret, dep), (a' \ w) u x
//!                          for all o in w u x u r: type(o) in types(c)
//!   ------------------------------------------------------------------------- (Check)
//!        a0, Valid(t = [c, p, w, r, x, lpar, lret, dep]), (a' \ w) u x
//! ```
//!
//! Paper: Section III, Figure 2. Dependencies come before the trace that calls them, depth first.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::active_set::{ActiveSet, Effects, Overlay};
use crate::checker::{Call, Checker, Checkers};
use crate::id::{ContractId, NetworkId, ObjectId, TraceId};
use crate::key::PublicKey;
use crate::object::Object;
use crate::trace::Trace;
use crate::transaction::Authorized;

/// Why a transaction is not valid: one variant for each premise of the check rule.
///
/// Paper: Figure 2 (Check), side conditions (1) to (3).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error,
)]
pub enum Invalid {
    /// (1) An input or a reference is not in the active set where the trace uses it.
    #[error("object {object} is not active")]
    NotActive {
        /// The trace.
        trace: TraceId,
        /// The object.
        object: ObjectId,
    },
    /// (1) A trace names one object twice among its inputs and references.
    #[error("object {object} is used twice by one trace")]
    Repeated {
        /// The trace.
        trace: TraceId,
        /// The object.
        object: ObjectId,
    },
    /// (2) The trace has outputs but no inputs.
    #[error("trace {trace} creates objects and consumes none")]
    OutputsWithoutInputs {
        /// The trace.
        trace: TraceId,
    },
    /// (3) An object is of a type that the contract does not define.
    #[error("object {object} is of a type that contract {contract} does not define")]
    ForeignType {
        /// The trace.
        trace: TraceId,
        /// The contract of the trace.
        contract: ContractId,
        /// The object.
        object: ObjectId,
    },
    /// The contract's checker is not known here.
    #[error("contract {contract} is not known")]
    UnknownContract {
        /// The trace.
        trace: TraceId,
        /// The contract.
        contract: ContractId,
    },
    /// The contract's checker returned false.
    #[error("the checker of contract {contract} refused trace {trace}")]
    CheckerRefused {
        /// The trace.
        trace: TraceId,
        /// The contract.
        contract: ContractId,
    },
}

/// Applies the two rules to a whole transaction in the context `alpha`.
///
/// # Errors
///
/// The first premise that does not hold, in depth-first order.
///
/// Paper: Figure 2, `(alpha, Valid(T), alpha')`; the result is the difference of alpha' to alpha.
pub fn valid<A: ActiveSet + ?Sized>(
    alpha: &A,
    transaction: &Authorized,
    checkers: &dyn Checkers,
) -> Result<Effects, Invalid> {
    apply_rules(alpha, transaction, checkers, None)
}

/// As [`valid`], for a shard that runs the checkers of `mandate` only: the other participants run
/// the rest. All other premises are checked of all traces.
///
/// # Errors
///
/// The first premise that does not hold, in depth-first order.
///
/// Paper: Section IV-B; see [`crate::placement::Footprint::mandate`].
pub fn valid_within<A: ActiveSet + ?Sized>(
    alpha: &A,
    transaction: &Authorized,
    checkers: &dyn Checkers,
    mandate: &BTreeSet<ContractId>,
) -> Result<Effects, Invalid> {
    apply_rules(alpha, transaction, checkers, Some(mandate))
}

fn apply_rules<A: ActiveSet + ?Sized>(
    alpha: &A,
    transaction: &Authorized,
    checkers: &dyn Checkers,
    mandate: Option<&BTreeSet<ContractId>>,
) -> Result<Effects, Invalid> {
    let body = transaction.body();
    let signers = transaction.signers();
    let rules = Rules {
        network: body.network,
        signers: &signers,
        checkers,
        mandate,
    };
    let mut overlay = Overlay::new(alpha);
    rules.sequence(&mut overlay, &body.traces)?;
    Ok(overlay.into_effects())
}

/// What is the same for all traces of a transaction.
struct Rules<'a> {
    network: NetworkId,
    signers: &'a BTreeSet<PublicKey>,
    checkers: &'a dyn Checkers,
    /// The contracts whose checkers are run; all of them without it.
    mandate: Option<&'a BTreeSet<ContractId>>,
}

/// A trace that the check rule has accepted.
struct Accepted<'a> {
    id: TraceId,
    call: Call<'a>,
}

impl<'a> Rules<'a> {
    /// The sequence rule: each trace in the context that the one before it left.
    fn sequence<A: ActiveSet + ?Sized>(
        &self,
        alpha: &mut Overlay<'_, A>,
        traces: &'a [Trace],
    ) -> Result<Vec<Accepted<'a>>, Invalid> {
        traces
            .iter()
            .map(|trace| self.check(alpha, trace))
            .collect()
    }

    /// The check rule.
    fn check<A: ActiveSet + ?Sized>(
        &self,
        alpha: &mut Overlay<'_, A>,
        trace: &'a Trace,
    ) -> Result<Accepted<'a>, Invalid> {
        let (below, dependencies): (Vec<TraceId>, Vec<Call<'a>>) = self
            .sequence(alpha, &trace.dependencies)?
            .into_iter()
            .map(|accepted| (accepted.id, accepted.call))
            .unzip();
        let id = trace.id_above(&self.network, &below);

        let (inputs, references) = active(alpha, id, trace)?;
        if !trace.outputs.is_empty() && trace.inputs.is_empty() {
            return Err(Invalid::OutputsWithoutInputs { trace: id });
        }
        let outputs: Vec<Arc<Object>> = trace.objects(id).map(Arc::new).collect();
        let checker = self.checker(id, trace.contract)?;
        for object in inputs.iter().chain(&references).chain(&outputs) {
            of_type(checker, id, trace.contract, object)?;
        }

        let call = Call {
            network: self.network,
            contract: trace.contract,
            procedure: &trace.procedure,
            inputs,
            references,
            local_parameters: &trace.local_parameters,
            outputs,
            local_returns: &trace.local_returns,
            dependencies,
            signers: self.signers,
        };
        if let Some(checker) = checker {
            checker
                .check(&call)
                .map_err(|_reason| Invalid::CheckerRefused {
                    trace: id,
                    contract: trace.contract,
                })?;
        }

        for input in &trace.inputs {
            alpha.consume(*input);
        }
        for output in &call.outputs {
            alpha.create(output.id(), Arc::clone(output));
        }
        Ok(Accepted { id, call })
    }

    /// The checker to run, `None` if others run it.
    fn checker(
        &self,
        trace: TraceId,
        contract: ContractId,
    ) -> Result<Option<&'a dyn Checker>, Invalid> {
        if self.mandate.is_some_and(|ours| !ours.contains(&contract)) {
            return Ok(None);
        }
        match self.checkers.checker(&contract) {
            Some(checker) => Ok(Some(checker)),
            None => Err(Invalid::UnknownContract { trace, contract }),
        }
    }
}

/// Side condition (1): the inputs and references, each named once and each active.
#[expect(
    clippy::type_complexity,
    reason = "two lists of objects, named where they are bound"
)]
fn active<A: ActiveSet + ?Sized>(
    alpha: &Overlay<'_, A>,
    id: TraceId,
    trace: &Trace,
) -> Result<(Vec<Arc<Object>>, Vec<Arc<Object>>), Invalid> {
    let mut seen = BTreeSet::new();
    let mut find = |object: &ObjectId| {
        if !seen.insert(*object) {
            return Err(Invalid::Repeated {
                trace: id,
                object: *object,
            });
        }
        alpha.active(object).ok_or(Invalid::NotActive {
            trace: id,
            object: *object,
        })
    };
    let inputs = trace
        .inputs
        .iter()
        .map(&mut find)
        .collect::<Result<_, _>>()?;
    let references = trace
        .references
        .iter()
        .map(&mut find)
        .collect::<Result<_, _>>()?;
    Ok((inputs, references))
}

/// Side condition (3): the object is of a type that the contract defines. Whether a contract that
/// others check defines it is for them to see.
fn of_type(
    checker: Option<&dyn Checker>,
    trace: TraceId,
    contract: ContractId,
    object: &Object,
) -> Result<(), Invalid> {
    let object_type = &object.object_type;
    let defined = checker.is_none_or(|checker| checker.defines(&object_type.name));
    if object_type.contract == contract && defined {
        return Ok(());
    }
    Err(Invalid::ForeignType {
        trace,
        contract,
        object: object.id(),
    })
}
