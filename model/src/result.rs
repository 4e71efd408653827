//! What became of a transaction, as the shard's head commits to it.

use serde::{Deserialize, Serialize};

use crate::hash::{Hash, Tag, hash_value};
use crate::id::TransactionId;
use crate::merkle::SortedTree;
use crate::validity::Invalid;

/// Why a transaction was aborted. It is part of what the shard signs.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error,
)]
pub enum AbortReason {
    /// A premise of Figure 2 does not hold.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// The decision on a transaction: accept(T, commit) or accept(T, abort).
///
/// Paper: Section IV-C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Outcome {
    /// Its inputs are inactive and its outputs are active.
    Committed,
    /// It has changed nothing.
    Aborted(AbortReason),
}

/// A decision with the transaction it is about: a leaf under the head of the block that decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionResult {
    /// The transaction.
    pub transaction: TransactionId,
    /// The decision.
    pub outcome: Outcome,
}

impl TransactionResult {
    /// The key under which the results tree holds the decision.
    #[must_use]
    pub const fn key(&self) -> Hash {
        result_key(&self.transaction)
    }

    /// What the results tree holds.
    #[must_use]
    pub fn value(&self) -> Hash {
        hash_value(Tag::Result, &self.outcome)
    }
}

/// The key under which the results tree of a block holds the decision on a transaction.
#[must_use]
pub const fn result_key(transaction: &TransactionId) -> Hash {
    Hash::from_bytes(*transaction.as_bytes())
}

/// The results of a block as a tree sorted by transaction, whose root the head commits to. It proves
/// decisions, and that a block decided nothing about a transaction.
#[must_use]
pub fn results_tree(results: &[TransactionResult]) -> SortedTree {
    SortedTree::new(
        results
            .iter()
            .map(|result| (result.key(), result.value()))
            .collect(),
    )
}
