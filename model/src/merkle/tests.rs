//! The tree against the recursive definition of RFC 6962, and every small lie about it.

use super::*;
use crate::encoding::{decode, encode};

fn leaves(size: u8) -> Vec<Hash> {
    (0..size).map(|i| leaf_hash(&[i])).collect()
}

/// The largest power of two below `size`, where RFC 6962 splits a list.
fn split(size: usize) -> usize {
    let mut split = 1;
    while 2 * split < size {
        split *= 2;
    }
    split
}

/// The tree hash of RFC 6962, section 2.1, with our tags.
fn defined_top(leaves: &[Hash]) -> Hash {
    if let [leaf] = leaves {
        return *leaf;
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (left, right) = (defined_top(left), defined_top(right));
    hash_parts(Tag::MerkleNode, &[left.as_bytes(), right.as_bytes()])
}

fn defined_root(leaves: &[Hash]) -> Hash {
    let size = (leaves.len() as u64).to_le_bytes();
    match leaves {
        [] => hash_parts(Tag::MerkleRoot, &[&size, &[]]),
        _ => hash_parts(Tag::MerkleRoot, &[&size, defined_top(leaves).as_bytes()]),
    }
}

/// The audit path of RFC 6962, section 2.1.1.
fn defined_path(leaves: &[Hash], index: usize) -> Vec<Hash> {
    if leaves.len() == 1 {
        return vec![];
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    let (mut path, sibling) = if index < at {
        (defined_path(left, index), defined_top(right))
    } else {
        (defined_path(right, index - at), defined_top(left))
    };
    path.push(sibling);
    path
}

#[test]
fn roots_have_their_frozen_bytes() {
    #[track_caller]
    fn check(size: u8, expected: &str) {
        assert_eq!(root(&leaves(size)).to_string(), expected, "size {size}");
    }
    check(
        0,
        "48f860fdc02c186b598909fe6094d2b4d1f374b7c0a2b6b5c0d5ba36e17041e2",
    );
    check(
        1,
        "0c47137ab9004c36e6253b6cf2d0261b3443d0fd44d65d019b862b75f7663679",
    );
    check(
        2,
        "1424a84db983bdf43ad42b0e7b93b509aed4c7d4234f7c6afb3d6556833feaf5",
    );
    check(
        3,
        "3dbade1e7fede61efb5fa16be817d73867e960adefd74c38c0c329b3ce7cc967",
    );
    check(
        5,
        "46a47e75fb93ce800784a0a383285e59f3b5e40b7179e81c1250c9bd08443557",
    );
    check(
        8,
        "98a4f91f701c82ce1e763206f20513abcacdaa3ac1d2fe3cfb897e0eca2a214d",
    );
}

#[test]
fn roots_and_paths_are_those_of_the_definition() {
    for size in 0..=130 {
        let leaves = leaves(size);
        let tree = Tree::new(leaves.clone());
        assert_eq!(root(&leaves), defined_root(&leaves), "size {size}");
        assert_eq!(tree.root(), defined_root(&leaves), "size {size}");
        assert_eq!(tree.leaves(), leaves);
        for index in 0..leaves.len() {
            let proof = tree.prove(index).expect("each leaf can be proven");
            assert_eq!(
                proof.path,
                defined_path(&leaves, index),
                "{index} of {size}"
            );
            assert_eq!((proof.index, proof.size), (index as u64, u64::from(size)));
        }
    }
}

#[test]
fn every_leaf_can_be_proven_and_none_beyond_the_last() {
    for size in 0..=130 {
        let leaves = leaves(size);
        let root = root(&leaves);
        for (index, leaf) in leaves.iter().enumerate() {
            let proof = prove(&leaves, index).expect("each leaf can be proven");
            assert!(proof.verify(&root, leaf), "{index} of {size}");
            assert_eq!(proof.is_last(), index + 1 == leaves.len());
        }
        assert_eq!(prove(&leaves, leaves.len()), None);
        assert_eq!(prove(&leaves, usize::MAX), None);
    }
}

#[test]
fn roots_of_different_lists_differ() {
    let [a, b, c] = [0, 1, 2].map(|i| leaf_hash(&[i]));
    let node = parent(&a, &b);
    let lists: [&[Hash]; 9] = [
        &[],
        &[a],
        &[b],
        &[a, b],
        &[b, a],
        &[a, b, c],
        &[node],
        &[node, c],
        &[a, b, c, c],
    ];
    for (i, list) in lists.iter().enumerate() {
        for other in &lists[..i] {
            assert_ne!(root(list), root(other));
        }
        assert!(!list.contains(&root(list)));
    }
}

#[test]
fn an_inner_node_is_no_leaf() {
    let [a, b] = [0, 1].map(|i| leaf_hash(&[i]));
    let pair = [a.as_bytes().as_slice(), b.as_bytes()].concat();
    assert_ne!(leaf_hash(&pair), parent(&a, &b));
    let root = root(&[a, b, a, b]);
    let short = InclusionProof {
        index: 0,
        size: 2,
        path: vec![parent(&a, &b)],
    };
    assert!(!short.verify(&root, &parent(&a, &b)));
}

#[test]
fn no_other_place_or_size_can_be_claimed() {
    for size in 1..=20_u8 {
        let leaves = leaves(size);
        let root = root(&leaves);
        for (at, leaf) in leaves.iter().enumerate() {
            let honest = prove(&leaves, at).expect("each leaf can be proven");
            for index in (0..40).chain([u64::MAX - 1, u64::MAX]) {
                for size in (0..40).chain([u64::MAX - 1, u64::MAX]) {
                    let claim = InclusionProof {
                        index,
                        size,
                        path: honest.path.clone(),
                    };
                    assert_eq!(claim.verify(&root, leaf), claim == honest, "{claim:?}");
                }
            }
        }
    }
}

/// All paths that are one step away from `path`.
fn other_paths(path: &[Hash]) -> Vec<Vec<Hash>> {
    let mut others = Vec::new();
    for at in 0..path.len() {
        let mut flipped = path.to_vec();
        let mut bytes = *flipped[at].as_bytes();
        bytes[at % 32] ^= 1;
        flipped[at] = Hash::from_bytes(bytes);
        let mut removed = path.to_vec();
        removed.remove(at);
        let mut swapped = path.to_vec();
        swapped.swap(at, 0);
        others.extend([flipped, removed, swapped]);
    }
    for at in 0..=path.len() {
        let mut added = path.to_vec();
        added.insert(at, path.get(at).copied().unwrap_or(Hash::ZERO));
        others.push(added);
    }
    others.retain(|other| other != path);
    others
}

#[test]
fn no_other_path_leaf_or_root_is_accepted() {
    for size in 1..=33 {
        let leaves = leaves(size);
        let root = root(&leaves);
        for (index, leaf) in leaves.iter().enumerate() {
            let honest = prove(&leaves, index).expect("each leaf can be proven");
            for path in other_paths(&honest.path) {
                let claim = InclusionProof {
                    path,
                    ..honest.clone()
                };
                assert!(!claim.verify(&root, leaf), "{claim:?}");
            }
            let others = leaves.iter().filter(|other| *other != leaf);
            assert!(
                others
                    .chain([&Hash::ZERO, &root])
                    .all(|other| !honest.verify(&root, other))
            );
            assert!(!honest.verify(leaf, leaf));
            assert!(!honest.verify(&super::root(&leaves[1..]), leaf));
        }
    }
}

#[test]
fn nothing_is_in_the_empty_tree() {
    for size in [0, 1, u64::MAX] {
        for path in [vec![], vec![Hash::ZERO]] {
            let claim = InclusionProof {
                index: 0,
                size,
                path,
            };
            assert!(!claim.verify(&root(&[]), &Hash::ZERO), "{claim:?}");
        }
    }
}

#[test]
fn the_largest_tree_there_is_can_be_verified() {
    let size = u64::MAX;
    let path = vec![Hash::ZERO; 64];
    let proof = InclusionProof {
        index: 0,
        size,
        path,
    };
    let top = proof
        .path
        .iter()
        .fold(Hash::ZERO, |node, sibling| parent(&node, sibling));
    assert!(proof.verify(&seal(size, Some(&top)), &Hash::ZERO));
    // The last leaf of 2^64 - 1 moves up without a sibling once.
    let last = InclusionProof {
        index: size - 1,
        size,
        path: vec![Hash::ZERO; 63],
    };
    let top = last
        .path
        .iter()
        .fold(Hash::ZERO, |node, sibling| parent(sibling, &node));
    assert!(last.verify(&seal(size, Some(&top)), &Hash::ZERO));
    assert!(last.is_last());
}

#[test]
fn a_proof_has_its_frozen_bytes() {
    let proof = InclusionProof {
        index: 2,
        size: 3,
        path: vec![Hash::ZERO],
    };
    let bytes = encode(&proof);
    assert_eq!(
        bytes,
        [&[0x83, 2, 3, 0x81, 0x58, 32][..], &[0; 32]].concat()
    );
    assert_eq!(decode(&bytes, bytes.len()), Ok(proof));
}
