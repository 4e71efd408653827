//! Trees sorted by key, which can also prove that a key is not there.
//!
//! A key is absent if two neighbours leave no room for it, or if it lies beyond the first or the
//! last entry. This rests on the entries being in strictly ascending order, which a root does not
//! show by itself: the signers of the root vouch for it, and an honest one builds it with
//! [`SortedTree`].
//!
//! Paper: Section IV-A, partial audits.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{InclusionProof, Tree};
use crate::hash::{Hash, Tag, hash_parts};

/// The leaf that stands for an entry. No [`super::leaf_hash`] is equal to it.
#[must_use]
pub fn entry_leaf(key: &Hash, value: &Hash) -> Hash {
    hash_parts(Tag::MerkleLeaf, &[key.as_bytes(), value.as_bytes()])
}

/// A tree over entries in ascending order of their keys.
#[derive(Clone, Debug)]
pub struct SortedTree {
    entries: Vec<(Hash, Hash)>,
    tree: Tree,
}

impl SortedTree {
    /// The tree over a map from keys to values.
    #[must_use]
    pub fn new(entries: BTreeMap<Hash, Hash>) -> Self {
        let entries: Vec<_> = entries.into_iter().collect();
        let leaves = entries
            .iter()
            .map(|(key, value)| entry_leaf(key, value))
            .collect();
        Self {
            entries,
            tree: Tree::new(leaves),
        }
    }

    /// The root, which commits to all entries and their number.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.tree.root()
    }

    /// How many entries there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Proves that `key` is there, or that it is not.
    #[must_use]
    pub fn prove(&self, key: &Hash) -> Lookup {
        match self
            .entries
            .binary_search_by(|(candidate, _)| candidate.cmp(key))
        {
            Ok(at) => Lookup::Present(self.presence(at)),
            Err(at) => Lookup::Absent(self.absence(at)),
        }
    }

    /// That a key which would be inserted before the entry at `at` is not there.
    fn absence(&self, at: usize) -> AbsenceProof {
        match at.checked_sub(1) {
            None if self.entries.is_empty() => AbsenceProof::Empty,
            None => AbsenceProof::BeforeFirst(self.presence(0)),
            Some(last) if at == self.entries.len() => AbsenceProof::AfterLast(self.presence(last)),
            Some(left) => AbsenceProof::Between(self.presence(left), self.presence(at)),
        }
    }

    fn presence(&self, at: usize) -> PresenceProof {
        let (key, value) = self.entries[at];
        let inclusion = self.tree.prove(at).expect("each entry has a leaf");
        PresenceProof {
            key,
            value,
            inclusion,
        }
    }
}

/// What a tree says about a key, with the proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lookup {
    /// The key is there.
    Present(PresenceProof),
    /// It is not.
    Absent(AbsenceProof),
}

/// What someone claims shows that an entry is under the root of a sorted tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PresenceProof {
    /// The key of the entry.
    pub key: Hash,
    /// What the tree says about it.
    pub value: Hash,
    /// That the entry is a leaf.
    pub inclusion: InclusionProof,
}

impl PresenceProof {
    /// Whether the tree under `root` has the entry.
    #[must_use]
    pub fn verify(&self, root: &Hash) -> bool {
        self.inclusion
            .verify(root, &entry_leaf(&self.key, &self.value))
    }
}

/// What someone claims shows that a key is not under the root of a sorted tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AbsenceProof {
    /// Nothing is there.
    Empty,
    /// The key is less than that of this entry, the first one.
    BeforeFirst(PresenceProof),
    /// The key lies between those of two entries with nothing between them.
    Between(PresenceProof, PresenceProof),
    /// The key is greater than that of this entry, the last one.
    AfterLast(PresenceProof),
}

impl AbsenceProof {
    /// Whether the tree under `root`, if it is sorted, has no entry with this key.
    ///
    /// No input makes this panic.
    #[must_use]
    pub fn verify(&self, root: &Hash, key: &Hash) -> bool {
        match self {
            Self::Empty => *root == super::root(&[]),
            Self::BeforeFirst(first) => {
                key < &first.key && first.inclusion.index == 0 && first.verify(root)
            }
            Self::Between(left, right) => {
                left.key < *key
                    && *key < right.key
                    && left.inclusion.index.checked_add(1) == Some(right.inclusion.index)
                    && left.verify(root)
                    && right.verify(root)
            }
            Self::AfterLast(last) => {
                &last.key < key && last.inclusion.is_last() && last.verify(root)
            }
        }
    }
}
