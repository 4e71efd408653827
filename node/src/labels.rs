//! Labels: what clients find objects by (decision D19).
//!
//! A contract knows under which words its objects should be found, the ledger does not. A node is
//! handed the [`Labels`] of the contracts it serves, keeps an index, and nobody has to trust it.

use contracts::Content as _;
use model::api::owner_label;
use model::{Hash, Object};
use system_contracts::cscoin::{self, Account};

/// Says under which labels an object is listed.
///
/// The labels of an object never change: they are computed when it is created and again when it is
/// consumed.
pub trait Labels: Send + Sync {
    /// The labels of `object`, in any order.
    fn labels(&self, object: &Object) -> Vec<Hash>;
}

/// The labels of the system contracts: accounts by their owner.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemLabels;

impl Labels for SystemLabels {
    fn labels(&self, object: &Object) -> Vec<Hash> {
        Account::decode(cscoin::id(), &object.object_type, &object.content)
            .map(|account| owner_label(&account.owner))
            .into_iter()
            .collect()
    }
}
