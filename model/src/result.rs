//! What became of a transaction, as the shard's head commits to it.

use serde::{Deserialize, Serialize};

use crate::hash::{Hash, Tag, hash_value};
use crate::id::{ContractId, ObjectId, ShardId, TransactionId};
use crate::merkle::SortedTree;
use crate::time::Time;
use crate::validity::Invalid;

/// Why a transaction was aborted. It is part of what the shard signs.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, thiserror::Error,
)]
pub enum AbortReason {
    /// A premise of Figure 2 does not hold.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// Another transaction holds an object. Trying again after its deadline may help.
    #[error("object {object} is locked by transaction {holder}")]
    Locked {
        /// The object.
        object: ObjectId,
        /// The transaction that holds it.
        holder: TransactionId,
        /// The deadline of that transaction.
        until: Time,
    },
    /// An object lives where its contract does not allow it to.
    #[error("contract {contract} does not allow its objects to live in shard {home}")]
    Home {
        /// The contract.
        contract: ContractId,
        /// The home of the object.
        home: ShardId,
    },
    /// The contract does not trust the shard that is to decide.
    #[error("contract {contract} does not allow shard {decider} to decide")]
    Decider {
        /// The contract.
        contract: ContractId,
        /// The shard that is to decide.
        decider: ShardId,
    },
    /// The votes of all participants had not come when the deadline was over.
    #[error("the deadline was over before all shards had voted")]
    Deadline,
    /// Another shard refused the transaction; its own decision says why.
    #[error("shard {shard} refused the transaction")]
    Refused {
        /// The shard.
        shard: ShardId,
    },
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
