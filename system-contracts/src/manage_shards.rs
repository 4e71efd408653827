//! ManageShards: which nodes form which shard.
//!
//! Anybody may found a shard of nodes that agree to it ([`Create`]). A shard replaces its own list of
//! nodes when it ends an epoch ([`Update`]). And anybody who can show that a node lied excludes it
//! ([`Exclude`]). Nobody signs these transactions as an owner: what has to be agreed on is signed by
//! nodes, and stands in the parameters.
//!
//! All objects live in one shard, the root, which also decides about them ([`mapping`]): where a shard
//! could choose who keeps the record of it, it could have two.
//!
//! That a node is a member of one shard at most is not checked, because a checker sees no object but
//! those of its call. It would take an object for each node, consumed and made again whenever it takes
//! or leaves a seat. As it is, a node in two shards has signed two consents, and what it signs in one
//! of them means nothing in the other.
//!
//! Paper: Section VI-A, Shard management. Deviation: D-10.

mod checker;
mod procedures;
mod types;

pub use checker::{ManageShards, refusal};
pub use procedures::{CannotRun, Create, Exclude, Update};
pub use types::{Shard, Succession, Token};

use model::{ContractId, Mapping, ShardId};

/// The name of the contract, from which its identifier follows.
pub const NAME: &str = model::lineage::CONTRACT;

/// The name of the procedure [`Create`].
pub const CREATE: &str = model::lineage::CREATE;

/// The name of the procedure [`Update`].
pub const UPDATE: &str = "update";

/// The name of the procedure [`Exclude`], which the paper calls so.
pub const OBJECT: &str = "object";

/// The identifier of the contract, the same on every network.
#[must_use]
pub fn id() -> ContractId {
    ContractId::system(NAME)
}

/// The contract.
#[must_use]
pub const fn contract() -> ManageShards {
    ManageShards
}

/// The shards that the contract trusts: `root`, and no other.
#[must_use]
pub fn mapping(root: ShardId) -> Mapping {
    Mapping {
        homes: vec![root],
        deciders: vec![root],
        frozen: Vec::new(),
    }
}
