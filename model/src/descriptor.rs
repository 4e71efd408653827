//! Node descriptors: what a shard says of each of its nodes.
//!
//! The key by which a node speaks on the network is not among it, because that may change without the
//! shard (decision D21).
//!
//! Paper: Section VI-A, "node descriptors (names, network addresses and public verification keys)".

use serde::{Deserialize, Serialize};

use crate::address::{self, BadAddress};
use crate::bounds;
use crate::hash::{Hash, Tag, hash_value};
use crate::id::NodeId;

/// A node as its shard lists it.
///
/// Paper: Section VI-A, "node descriptors (names, network addresses and public verification keys)".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeDescriptor {
    /// A name for people, unique in the shard.
    pub name: String,
    /// The member key.
    pub node: NodeId,
    /// Where the node can be reached, as multiaddresses.
    pub addresses: Vec<String>,
}

/// Why a descriptor cannot be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDescriptor {
    /// The name cannot be shown as it is.
    #[error(
        "the name of a node is 1 to 64 printable ASCII characters, with no space at either end"
    )]
    Name,
    /// More addresses than [`bounds::ADDRESSES_MAX`].
    #[error("a node has {limit} addresses at most, this one has {found}")]
    Addresses {
        /// The limit.
        limit: usize,
        /// The addresses it has.
        found: usize,
    },
    /// One of the addresses is none.
    #[error(transparent)]
    Address(#[from] BadAddress),
}

impl NodeDescriptor {
    /// The fingerprint of the descriptor.
    #[must_use]
    pub fn hash(&self) -> Hash {
        hash_value(Tag::Descriptor, self)
    }

    /// Checks that name and addresses may be registered. The key is for
    /// [`crate::Committee::new`] to judge, which sees the others.
    ///
    /// A node may have no address: whoever looks for it then has to know, or to ask around.
    ///
    /// # Errors
    ///
    /// [`BadDescriptor`] says what is wrong with it.
    pub fn check(&self) -> Result<(), BadDescriptor> {
        let name = self.name.as_bytes();
        let fits = (1..=bounds::NAME_BYTES_MAX).contains(&name.len());
        let printable = name.iter().all(|byte| (b' '..=b'~').contains(byte));
        if !fits || !printable || self.name.trim() != self.name {
            return Err(BadDescriptor::Name);
        }
        let (limit, found) = (bounds::ADDRESSES_MAX, self.addresses.len());
        if found > limit {
            return Err(BadDescriptor::Addresses { limit, found });
        }
        for address in &self.addresses {
            address::check(address)?;
        }
        Ok(())
    }
}
