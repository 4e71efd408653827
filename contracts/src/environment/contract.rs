//! Contracts: a namespace of types, and the checker that guards them.
//!
//! Paper: Section II-A. The system is oblivious to procedures and relies on checkers alone, so a
//! contract does not list its procedures: a procedure is whatever name its checker accepts.

use model::{Call, ContractId, Refusal};

/// `c`: a contract as a node sees it.
///
/// Paper: Section II-A.
pub trait Contract: Send + Sync {
    /// The identifier of the contract object.
    fn id(&self) -> ContractId;

    /// A name for people. Two contracts may have the same one.
    fn name(&self) -> &str;

    /// `types(c)`: the names of the types that the contract defines. They never change.
    fn types(&self) -> Vec<&str>;

    /// `c.v`: whether `call`, which is one of this contract, is a possible execution of its
    /// procedure.
    ///
    /// When it is asked, the premises of the check rule that are the same for all contracts hold:
    /// the objects are active and of types of this contract, there are inputs if there are outputs,
    /// and the dependencies are valid. Which type each object has, how many there are and what they
    /// hold is for the checker to ask.
    ///
    /// # Errors
    ///
    /// The paper's `false`, with a reason.
    ///
    /// Paper: Section II-A, Equation 2.
    fn check(&self, call: &Call<'_>) -> Result<(), Refusal>;
}
