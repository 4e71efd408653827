//! The genesis document: what a network starts with.
//!
//! Its hash is the network's name, and every signature contains the name, so two networks with
//! different documents can never be confused.
//!
//! Paper: Section IV-A, Theorem 1: "the inductive base case involves assuming that no initial objects
//! start with the same identifier - which we can ensure axiomatically". Here it is ensured by their
//! positions in one list.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bounds;
use crate::encoding::{self, Bytes, DecodeError};
use crate::hash::{Tag, hash, hash_value};
use crate::id::{NetworkId, NodeId, ObjectId, ShardId, TraceId};
use crate::object::{Object, ObjectType};
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

/// The document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// A name for people. Two networks may have the same one.
    pub name: String,
    /// When the network was made; every block is later.
    pub created: Time,
    /// The first shards, ascending.
    pub shards: Vec<GenesisShard>,
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
    /// An object lives in a shard that the document does not have.
    #[error("object {index} of the genesis document lives in shard {home}, which it does not have")]
    Homeless {
        /// The position of the object.
        index: usize,
        /// The shard.
        home: ShardId,
    },
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
        if self.shards.is_empty() || !self.shards.is_sorted_by(|a, b| a.shard < b.shard) {
            return Err(BadGenesis::Shards);
        }
        let mut nodes = BTreeMap::new();
        for shard in &self.shards {
            self.committee(shard.shard).transpose()?;
            for member in &shard.members {
                if nodes.insert(member.node, shard.shard).is_some() {
                    return Err(BadGenesis::TwoShards(member.node));
                }
            }
        }
        for (index, object) in self.objects.iter().enumerate() {
            if self.shard(object.home).is_none() {
                return Err(BadGenesis::Homeless {
                    index,
                    home: object.home,
                });
            }
        }
        Ok(())
    }

    /// A shard of the document.
    #[must_use]
    pub fn shard(&self, shard: ShardId) -> Option<&GenesisShard> {
        self.shards.iter().find(|found| found.shard == shard)
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
        let members = &self.shard(shard)?.members;
        let nodes = members.iter().map(|member| member.node).collect();
        Some(
            Committee::new(self.network(), shard, Epoch::ZERO, nodes)
                .map_err(|reason| BadGenesis::Members { shard, reason }),
        )
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
