//! What founders of a shard hand to each other before there is a transaction: descriptors, the record
//! that is to be agreed on, and consents.
//!
//! Each of them travels from one operator to another, by mail or over the network, and is checked where
//! it arrives. None is worth anything on another network.
//!
//! Paper: Section VI-A, `MS.create`.

use serde::{Deserialize, Serialize};

use crate::descriptor::{BadDescriptor, NodeDescriptor};
use crate::hash::Hash;
use crate::id::{NetworkId, NodeId};
use crate::key::{Signature, SignatureCheck};
use crate::membership::ShardRecord;

/// Separates descriptors from everything else that a member key signs.
const DESCRIPTOR_DOMAIN: &[u8] = b"chainspace/v1/descriptor|";

/// A node describes itself: whoever wants it in a shard can see that the key is its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedDescriptor {
    /// The network that it is for.
    pub network: NetworkId,
    /// What the node says of itself.
    pub descriptor: NodeDescriptor,
    /// The signature of its member key.
    pub signature: Signature,
}

/// A record that nodes are asked to agree to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The network that it is for.
    pub network: NetworkId,
    /// What the shard is to be.
    pub record: ShardRecord,
}

/// A node agrees to its seat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// The network that it is for.
    pub network: NetworkId,
    /// [`ShardRecord::hash`] of what it agrees to.
    pub record: Hash,
    /// The node.
    pub node: NodeId,
    /// Its signature over [`ShardRecord::consent_bytes`].
    pub signature: Signature,
}

/// Why something that a node is said to have signed is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPaper {
    /// It is for another network.
    #[error("it is for network {found}, this is network {expected}")]
    OtherNetwork {
        /// This network.
        expected: NetworkId,
        /// The other one.
        found: NetworkId,
    },
    /// The descriptor cannot be registered.
    #[error(transparent)]
    Descriptor(#[from] BadDescriptor),
    /// The node has not signed it.
    #[error("it is not signed by node {0}")]
    Signature(NodeId),
}

impl SignedDescriptor {
    /// Lets a node describe itself: `sign` signs with its member key.
    #[must_use]
    pub fn new(
        network: NetworkId,
        descriptor: NodeDescriptor,
        sign: impl FnOnce(&[u8]) -> Signature,
    ) -> Self {
        let signature = sign(&Self::signing_bytes(network, &descriptor));
        Self {
            network,
            descriptor,
            signature,
        }
    }

    /// The bytes that the node signs: domain, network, hash of the descriptor.
    #[must_use]
    pub fn signing_bytes(network: NetworkId, descriptor: &NodeDescriptor) -> Vec<u8> {
        let hash = descriptor.hash();
        [DESCRIPTOR_DOMAIN, network.as_bytes(), hash.as_bytes()].concat()
    }

    /// The descriptor, if it can be registered on `network` and the node has signed it.
    ///
    /// # Errors
    ///
    /// [`BadPaper`] says what is wrong with it.
    pub fn verify(
        self,
        network: NetworkId,
        check: &mut impl SignatureCheck,
    ) -> Result<NodeDescriptor, BadPaper> {
        is_for(network, self.network)?;
        self.descriptor.check()?;
        let bytes = Self::signing_bytes(network, &self.descriptor);
        let node = self.descriptor.node;
        signed(check.check(node.key(), &bytes, &self.signature), node)?;
        Ok(self.descriptor)
    }
}

impl Consent {
    /// Lets a node agree to a record: `sign` signs with its member key.
    #[must_use]
    pub fn new(
        network: NetworkId,
        record: &ShardRecord,
        node: NodeId,
        sign: impl FnOnce(&[u8]) -> Signature,
    ) -> Self {
        Self {
            network,
            record: record.hash(),
            node,
            signature: sign(&record.consent_bytes(network)),
        }
    }

    /// Checks that the node has agreed to just this record.
    ///
    /// # Errors
    ///
    /// [`BadPaper`] says what is wrong with it.
    pub fn verify(
        &self,
        network: NetworkId,
        record: &ShardRecord,
        check: &mut impl SignatureCheck,
    ) -> Result<(), BadPaper> {
        is_for(network, self.network)?;
        let bytes = record.consent_bytes(network);
        let agreed =
            self.record == record.hash() && check.check(self.node.key(), &bytes, &self.signature);
        signed(agreed, self.node)
    }
}

fn is_for(expected: NetworkId, found: NetworkId) -> Result<(), BadPaper> {
    if expected == found {
        Ok(())
    } else {
        Err(BadPaper::OtherNetwork { expected, found })
    }
}

fn signed(holds: bool, node: NodeId) -> Result<(), BadPaper> {
    holds.then_some(()).ok_or(BadPaper::Signature(node))
}
