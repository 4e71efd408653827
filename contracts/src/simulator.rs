//! The contract with which the paper's prototype was measured: objects of one byte that are made and
//! consumed, and nothing else.
//!
//! What remains of the time of such a transaction is what the platform itself takes, so measurements of
//! two platforms can be held against each other. It is no system contract: nodes know it on networks
//! whose genesis document maps it ([`install`]), and those are made to be measured. The paper's `init`,
//! which makes an object out of nothing, is the genesis document here, because no transaction may do
//! that (Figure 2, side condition 2).
//!
//! Objects are [`Plain`], as they were in the paper, or [`Owned`], which costs the check of a signature
//! as a payment does.
//!
//! Paper: Section VII, Figures 6 to 9.

mod checker;
mod procedures;
#[cfg(test)]
mod tests;
mod types;

pub use checker::{Simulator, refusal};
pub use procedures::{CannotRun, Consume, Create};
pub use types::{Owned, Plain};

use model::genesis::{GenesisMapping, GenesisObject};
use model::{ContractId, Genesis};
use model::{ObjectType, policy::Mapping};

use crate::environment::content::Content;

/// The name of the contract, from which its identifier follows.
pub const NAME: &str = "Simulator";

/// The name of the procedure [`Create`].
pub const CREATE: &str = "create";

/// The name of the procedure [`Consume`].
pub const CONSUME: &str = "consume";

/// The identifier of the contract, the same on every network: like a system contract it is there
/// without being deployed.
#[must_use]
pub fn id() -> ContractId {
    ContractId::system(NAME)
}

/// The contract.
#[must_use]
pub const fn contract() -> Simulator {
    Simulator
}

/// Whether the nodes of a network know the contract.
#[must_use]
pub fn is_installed(genesis: &Genesis) -> bool {
    genesis.mappings.iter().any(|entry| entry.contract == id())
}

/// Has the network with this document know the contract, with these objects to begin with. It trusts
/// all shards of the document.
pub fn install(genesis: &mut Genesis, objects: impl IntoIterator<Item = GenesisObject>) {
    let shards: Vec<_> = genesis.shards.iter().map(|shard| shard.shard).collect();
    genesis.objects.extend(objects);
    if is_installed(genesis) {
        return;
    }
    genesis.mappings.push(GenesisMapping {
        contract: id(),
        mapping: Mapping {
            homes: shards.clone(),
            deciders: shards,
            frozen: Vec::new(),
        },
    });
    genesis.mappings.sort_by_key(|entry| entry.contract);
}

/// An object for a genesis document.
#[must_use]
pub fn first_object<C: Content>(content: &C, home: model::ShardId) -> GenesisObject {
    GenesisObject {
        object_type: ObjectType {
            contract: id(),
            name: C::TYPE.to_owned(),
        },
        home,
        content: content.output(home).content,
    }
}
