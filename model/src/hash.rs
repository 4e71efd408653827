//! SHA-256 with one closed list of domains, and the 32-byte names made of it.
//!
//! Every hash of the protocol is taken under a [`Tag`], so that nothing hashed for one purpose can
//! be shown for another. What goes into SHA-256 is
//!
//! ```text
//! length of the domain, one byte | domain | for each part: length, u64 little endian | part
//! ```
//!
//! The length byte makes the domains prefix-free and the lengths make the list of parts
//! self-delimiting: two different pairs of tag and parts are two different inputs, so that only a
//! collision of SHA-256 itself can make their hashes equal.
//!
//! Paper: Section IV-A.

#[cfg(test)]
mod tests;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::encoding;

/// Makes a newtype over a fixed number of bytes.
///
/// `struct Name;` is the name of something, which is a [`Hash`] of one kind; `struct Bytes[64];` is
/// a string of so many bytes that means nothing by itself.
///
/// The type is `Copy`, ordered as its bytes are, shown and parsed as hexadecimal, a byte string in
/// the canonical encoding, and hexadecimal text in formats made for people.
macro_rules! byte_newtype {
    ($(#[$meta:meta])* $vis:vis struct $name:ident;) => {
        $crate::hash::byte_newtype! { $(#[$meta])* $vis struct $name[32]; }

        impl $name {
            /// The name that a hash is, once it is known what was hashed.
            #[must_use]
            pub const fn from_hash(hash: $crate::hash::Hash) -> Self {
                Self(*hash.as_bytes())
            }

            /// The same bytes as a hash of no particular kind.
            #[must_use]
            pub const fn to_hash(self) -> $crate::hash::Hash {
                $crate::hash::Hash::from_bytes(self.0)
            }
        }
    };
    ($(#[$meta:meta])* $vis:vis struct $name:ident[$size:literal];) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis struct $name([u8; $size]);

        impl $name {
            /// The size in bytes.
            pub const SIZE: usize = $size;

            /// Takes the bytes as they are.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; $size]) -> Self {
                Self(bytes)
            }

            /// The bytes themselves.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $size] {
                &self.0
            }
        }

        impl ::core::convert::AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                $crate::encoding::hex::debug(stringify!($name), &self.0, f)
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                $crate::encoding::hex::write(&self.0, f)
            }
        }

        impl ::core::str::FromStr for $name {
            type Err = $crate::encoding::HexError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::encoding::hex::parse_array(text).map(Self)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::encoding::bytes::serialize(&self.0, serializer)
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Self, D::Error> {
                $crate::encoding::bytes::deserialize_array(deserializer).map(Self)
            }
        }
    };
}
pub(crate) use byte_newtype;

byte_newtype! {
    /// A SHA-256 hash: the name of a value, or a commitment to it.
    pub struct Hash[32];
}

impl Hash {
    /// Thirty-two zero bytes, which stand for "nothing before this" and are the hash of nothing
    /// that anyone can find.
    pub const ZERO: Self = Self([0; 32]);
}

/// What a hash is taken for. The list is closed: a new purpose is a new tag.
///
/// The names are part of every identifier and never change within a protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tag {
    /// The name of a network: its genesis document.
    Network,
    /// The content of an object.
    Content,
    /// A trace.
    Trace,
    /// An object.
    Object,
    /// A transaction.
    Transaction,
    /// The payload of a block.
    Payload,
    /// A block.
    Block,
    /// An entry of a block.
    Entry,
    /// The result of an entry.
    Result,
    /// A promise to another shard.
    Outbox,
    /// A leaf of a Merkle tree.
    MerkleLeaf,
    /// An inner node of a Merkle tree.
    MerkleNode,
    /// The root of a Merkle tree, which binds the number of its leaves.
    MerkleRoot,
    /// The head of a shard's chain.
    Head,
    /// A committee.
    Committee,
    /// A genesis document.
    Genesis,
    /// A node record.
    Record,
    /// The record of a shard.
    Shard,
    /// What a shard says at the end of an epoch.
    HandOver,
    /// What objects are found by that have no owner.
    Label,
    /// What a node says of itself.
    Descriptor,
    /// What nodes form a shard on, whatever its number and its epoch.
    Terms,
    /// The check of a text that travels by hand.
    Paper,
    /// Some of the active objects of a shard, by their identifiers.
    ObjectsPiece,
    /// Some of the rest of the state of a shard.
    Piece,
}

impl Tag {
    /// The bytes that separate this purpose from every other one.
    const fn domain(self) -> &'static [u8] {
        match self {
            Self::Network => b"chainspace/v1/network",
            Self::Content => b"chainspace/v1/content",
            Self::Trace => b"chainspace/v1/trace",
            Self::Object => b"chainspace/v1/object",
            Self::Transaction => b"chainspace/v1/transaction",
            Self::Payload => b"chainspace/v1/payload",
            Self::Block => b"chainspace/v1/block",
            Self::Entry => b"chainspace/v1/entry",
            Self::Result => b"chainspace/v1/result",
            Self::Outbox => b"chainspace/v1/outbox",
            Self::MerkleLeaf => b"chainspace/v1/merkle-leaf",
            Self::MerkleNode => b"chainspace/v1/merkle-node",
            Self::MerkleRoot => b"chainspace/v1/merkle-root",
            Self::Head => b"chainspace/v1/head",
            Self::Committee => b"chainspace/v1/committee",
            Self::Genesis => b"chainspace/v1/genesis",
            Self::Record => b"chainspace/v1/record",
            Self::Shard => b"chainspace/v1/shard",
            Self::HandOver => b"chainspace/v1/hand-over",
            Self::Label => b"chainspace/v1/label",
            Self::Descriptor => b"chainspace/v1/descriptor",
            Self::Terms => b"chainspace/v1/terms",
            Self::Paper => b"chainspace/v1/paper",
            Self::ObjectsPiece => b"chainspace/v1/objects-piece",
            Self::Piece => b"chainspace/v1/piece",
        }
    }
}

/// The hash of one byte string. The same as [`hash_parts`] with that one part.
#[must_use]
pub fn hash(tag: Tag, bytes: &[u8]) -> Hash {
    hash_parts(tag, &[bytes])
}

/// The hash of a list of byte strings. Where one part ends and the next begins counts.
#[must_use]
pub fn hash_parts(tag: Tag, parts: &[&[u8]]) -> Hash {
    let domain = tag.domain();
    let mut sha = Sha256::new();
    sha.update([domain.len() as u8]);
    sha.update(domain);
    for part in parts {
        sha.update((part.len() as u64).to_le_bytes());
        sha.update(part);
    }
    Hash(sha.finalize().into())
}

/// The hash of a value, which is the [`hash`] of its canonical encoding.
#[must_use]
pub fn hash_value<T: Serialize + ?Sized>(tag: Tag, value: &T) -> Hash {
    hash(tag, &encoding::encode(value))
}
