//! The genesis document: what a network starts with.
//!
//! Its hash is the network's name, and every signature contains the name, so two networks with
//! different documents can never be confused.
//!
//! Paper: Section IV-A, Theorem 1: "the inductive base case involves assuming that no initial objects
//! start with the same identifier - which we can ensure axiomatically". Here it is ensured by their
//! positions in one list.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bounds;
use crate::encoding::{self, Bytes, DecodeError};
use crate::hash::{Tag, hash, hash_value};
use crate::id::{ContractId, NetworkId, NodeId, ObjectId, ShardId, TraceId};
use crate::membership::ShardRecord;
use crate::object::{Object, ObjectType};
use crate::policy::{Mapping, Policy, Profile};
use crate::shard::{Committee, NodeDescriptor, NotACommittee};
use crate::statement::Epoch;
use crate::time::Time;

/// A shard that exists from the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenesisShard {
    /// Its number.
    pub shard: ShardId,
    /// Its members, in the order of their seats.
    pub members: Vec<NodeDescriptor>,
}

/// An object that is active from the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenesisObject {
    /// Its type.
    pub object_type: ObjectType,
    /// The shard that manages it.
    pub home: ShardId,
    /// What it holds.
    pub content: Bytes,
}

/// The shards that a contract trusts from the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GenesisMapping {
    /// The contract.
    pub contract: ContractId,
    /// The shards.
    pub mapping: Mapping,
}

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// A name for people. Two networks may have the same one.
    pub name: String,
    /// When the network was made; every block is later.
    pub created: Time,
    /// How the shards run S-BAC.
    pub profile: Profile,
    /// The first shards, ascending.
    pub shards: Vec<GenesisShard>,
    /// The shards that contracts trust, ascending by contract. A contract that is not listed trusts
    /// all of the first shards.
    pub mappings: Vec<GenesisMapping>,
    /// The first objects. The position of each is part of its identifier.
    pub objects: Vec<GenesisObject>,
}

/// Why a document cannot start a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadGenesis {
    /// The bytes are not a genesis document.
    #[error("this is not a genesis document: {0}")]
    Encoding(#[from] DecodeError),
    /// The shards are not strictly ascending, or there is none.
    #[error("the shards of the genesis document are missing, repeated or out of order")]
    Shards,
    /// Something in it is larger than a limit of [`crate::bounds`].
    #[error("the genesis document has {found} {what}, at most {limit} are allowed")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
        /// What was found.
        found: usize,
    },
    /// Two members of one shard have the same name.
    #[error("shard {shard} of the genesis document has two members with the name {name:?}")]
    TwoNames {
        /// The shard.
        shard: ShardId,
        /// The name.
        name: String,
    },
    /// The members of a shard cannot form one.
    #[error("shard {shard} of the genesis document: {reason}")]
    Members {
        /// The shard.
        shard: ShardId,
        /// What is wrong with it.
        reason: NotACommittee,
    },
    /// A node is a member of two shards.
    #[error("node {0} is a member of two shards")]
    TwoShards(NodeId),
    /// The mappings are not strictly ascending by contract, or a list in one is not strictly ascending,
    /// or a list of shards is empty.
    #[error(
        "the mapping of contract {0} in the genesis document is repeated, empty or out of order"
    )]
    Mapping(ContractId),
    /// An object lives in a shard that the document does not have, or that its contract does not
    /// trust.
    #[error(
        "object {index} of the genesis document lives in shard {home}, which the document does not \
         have or the contract does not trust"
    )]
    Homeless {
        /// The position of the object.
        index: usize,
        /// The shard.
        home: ShardId,
    },
}

impl GenesisShard {
    /// The first committee of the shard on `network`.
    fn committee(&self, network: NetworkId) -> Result<Committee, BadGenesis> {
        let shard = self.shard;
        let nodes = self.members.iter().map(|member| member.node).collect();
        Committee::new(network, shard, Epoch::ZERO, nodes)
            .map_err(|reason| BadGenesis::Members { shard, reason })
    }

    /// Checks the descriptors of the members; `nodes` are those of the shards before.
    fn check_members(&self, nodes: &mut BTreeSet<NodeId>) -> Result<(), BadGenesis> {
        let mut names = BTreeSet::new();
        for member in &self.members {
            if !nodes.insert(member.node) {
                return Err(BadGenesis::TwoShards(member.node));
            }
            if !names.insert(&member.name) {
                return Err(BadGenesis::TwoNames {
                    shard: self.shard,
                    name: member.name.clone(),
                });
            }
            at_most(
                "bytes in the name of a node",
                bounds::NAME_BYTES_MAX,
                member.name.len(),
            )?;
            let addresses = &member.addresses;
            at_most(
                "addresses of a node",
                bounds::ADDRESSES_MAX,
                addresses.len(),
            )?;
            for address in addresses {
                at_most(
                    "bytes in an address",
                    bounds::ADDRESS_BYTES_MAX,
                    address.len(),
                )?;
            }
        }
        Ok(())
    }
}

impl GenesisMapping {
    /// Checks the lists of the mapping. They may name shards that are founded later.
    fn check(&self) -> Result<(), BadGenesis> {
        let Mapping {
            homes,
            deciders,
            frozen,
        } = &self.mapping;
        at_most("frozen types", bounds::MAPPINGS_MAX, frozen.len())?;
        for name in frozen {
            at_most(
                "bytes in the name of a type",
                bounds::NAME_BYTES_MAX,
                name.len(),
            )?;
        }
        for shards in [homes, deciders] {
            at_most(
                "shards in a mapping",
                bounds::MAPPED_SHARDS_MAX,
                shards.len(),
            )?;
        }
        let ascend = |shards: &[ShardId]| !shards.is_empty() && shards.is_sorted_by(|a, b| a < b);
        if ascend(homes) && ascend(deciders) && frozen.is_sorted_by(|a, b| a < b) {
            Ok(())
        } else {
            Err(BadGenesis::Mapping(self.contract))
        }
    }
}

const fn at_most(what: &'static str, limit: usize, found: usize) -> Result<(), BadGenesis> {
    if found > limit {
        return Err(BadGenesis::TooMuch { what, limit, found });
    }
    Ok(())
}

impl Genesis {
    /// The name of the network.
    #[must_use]
    pub fn network(&self) -> NetworkId {
        NetworkId::from_hash(hash_value(Tag::Network, self))
    }

    /// The canonical encoding of the document.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// Reads a document and checks it.
    ///
    /// # Errors
    ///
    /// [`BadGenesis`] says what is wrong with it.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadGenesis> {
        let genesis: Self = encoding::decode(bytes, bounds::GENESIS_BYTES_MAX)?;
        genesis.check()?;
        Ok(genesis)
    }

    /// Checks that the document can start a network.
    ///
    /// # Errors
    ///
    /// [`BadGenesis`] says what is wrong with it.
    pub fn check(&self) -> Result<(), BadGenesis> {
        at_most("shards", bounds::GENESIS_SHARDS_MAX, self.shards.len())?;
        at_most("bytes in its name", bounds::NAME_BYTES_MAX, self.name.len())?;
        if self.shards.is_empty() || !self.shards.is_sorted_by(|a, b| a.shard < b.shard) {
            return Err(BadGenesis::Shards);
        }
        let network = self.network();
        let mut nodes = BTreeSet::new();
        for shard in &self.shards {
            shard.committee(network)?;
            shard.check_members(&mut nodes)?;
        }
        self.check_mappings()?;
        self.check_objects()
    }

    fn check_mappings(&self) -> Result<(), BadGenesis> {
        at_most("mappings", bounds::MAPPINGS_MAX, self.mappings.len())?;
        for pair in self.mappings.windows(2) {
            if pair[0].contract >= pair[1].contract {
                return Err(BadGenesis::Mapping(pair[1].contract));
            }
        }
        self.mappings.iter().try_for_each(GenesisMapping::check)
    }

    fn check_objects(&self) -> Result<(), BadGenesis> {
        let policy = self.policy();
        for (index, object) in self.objects.iter().enumerate() {
            let contract = &object.object_type.contract;
            if self.shard(object.home).is_none() || !policy.may_hold(contract, object.home) {
                return Err(BadGenesis::Homeless {
                    index,
                    home: object.home,
                });
            }
            let name = object.object_type.name.len();
            at_most("bytes in the name of a type", bounds::NAME_BYTES_MAX, name)?;
        }
        Ok(())
    }

    /// What the shards have agreed on.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let founders = self.shards.iter().map(|shard| shard.shard).collect();
        let mappings = self
            .mappings
            .iter()
            .map(|entry| (entry.contract, entry.mapping.clone()))
            .collect();
        Policy::new(self.profile, founders, mappings)
    }

    /// A shard of the document.
    #[must_use]
    pub fn shard(&self, shard: ShardId) -> Option<&GenesisShard> {
        let found = self
            .shards
            .binary_search_by_key(&shard, |found| found.shard)
            .ok()?;
        self.shards.get(found)
    }

    /// The shard that `node` is a member of.
    #[must_use]
    pub fn shard_of(&self, node: &NodeId) -> Option<ShardId> {
        self.shards
            .iter()
            .find(|shard| shard.members.iter().any(|member| member.node == *node))
            .map(|shard| shard.shard)
    }

    /// The first committee of a shard, `None` for a shard that the document does not have.
    pub fn committee(&self, shard: ShardId) -> Option<Result<Committee, BadGenesis>> {
        Some(self.shard(shard)?.committee(self.network()))
    }

    /// The first record of a shard, `None` for a shard that the document does not have.
    #[must_use]
    pub fn record(&self, shard: ShardId) -> Option<ShardRecord> {
        let members = self.shard(shard)?.members.clone();
        Some(ShardRecord::founded(shard, members, 0))
    }

    /// The first objects that live in `shard`.
    #[must_use]
    pub fn objects_of(&self, shard: ShardId) -> BTreeMap<ObjectId, Arc<Object>> {
        let trace = TraceId::from_hash(hash(Tag::Trace, self.network().as_bytes()));
        (0_u32..)
            .zip(&self.objects)
            .filter(|(_, object)| object.home == shard)
            .map(|(index, object)| Object {
                trace,
                index,
                object_type: object.object_type.clone(),
                home: object.home,
                content: object.content.clone(),
            })
            .map(|object| (object.id(), Arc::new(object)))
            .collect()
    }
}
