//! Labels: what clients find objects by (decision D19).
//!
//! A contract knows under which words its objects should be found, the ledger does not. A node is
//! handed the [`Labels`] of the contracts it serves, keeps an index, and nobody has to trust it.

#[cfg(test)]
mod tests;

use contracts::Content as _;
use model::api::{owner_label, shard_label, shards_label};
use model::transaction::TransactionBody;
use model::{Hash, Object};
use system_contracts::cscoin::{self, Account};
use system_contracts::manage_shards::{self, Shard, Token};

/// Says under which labels an object is listed.
///
/// The labels of an object never change: they are computed when it is created and again when it is
/// consumed.
pub trait Labels: Send + Sync {
    /// The labels of `object`, in any order.
    fn labels(&self, object: &Object) -> Vec<Hash>;

    /// Whether a transaction that the shard has committed is listed among its acts: what others need to
    /// know which shards there are.
    fn is_act(&self, _: &TransactionBody) -> bool {
        false
    }
}

/// The labels of the system contracts: accounts by their owner, the records of shards and the token as
/// what they are, and each record by the number of its shard too.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLabels;

impl Labels for SystemLabels {
    fn labels(&self, object: &Object) -> Vec<Hash> {
        let Object {
            object_type,
            content,
            ..
        } = object;
        if let Ok(account) = Account::decode(cscoin::id(), object_type, content) {
            return vec![owner_label(&account.owner)];
        }
        if Token::decode(manage_shards::id(), object_type, content).is_ok() {
            return vec![shards_label()];
        }
        match Shard::decode(manage_shards::id(), object_type, content) {
            Ok(Shard(record)) => vec![shards_label(), shard_label(record.shard)],
            Err(_) => Vec::new(),
        }
    }

    fn is_act(&self, transaction: &TransactionBody) -> bool {
        let contract = manage_shards::id();
        let mut found = false;
        for trace in &transaction.traces {
            trace.depth_first(&mut |trace| found |= trace.contract == contract);
        }
        found
    }
}
