//! Runs against a definition by sets of subtrees, and every small lie about one.

use super::*;
use crate::merkle::{leaf_hash, parent, root};

fn leaves(size: usize) -> Vec<Hash> {
    (0..size)
        .map(|leaf| leaf_hash(&leaf.to_le_bytes()))
        .collect()
}

fn is_in_run(first: usize, count: usize) -> impl Fn(usize) -> bool {
    move |leaf| (first..first + count).contains(&leaf)
}

/// The tops of the largest subtrees next to the run, from the definition: at each height, the nodes
/// of which no leaf is in the run while their sibling has one.
fn defined_path(leaves: &[Hash], first: usize, count: usize) -> Vec<Hash> {
    let in_run = is_in_run(first, count);
    let mut path = Vec::new();
    let mut width = 1;
    while width < leaves.len() {
        let has = |node: usize| (node * width..(node + 1) * width).any(&in_run);
        for node in 0..leaves.len().div_ceil(width) {
            if !has(node) && has(node ^ 1) {
                path.push(defined_top(leaves, node * width, width));
            }
        }
        width *= 2;
    }
    path
}

/// The top over at most `width` leaves, a power of two, from `begin` on.
fn defined_top(leaves: &[Hash], begin: usize, width: usize) -> Hash {
    let half = width / 2;
    if width == 1 {
        leaves[begin]
    } else if begin + half >= leaves.len() {
        defined_top(leaves, begin, half)
    } else {
        parent(
            &defined_top(leaves, begin, half),
            &defined_top(leaves, begin + half, half),
        )
    }
}

/// Calls `check` with each tree of so many leaves and each run of neighbours in it.
fn for_all_runs(sizes: impl Iterator<Item = usize>, check: impl Fn(&Tree, &[Hash], RangeProof)) {
    for size in sizes {
        let tree = Tree::new(leaves(size));
        for first in 0..size {
            for count in 1..=size - first {
                let proof = tree.prove_range(first, count).expect("leaves of the tree");
                check(&tree, &tree.leaves()[first..first + count], proof);
            }
        }
    }
}

#[test]
fn every_run_has_the_path_of_the_definition_and_is_proven_by_it() {
    for_all_runs(1..=40, |tree, run, proof| {
        let first = usize::try_from(proof.first).expect("small");
        assert_eq!(proof.size, tree.leaves().len() as u64);
        assert_eq!(
            proof.path,
            defined_path(tree.leaves(), first, run.len()),
            "{} from {first} of {}",
            run.len(),
            proof.size
        );
        assert!(proof.verify(&tree.root(), run), "{proof:?}");
    });
}

#[test]
fn a_run_of_one_has_the_path_of_the_leaf() {
    for size in 1..=40 {
        let tree = Tree::new(leaves(size));
        for index in 0..size {
            let run = tree.prove_range(index, 1).expect("a leaf");
            let one = tree.prove(index).expect("a leaf");
            assert_eq!(
                (run.first, run.size, run.path),
                (one.index, one.size, one.path)
            );
        }
    }
}

#[test]
fn every_leaf_of_a_run_can_be_proven_alone() {
    for_all_runs(1..=40, |tree, run, proof| {
        let first = usize::try_from(proof.first).expect("small");
        for at in 0..run.len() {
            assert_eq!(proof.narrow(run, at), tree.prove(first + at));
        }
        let each = (0..run.len()).map(|at| tree.prove(first + at)).collect();
        assert_eq!(proof.narrow_each(run), each);
        assert_eq!(proof.narrow(run, run.len()), None);
        assert_eq!(proof.narrow(run, usize::MAX), None);
    });
}

#[test]
fn nothing_is_proven_of_no_leaves_or_of_leaves_beyond_the_last() {
    for size in 0..=10 {
        let tree = Tree::new(leaves(size));
        for first in (0..=size + 1).chain([usize::MAX]) {
            assert_eq!(tree.prove_range(first, 0), None);
            for beyond in [size.saturating_sub(first) + 1, usize::MAX] {
                assert_eq!(tree.prove_range(first, beyond), None, "{first} of {size}");
            }
        }
    }
}

#[test]
fn the_run_of_all_leaves_needs_no_path_and_no_run_shows_the_empty_tree() {
    for size in 1..=40 {
        let tree = Tree::new(leaves(size));
        let proof = tree.prove_range(0, size).expect("all leaves");
        assert_eq!(proof.path, []);
    }
    for size in [0, 1, u64::MAX] {
        let (first, path) = (0, Vec::new());
        let claim = RangeProof { first, size, path };
        assert!(!claim.verify(&root(&[]), &[]));
        assert!(!claim.verify(&root(&[]), &[Hash::ZERO]));
    }
}

/// All lists that are one step away from `hashes`.
fn other_lists(hashes: &[Hash]) -> Vec<Vec<Hash>> {
    let mut others = Vec::new();
    for at in 0..hashes.len() {
        let mut changed = hashes.to_vec();
        let mut bytes = *changed[at].as_bytes();
        bytes[at % 32] ^= 1;
        changed[at] = Hash::from_bytes(bytes);
        let mut dropped = hashes.to_vec();
        dropped.remove(at);
        let mut swapped = hashes.to_vec();
        swapped.swap(at, 0);
        others.extend([changed, dropped, swapped]);
    }
    for at in 0..=hashes.len() {
        let mut added = hashes.to_vec();
        added.insert(at, hashes.get(at).copied().unwrap_or(Hash::ZERO));
        others.push(added);
    }
    others.retain(|other| other != hashes);
    others
}

#[test]
fn no_other_path_is_accepted() {
    for_all_runs(1..=17, |tree, run, proof| {
        for path in other_lists(&proof.path) {
            let claim = RangeProof {
                path,
                ..proof.clone()
            };
            assert!(!claim.verify(&tree.root(), run), "{claim:?}");
        }
    });
}

#[test]
fn no_other_leaves_are_accepted() {
    for_all_runs(1..=17, |tree, run, proof| {
        let longer = [&[tree.leaves()[0]], run].concat();
        for leaves in other_lists(run).into_iter().chain([longer, Vec::new()]) {
            assert!(!proof.verify(&tree.root(), &leaves), "{proof:?}");
        }
        assert!(!proof.verify(&run[0], run), "not the top, but the root");
        assert!(!proof.verify(&root(&tree.leaves()[1..]), run));
    });
}

#[test]
fn no_other_place_or_size_is_accepted() {
    let huge = [1 << 32, 1 << 63, u64::MAX - 1, u64::MAX];
    for_all_runs(1..=12, |tree, run, honest| {
        for first in (0..20).chain(huge) {
            for size in (0..20).chain(huge) {
                let path = honest.path.clone();
                let claim = RangeProof { first, size, path };
                let accepted = claim.verify(&tree.root(), run);
                assert_eq!(accepted, claim == honest, "{claim:?}");
            }
        }
    });
}

#[test]
fn the_largest_tree_there_is_can_be_verified() {
    // The last two leaves of 2^64 - 1: one with a sibling to its left, and one without any.
    let size = u64::MAX;
    let claim = RangeProof {
        first: size - 2,
        size,
        path: vec![Hash::ZERO; 63],
    };
    let run = [leaf_hash(b"left"), leaf_hash(b"right")];
    let lowest = parent(&Hash::ZERO, &run[0]);
    let level = parent(&lowest, &run[1]);
    let top = claim.path[1..]
        .iter()
        .fold(level, |node, sibling| parent(sibling, &node));
    assert!(claim.verify(&seal(size, Some(&top)), &run));
}

#[test]
fn no_claim_makes_the_check_panic() {
    let edges = [0, 1, 2, 3, 1 << 32, 1 << 63, u64::MAX - 1, u64::MAX];
    for first in edges {
        for size in edges {
            for path in [0, 1, 63, 64, 65, 128, 129] {
                for run in 0..4 {
                    let path = vec![Hash::ZERO; path];
                    let claim = RangeProof { first, size, path };
                    assert!(!claim.verify(&Hash::ZERO, &leaves(run)));
                    drop(claim.narrow_each(&leaves(run)));
                    for at in [0, 1, usize::MAX] {
                        let one = claim.narrow(&leaves(run), at);
                        assert!(one.is_none_or(|one| run > at && one.size == size));
                    }
                }
            }
        }
    }
}
