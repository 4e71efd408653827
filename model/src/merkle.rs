//! Merkle trees: one hash for many leaves, and short proofs of what is under it.
//!
//! The shape is that of RFC 6962: of each level the nodes are paired from the left, and an odd one
//! out moves up as it is. The bytes differ from RFC 6962. Leaves and inner nodes are hashed under
//! tags of their own ([`Tag::MerkleLeaf`], [`Tag::MerkleNode`]), so that neither can be shown for
//! the other, and the root is the hash of the number of leaves and the top node
//! ([`Tag::MerkleRoot`]), so that "this is the last leaf" can be proven as well.
//!
//! Paper: Section IV-A, checkpoints and partial audits.

mod range;
mod sorted;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::hash::{Hash, Tag, hash, hash_parts};

pub use range::RangeProof;
pub use sorted::{AbsenceProof, Lookup, PresenceProof, SortedTree, entry_leaf};

/// The leaf that stands for some bytes.
#[must_use]
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    hash(Tag::MerkleLeaf, bytes)
}

/// The root over leaves that are leaf hashes already. The order counts.
///
/// No leaves have a root too, one constant that is the root of nothing else.
#[must_use]
pub fn root(leaves: &[Hash]) -> Hash {
    let mut level = leaves.to_vec();
    while level.len() > 1 {
        level = parents(&level);
    }
    seal(leaves.len() as u64, level.first())
}

/// A proof that the leaf at `index` is under [`root`], or `None` if there is no such leaf.
///
/// It costs as much as the root. To prove many leaves of one tree, keep a [`Tree`].
#[must_use]
pub fn prove(leaves: &[Hash], index: usize) -> Option<InclusionProof> {
    Tree::new(leaves.to_vec()).prove(index)
}

/// A tree with all its nodes, for proofs at the cost of copying them out.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The leaves, their parents, and so on up to the one top node; never empty.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// The tree over leaves that are leaf hashes already.
    #[must_use]
    pub fn new(leaves: Vec<Hash>) -> Self {
        let mut levels = vec![leaves];
        while let Some(level) = levels.last().filter(|level| level.len() > 1) {
            levels.push(parents(level));
        }
        Self { levels }
    }

    /// The same as [`root`] of the leaves.
    #[must_use]
    pub fn root(&self) -> Hash {
        let top = self.levels.last().and_then(|level| level.first());
        seal(self.leaves().len() as u64, top)
    }

    /// The same as [`prove`] of the leaves.
    #[must_use]
    pub fn prove(&self, index: usize) -> Option<InclusionProof> {
        let size = self.leaves().len();
        if index >= size {
            return None;
        }
        let sibling =
            |(height, level): (usize, &Vec<Hash>)| level.get((index >> height) ^ 1).copied();
        let path = self.levels.iter().enumerate().filter_map(sibling).collect();
        Some(InclusionProof {
            index: index as u64,
            size: size as u64,
            path,
        })
    }

    /// The leaves.
    #[must_use]
    pub fn leaves(&self) -> &[Hash] {
        &self.levels[0]
    }
}

/// What someone claims shows that a leaf is under a root. Anybody can write one down; only
/// [`InclusionProof::verify`] says whether it is true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InclusionProof {
    /// Which leaf, counted from zero.
    pub index: u64,
    /// How many leaves there are.
    pub size: u64,
    /// The siblings on the way up, the lowest first.
    pub path: Vec<Hash>,
}

impl InclusionProof {
    /// Whether the tree under `root` has `size` leaves and the one at `index` is `leaf`.
    ///
    /// Exactly one path is accepted. No input makes this panic or work for longer than 64 levels.
    #[must_use]
    pub fn verify(&self, root: &Hash, leaf: &Hash) -> bool {
        self.top(leaf)
            .is_some_and(|top| seal(self.size, Some(&top)) == *root)
    }

    /// Whether this is a proof for the last leaf. True means something only if the proof is.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.index.checked_add(1) == Some(self.size)
    }

    /// The top node that the path leads to, if it has the length that `index` and `size` ask for.
    fn top(&self, leaf: &Hash) -> Option<Hash> {
        let mut last = self.size.checked_sub(1)?;
        let mut index = self.index;
        if index > last {
            return None;
        }
        let mut path = self.path.iter();
        let mut node = *leaf;
        while last > 0 {
            if index % 2 == 1 {
                node = parent(path.next()?, &node);
            } else if index < last {
                node = parent(&node, path.next()?);
            }
            index /= 2;
            last /= 2;
        }
        path.next().is_none().then_some(node)
    }
}

fn parents(level: &[Hash]) -> Vec<Hash> {
    level
        .chunks(2)
        .map(|pair| pair.get(1).map_or(pair[0], |right| parent(&pair[0], right)))
        .collect()
}

fn parent(left: &Hash, right: &Hash) -> Hash {
    hash_parts(Tag::MerkleNode, &[left.as_bytes(), right.as_bytes()])
}

/// Binds the number of leaves to the top node, which only an empty tree has not.
fn seal(size: u64, top: Option<&Hash>) -> Hash {
    let top = top.map_or(&[][..], |top| top.as_bytes());
    hash_parts(Tag::MerkleRoot, &[&size.to_le_bytes(), top])
}
