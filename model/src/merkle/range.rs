//! Proofs for neighbouring leaves, which share most of their way up.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::{InclusionProof, Tree, parents, seal};
use crate::hash::Hash;

/// What someone claims shows that a run of leaves is under a root. Anybody can write one down; only
/// [`RangeProof::verify`] says whether it is true.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeProof {
    /// The index of the first leaf of the run, counted from zero.
    pub first: u64,
    /// How many leaves the tree has.
    pub size: u64,
    /// The siblings on the way up, the lowest first; of each level the left one first.
    pub path: Vec<Hash>,
}

impl Tree {
    /// A proof that the `count` leaves from `first` on are under [`Tree::root`], or `None` if there
    /// are no such leaves, or none at all are asked for.
    #[must_use]
    pub fn prove_range(&self, first: usize, count: usize) -> Option<RangeProof> {
        let size = self.leaves().len();
        let mut end = first.checked_add(count)?.checked_sub(1)?;
        if count == 0 || end >= size {
            return None;
        }
        let mut path = Vec::new();
        let mut begin = first;
        for level in &self.levels[..self.levels.len() - 1] {
            if begin % 2 == 1 {
                path.push(level[begin - 1]);
            }
            if end.is_multiple_of(2) {
                path.extend(level.get(end + 1));
            }
            begin /= 2;
            end /= 2;
        }
        Some(RangeProof {
            first: first as u64,
            size: size as u64,
            path,
        })
    }
}

impl RangeProof {
    /// Whether the tree under `root` has `size` leaves and those from `first` on are `leaves`.
    ///
    /// Exactly one path is accepted. No input makes this panic; it works for 64 levels at most, on
    /// no more nodes than there are leaves.
    #[must_use]
    pub fn verify(&self, root: &Hash, leaves: &[Hash]) -> bool {
        self.top(leaves)
            .is_some_and(|top| seal(self.size, Some(&top)) == *root)
    }

    /// The proof for one of the leaves alone, `at` counted from the first of them, if all of them are
    /// under a root: what the path of one leaf lacks is among the other leaves.
    #[must_use]
    pub fn narrow(&self, leaves: &[Hash], at: usize) -> Option<InclusionProof> {
        let index = self.first.checked_add(at as u64)?;
        leaves.get(at)?;
        let mut path = Vec::new();
        let mut node = index;
        self.climb(leaves, |begin, level| {
            let sibling = (node ^ 1).checked_sub(begin);
            path.extend(sibling.and_then(|sibling| level.get(usize::try_from(sibling).ok()?)));
            node /= 2;
        })?;
        Some(InclusionProof {
            index,
            size: self.size,
            path,
        })
    }

    /// As [`RangeProof::narrow`], for each of the leaves, at the cost of one of them and of copying the
    /// paths out.
    #[must_use]
    pub fn narrow_each(&self, leaves: &[Hash]) -> Option<Vec<InclusionProof>> {
        let alone = |(_, index)| InclusionProof {
            index,
            size: self.size,
            path: Vec::new(),
        };
        self.first.checked_add(leaves.len() as u64)?;
        let mut proofs: Vec<_> = leaves.iter().zip(self.first..).map(alone).collect();
        let mut height = 0;
        self.climb(leaves, |begin, level| {
            for proof in &mut proofs {
                let sibling = ((proof.index >> height) ^ 1).checked_sub(begin);
                let sibling = sibling.and_then(|sibling| usize::try_from(sibling).ok());
                let sibling = sibling.and_then(|sibling| level.get(sibling));
                proof.path.extend(sibling);
            }
            height += 1;
        })?;
        Some(proofs)
    }

    /// The top node that the path leads to, if it has the length that the run asks for.
    fn top(&self, leaves: &[Hash]) -> Option<Hash> {
        self.climb(leaves, |_, _| ())
    }

    /// As [`RangeProof::top`]. `visit` sees of each level below the top the nodes that are known, which
    /// are the siblings of the run and the run, and the index of the first of them.
    fn climb(&self, leaves: &[Hash], mut visit: impl FnMut(u64, &[Hash])) -> Option<Hash> {
        let mut last = self.size.checked_sub(1)?;
        let mut begin = self.first;
        let end = begin.checked_add(leaves.len() as u64)?.checked_sub(1)?;
        if leaves.is_empty() || end > last {
            return None;
        }
        let mut path = self.path.iter();
        let mut run = leaves.to_vec();
        while last > 0 {
            if begin % 2 == 1 {
                run.insert(0, *path.next()?);
                begin -= 1;
            }
            // The node after the run is the sibling of its last one, if that has an even index.
            let after = begin + run.len() as u64;
            if after % 2 == 1 && after <= last {
                run.push(*path.next()?);
            }
            visit(begin, &run);
            run = parents(&run);
            begin /= 2;
            last /= 2;
        }
        path.next().is_none().then_some(*run.first()?)
    }
}
