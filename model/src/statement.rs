//! What members of a shard sign, and the one layout in which they sign it.
//!
//! A statement is about one slot of the agreement, about one height of the chain of heads, or about who
//! is to follow when the epoch ends. Two statements that no honest node signs together are a
//! [`crate::Malpractice`].

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hash::Hash;
use crate::id::{NetworkId, ShardId};
use crate::key::{PublicKey, Signature, SignatureCheck};

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
        pub struct $name(u64);

        impl $name {
            /// Zero, where counting starts.
            pub const ZERO: Self = Self(0);

            /// The given number.
            #[must_use]
            pub const fn new(number: u64) -> Self {
                Self(number)
            }

            /// The number.
            #[must_use]
            pub const fn number(self) -> u64 {
                self.0
            }

            /// The next one.
            ///
            /// # Panics
            ///
            /// After 2^64 - 1, which nobody can count to.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.checked_add(1).expect("nobody counts to 2^64"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter! {
    /// A version of a shard's membership. Genesis is epoch 0.
    Epoch
}
counter! {
    /// A slot of the agreement: an opportunity for one leader to propose one block. Genesis is slot 0.
    Slot
}
counter! {
    /// The position of a block in a shard's chain. Genesis is height 0.
    Height
}

/// What every signature of a shard is bound to, so that it verifies nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scope {
    /// The network.
    pub network: NetworkId,
    /// The shard.
    pub shard: ShardId,
    /// The version of its membership.
    pub epoch: Epoch,
}

/// A vote in one slot of the agreement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Vote {
    /// The block with this hash is well-formed, available and extends a notarized block.
    Notarize(Hash),
    /// This slot should stay without a final block.
    Skip,
    /// The block with this hash is notarized, and this voter did not and will not skip the slot.
    Finalize(Hash),
}

/// Something that a member of a shard signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Statement {
    /// The leader of `slot` proposes the block with the hash `block`.
    Proposal {
        /// The slot.
        slot: Slot,
        /// The hash of the block.
        block: Hash,
    },
    /// A vote in `slot`.
    Vote {
        /// The slot.
        slot: Slot,
        /// The vote.
        vote: Vote,
    },
    /// The head of the shard's chain at `height` has the hash `head`.
    ///
    /// Paper: Section IV-A, "each peer signs the new head of their chain".
    Head {
        /// The height.
        height: Height,
        /// The hash of the head.
        head: Hash,
    },
    /// The signer is for `next`, the hash of a record, to follow when the epoch ends. One may be for
    /// several: which of them follows is what the shard agrees on.
    ///
    /// Paper: Section VI-A, `MS.update`.
    Succession {
        /// The hash of the record.
        next: Hash,
    },
}

/// Separates the signatures of shards from all others, and this layout from later ones.
const DOMAIN: &[u8] = b"chainspace/v1/consensus";

impl Statement {
    /// The signed bytes: domain, network, shard, epoch, kind, slot or height, hash. All integers are
    /// little-endian; the layout has one length, so no two statements share bytes.
    #[must_use]
    pub fn signing_bytes(&self, scope: &Scope) -> Vec<u8> {
        let (kind, number, hash) = match self {
            Self::Proposal { slot, block } => (1_u8, slot.number(), *block),
            Self::Vote { slot, vote } => match vote {
                Vote::Notarize(block) => (2, slot.number(), *block),
                Vote::Skip => (3, slot.number(), Hash::ZERO),
                Vote::Finalize(block) => (4, slot.number(), *block),
            },
            Self::Head { height, head } => (5, height.number(), *head),
            Self::Succession { next } => (6, 0, *next),
        };
        let mut bytes = Vec::with_capacity(DOMAIN.len() + 32 + 4 + 8 + 1 + 8 + 32);
        bytes.extend_from_slice(DOMAIN);
        bytes.extend_from_slice(scope.network.as_bytes());
        bytes.extend_from_slice(&scope.shard.number().to_le_bytes());
        bytes.extend_from_slice(&scope.epoch.number().to_le_bytes());
        bytes.push(kind);
        bytes.extend_from_slice(&number.to_le_bytes());
        bytes.extend_from_slice(hash.as_bytes());
        bytes
    }

    /// Whether `signature` is `key`'s signature over this statement in `scope`.
    pub fn verify(
        &self,
        scope: &Scope,
        key: &PublicKey,
        signature: &Signature,
        check: &mut impl SignatureCheck,
    ) -> bool {
        check.check(key, &self.signing_bytes(scope), signature)
    }

    /// Whether no honest node signs both statements in one scope.
    ///
    /// Per slot: two proposals; two notarizations of different blocks; two finalizations of
    /// different blocks; a finalization of one block and a notarization of another; a skip and a
    /// finalization. Per height: two heads.
    #[must_use]
    pub fn conflicts(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Proposal { slot: s, block: a }, Self::Proposal { slot: t, block: b }) => {
                s == t && a != b
            }
            (Self::Vote { slot: s, vote: a }, Self::Vote { slot: t, vote: b }) => {
                s == t && a.conflicts(b)
            }
            (Self::Head { height: s, head: a }, Self::Head { height: t, head: b }) => {
                s == t && a != b
            }
            (
                Self::Proposal { .. }
                | Self::Vote { .. }
                | Self::Head { .. }
                | Self::Succession { .. },
                _,
            ) => false,
        }
    }
}

impl Vote {
    fn conflicts(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Notarize(a) | Self::Finalize(a), Self::Notarize(b) | Self::Finalize(b)) => {
                a != b
            }
            (Self::Skip, Self::Finalize(_)) | (Self::Finalize(_), Self::Skip) => true,
            (Self::Skip, Self::Skip | Self::Notarize(_)) | (Self::Notarize(_), Self::Skip) => false,
        }
    }
}
