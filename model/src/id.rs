//! The identifiers of Chainspace, each its own type so that none can stand in for another.
//!
//! `TraceId` and `ObjectId` bind everything that led to them (Paper: Section IV-A, Hash-DAG), and an
//! `ObjectId` binds the content and the home shard as well (Deviation: D-1). How each is derived is
//! said where the thing itself is: [`crate::Trace::id`], [`crate::Object::id`],
//! [`crate::TransactionBody::id`], [`crate::Genesis::network`].

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hash::{Tag, byte_newtype, hash_parts};
use crate::key::PublicKey;

byte_newtype! {
    /// The name of a network: the hash of its genesis document. Everything signed contains it.
    pub struct NetworkId;
}

byte_newtype! {
    /// `id(Trace)`: the fingerprint of one execution of a procedure, outputs excluded.
    ///
    /// Paper: Section IV-A.
    pub struct TraceId;
}

byte_newtype! {
    /// `id(o)`: the fingerprint of an object and of its whole history.
    ///
    /// Paper: Section IV-A. Deviation: D-1, the content and the home shard are bound too.
    pub struct ObjectId;
}

byte_newtype! {
    /// The fingerprint of a transaction body: nonce, deadline, mode, participants, traces, outputs.
    ///
    /// Signatures are not covered, so nobody can make a second identifier for the same body.
    pub struct TransactionId;
}

/// The contract that defines a type or a procedure: the identifier of its contract object.
///
/// Paper: Section II-A, "contracts are special types of objects".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContractId(pub ObjectId);

impl ContractId {
    /// The identifier of a system contract, which exists on every network without being deployed.
    ///
    /// Paper: Section VI-A, "In our first implementation we have hardcoded ManageShards and
    /// ManageContracts".
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self(ObjectId::from_hash(hash_parts(
            Tag::Genesis,
            &[b"system contract", name.as_bytes()],
        )))
    }
}

impl fmt::Debug for ContractId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "contract {:?}", self.0)
    }
}

impl fmt::Display for ContractId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A node as the ledger knows it: its member key, which signs votes and heads.
///
/// It is not the identity of the node on the network (decision D21).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(PublicKey);

impl NodeId {
    /// The node that signs with `key`.
    #[must_use]
    pub const fn new(key: PublicKey) -> Self {
        Self(key)
    }

    /// The key that the node's signatures are checked with.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.0
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {:?}", self.0)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A shard: the group of nodes that manages the objects whose home it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ShardId(u32);

impl ShardId {
    /// The shard with this number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The shard's number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Debug for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shard {}", self.0)
    }
}

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
