//! Malpractice: two statements that no honest node signs together.
//!
//! Paper: Section VI-A, "a non-repudiable record of malpractice from one of the nodes". It can be
//! checked by anyone with the node's key alone.

use serde::{Deserialize, Serialize};

use crate::id::NodeId;
use crate::key::{Signature, SignatureCheck};
use crate::statement::{Scope, Statement};

/// A proof that `node` lied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Malpractice {
    /// Where both statements were made.
    pub scope: Scope,
    /// Who made them.
    pub node: NodeId,
    /// The statement that was seen first.
    pub first: (Statement, Signature),
    /// The statement that conflicts with it.
    pub second: (Statement, Signature),
}

/// Why a record proves no malpractice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMalpractice {
    /// An honest node may sign both statements.
    #[error("the two statements do not conflict")]
    NoConflict,
    /// One of the signatures is not the node's.
    #[error("a signature of the record does not verify")]
    BadSignature,
}

impl Malpractice {
    /// Checks that the node really signed two conflicting statements.
    ///
    /// # Errors
    ///
    /// [`NoMalpractice`] if the record proves nothing.
    pub fn verify(&self, check: &mut impl SignatureCheck) -> Result<(), NoMalpractice> {
        if !self.first.0.conflicts(&self.second.0) {
            return Err(NoMalpractice::NoConflict);
        }
        for (statement, signature) in [&self.first, &self.second] {
            if !statement.verify(&self.scope, self.node.key(), signature, check) {
                return Err(NoMalpractice::BadSignature);
            }
        }
        Ok(())
    }
}
