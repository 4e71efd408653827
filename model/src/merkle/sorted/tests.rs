//! Proofs of presence and absence: complete, and sound against everything that can be put together
//! from a tree.

use super::*;
use crate::encoding::{decode, encode};

/// The key that consists of one byte, repeated.
fn key(byte: u8) -> Hash {
    Hash::from_bytes([byte; 32])
}

/// A tree with the odd keys from 1 on.
fn tree(size: u8) -> SortedTree {
    SortedTree::new((0..size).map(|i| (key(2 * i + 1), key(200 - i))).collect())
}

/// Every proof of absence that can be made of proofs of presence from one tree.
fn claims(tree: &SortedTree) -> Vec<AbsenceProof> {
    let entries: Vec<_> = (0..tree.entries.len())
        .map(|at| tree.presence(at))
        .collect();
    let mut claims = vec![AbsenceProof::Empty];
    for one in &entries {
        claims.push(AbsenceProof::BeforeFirst(one.clone()));
        claims.push(AbsenceProof::AfterLast(one.clone()));
        let pairs = entries
            .iter()
            .map(|two| AbsenceProof::Between(one.clone(), two.clone()));
        claims.extend(pairs);
    }
    claims
}

#[test]
fn the_root_has_its_frozen_bytes() {
    let tree = SortedTree::new((1..=3).map(|i| (key(i), key(10 + i))).collect());
    let expected = "58702e2e145d18c3ac8eb74e72fa53678718e330267675438eebb92d62e76b1d";
    assert_eq!(tree.root().to_string(), expected);
}

#[test]
fn an_entry_is_no_plain_leaf() {
    let pair = [[1; 32], [2; 32]].concat();
    assert_ne!(entry_leaf(&key(1), &key(2)), super::super::leaf_hash(&pair));
    assert_ne!(entry_leaf(&key(1), &key(2)), entry_leaf(&key(2), &key(1)));
}

#[test]
fn every_key_is_proven_present_or_absent() {
    for size in 0..=40 {
        let tree = tree(size);
        for byte in 0..=2 * size + 2 {
            let is_there = byte % 2 == 1 && byte < 2 * size;
            match tree.prove(&key(byte)) {
                Lookup::Present(proof) => {
                    assert!(is_there && proof.key == key(byte) && proof.verify(&tree.root()));
                    assert_eq!(proof.value, key(200 - byte / 2));
                }
                Lookup::Absent(proof) => {
                    assert!(!is_there && proof.verify(&tree.root(), &key(byte)));
                }
            }
        }
    }
}

#[test]
fn what_is_there_cannot_be_proven_absent() {
    for size in 1..=8 {
        let tree = tree(size);
        for claim in claims(&tree) {
            for (present, _) in &tree.entries {
                assert!(!claim.verify(&tree.root(), present), "{present} {claim:?}");
            }
        }
    }
}

#[test]
fn exactly_one_claim_proves_an_absence() {
    for size in 0..=8 {
        let tree = tree(size);
        for absent in (0..=size).map(|i| key(2 * i)) {
            let claims = claims(&tree);
            let accepted: Vec<_> = claims
                .iter()
                .filter(|claim| claim.verify(&tree.root(), &absent))
                .collect();
            let Lookup::Absent(honest) = tree.prove(&absent) else {
                unreachable!("the key is even");
            };
            assert_eq!(accepted, [&honest]);
        }
    }
}

#[test]
fn a_proof_says_nothing_about_another_tree() {
    let (small, large) = (tree(4), tree(5));
    for absent in (0..=5).map(|i| key(2 * i)) {
        let Lookup::Absent(proof) = small.prove(&absent) else {
            unreachable!("the key is even");
        };
        assert!(proof.verify(&small.root(), &absent));
        assert!(!proof.verify(&large.root(), &absent));
    }
    let Lookup::Present(proof) = small.prove(&key(1)) else {
        unreachable!("the key is there");
    };
    assert!(!proof.verify(&large.root()));
}

#[test]
fn an_entry_cannot_be_given_another_key_value_or_place() {
    let tree = tree(5);
    let root = tree.root();
    let honest = tree.presence(2);
    assert!(honest.verify(&root));
    let place = |index, size| InclusionProof {
        index,
        size,
        ..honest.inclusion.clone()
    };
    for claim in [
        PresenceProof {
            key: key(4),
            ..honest.clone()
        },
        PresenceProof {
            value: key(4),
            ..honest.clone()
        },
        PresenceProof {
            key: honest.value,
            value: honest.key,
            ..honest.clone()
        },
        PresenceProof {
            inclusion: place(3, 5),
            ..honest.clone()
        },
        PresenceProof {
            inclusion: place(2, 3),
            ..honest.clone()
        },
    ] {
        assert!(!claim.verify(&root), "{claim:?}");
    }
}

#[test]
fn no_place_makes_a_claim_panic() {
    let tree = tree(3);
    for index in [0, 1, u64::MAX - 1, u64::MAX] {
        for size in [0, 1, u64::MAX] {
            let mut entry = tree.presence(0);
            entry.inclusion = InclusionProof {
                index,
                size,
                ..entry.inclusion
            };
            for claim in [
                AbsenceProof::BeforeFirst(entry.clone()),
                AbsenceProof::AfterLast(entry.clone()),
                AbsenceProof::Between(entry.clone(), tree.presence(1)),
            ] {
                assert!(!claim.verify(&tree.root(), &key(2)), "{claim:?}");
            }
        }
    }
}

#[test]
fn lookups_come_back_from_their_encoding() {
    for size in 0..=4 {
        for byte in 0..=2 * size {
            let lookup = tree(size).prove(&key(byte));
            let bytes = encode(&lookup);
            assert_eq!(decode(&bytes, bytes.len()), Ok(lookup));
        }
    }
}
