//! Hand-overs: how a shard says who follows when an epoch ends.
//!
//! The last block of an epoch names the record of the next one in a leaf under its head. So a
//! hand-over is signed as everything else that a shard says (decision D8): it is in the audited chain,
//! it says where the old chain ends, and no node can sign two of them at one height without having
//! signed two heads.
//!
//! Paper: Section VI-A, `MS.update`, "2f + 1 signatures from nodes in the shard".
//! Deviation: D-10.

use serde::{Deserialize, Serialize};

use crate::hash::{Hash, Tag, hash_value};
use crate::head::{HeadCertificate, HeadError};
use crate::key::SignatureCheck;
use crate::membership::ShardRecord;
use crate::merkle::{InclusionProof, leaf_hash};
use crate::shard::Committee;

/// A proof that a shard has ended an epoch, and that a given record follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandOver {
    /// The last head of the epoch, with the signatures of a quorum.
    pub head: HeadCertificate,
    /// That [`HandOver::leaf`] of the record that follows is under its outbox.
    pub proof: InclusionProof,
}

/// Why a hand-over proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHandOver {
    /// The head does not name the record.
    #[error("the head of the hand-over does not name the list of nodes that is to follow")]
    Path,
    /// The head is not certified by the shard in the epoch that ends.
    #[error(transparent)]
    Head(#[from] HeadError),
}

impl HandOver {
    /// What stands in the outbox of the last block of an epoch. It is the leaf of no promise: those
    /// are longer than a hash.
    #[must_use]
    pub fn leaf(next: &ShardRecord) -> Hash {
        Self::leaf_of(&next.hash())
    }

    /// As [`HandOver::leaf`], of the hash of a record.
    #[must_use]
    pub fn leaf_of(next: &Hash) -> Hash {
        leaf_hash(hash_value(Tag::HandOver, next).as_ref())
    }

    /// Checks that `2f + 1` members of `committee`, whose epoch ends, say that `next` follows.
    ///
    /// # Errors
    ///
    /// [`BadHandOver`] says what is wrong.
    pub fn verify(
        &self,
        next: &ShardRecord,
        committee: &Committee,
        check: &mut impl SignatureCheck,
    ) -> Result<(), BadHandOver> {
        let outbox = &self.head.head.outbox;
        if !self.proof.verify(outbox, &Self::leaf(next)) {
            return Err(BadHandOver::Path);
        }
        Ok(self.head.verify(committee, check)?)
    }

    /// The same proof with the signatures of those alone who are on a seat of `committee`: who was
    /// excluded after signing does not count any more.
    #[must_use]
    pub fn among(mut self, committee: &Committee) -> Self {
        let signatures = &mut self.head.certificate.signatures;
        signatures.retain(|(seat, _)| committee.member(*seat).is_some());
        self
    }
}
