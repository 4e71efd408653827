//! Checkers: what a node runs of a contract.
//!
//! Paper: Section II-A, Equation 2. A checker is a pure function. It sees no secret parameter and no
//! secret return, and its verdict depends on nothing but the [`Call`].

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::id::{ContractId, NetworkId};
use crate::key::PublicKey;
use crate::object::Object;

/// What a checker sees of one trace: the arguments of Equation 2, identifiers resolved to objects.
///
/// Paper: Section II-A, Equation 2. Deviation: D-4, the network and the keys that signed the
/// transaction are arguments too.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The network.
    pub network: NetworkId,
    /// `c`: the contract of the trace.
    pub contract: ContractId,
    /// `p`: the procedure.
    pub procedure: &'a str,
    /// `w`: the objects that are consumed.
    pub inputs: Vec<Arc<Object>>,
    /// `r`: the objects that are only read.
    pub references: Vec<Arc<Object>>,
    /// `lpar`.
    pub local_parameters: &'a [u8],
    /// `x`: the objects that are created.
    pub outputs: Vec<Arc<Object>>,
    /// `lret`.
    pub local_returns: &'a [u8],
    /// `dep`: the calls that this one made, already valid.
    pub dependencies: Vec<Call<'a>>,
    /// The keys that signed the transaction.
    pub signers: &'a BTreeSet<PublicKey>,
}

/// Why a checker returned false, for people. It is not part of what is hashed or signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refusal(pub &'static str);

/// `v`: the checker of one contract.
///
/// Paper: Section II-A, Equation 2.
pub trait Checker: Send + Sync {
    /// Whether `name` is in `types(c)`.
    fn defines(&self, name: &str) -> bool;

    /// Whether the call is a possible execution of its procedure.
    ///
    /// # Errors
    ///
    /// The paper's `false`, with a reason.
    fn check(&self, call: &Call<'_>) -> Result<(), Refusal>;
}

/// The checkers that a node, a user or an auditor has at hand.
///
/// Through this trait the agreement decides about contracts that it has never heard of.
pub trait Checkers: Send + Sync {
    /// The checker of `contract`, if there is one.
    fn checker(&self, contract: &ContractId) -> Option<&dyn Checker>;
}
