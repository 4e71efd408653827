//! The courier: who carries what, to whom, in which pieces.

use std::collections::BTreeMap;

use model::{AbortReason, NodeId, Promise, SecretKey, ShardId, Verdict};

use super::*;
use crate::sbac::testing::{OURS, head, leaf, ledger};

fn committee() -> Committee {
    let key = |index: u8| NodeId::new(SecretKey::from_seed([index + 1; 32]).public());
    let scope = ledger().scope;
    let members = (0..4).map(key).collect();
    Committee::new(scope.network, scope.shard, scope.epoch, members).expect("four members")
}

fn applied(leaves: &[Leaf], height: u64) -> (Applied, HeadCertificate) {
    let certificate = head(OURS, height, leaves);
    let applied = Applied {
        head: certificate.head.clone(),
        results: Vec::new(),
        concluded: Vec::new(),
        outbox: leaves.to_vec(),
        next: None,
        state: None,
        consumed: BTreeMap::new(),
        created: BTreeMap::new(),
        decided: BTreeMap::new(),
        sessions: BTreeMap::new(),
    };
    (applied, certificate)
}

fn votes(to: u32, count: u32) -> Vec<Leaf> {
    let mut leaves: Vec<Leaf> = (0..count)
        .map(|mark| {
            let promise = Promise::Prepared(Verdict::Abort(AbortReason::Deadline));
            let mut leaf = leaf(ShardId::new(to), 0, 100, promise);
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&mark.to_be_bytes());
            leaf.transaction = TransactionId::from_bytes(bytes);
            leaf
        })
        .collect();
    leaves.sort_unstable();
    leaves
}

fn carried(leaves: &[Leaf], height: u64, seat: usize) -> Mail {
    let mut courier = Courier::default();
    let (applied, certificate) = applied(leaves, height);
    courier.applied(&applied, Time::ZERO);
    courier.certified(&certificate, seat, &committee(), &ledger())
}

#[test]
fn f_plus_one_members_carry_each_block_and_they_take_turns() {
    let leaves = votes(1, 1);
    for height in 0..8 {
        let carriers: Vec<usize> = (0..4)
            .filter(|seat| !carried(&leaves, height, *seat).is_empty())
            .collect();
        let first = usize::try_from(height).expect("a low height") % 4;
        let mut expected = vec![first, (first + 1) % 4];
        expected.sort_unstable();
        assert_eq!(carriers, expected, "height {height}");
    }
}

#[test]
fn each_shard_is_sent_its_own_promises_and_all_of_them() {
    let mut leaves = votes(1, 300);
    leaves.extend(votes(3, 5));
    let mut found: BTreeMap<ShardId, Vec<Leaf>> = BTreeMap::new();
    for (shard, letter) in carried(&leaves, 4, 0) {
        assert!(letter.encode().len() <= letter::LETTER_BYTES_MAX);
        let Letter::Deliver(deliveries) = letter else {
            panic!("a courier carries promises");
        };
        for delivery in deliveries {
            assert_eq!(delivery.check_form(shard), Ok(()));
            assert!(delivery.parcel.leaves.iter().all(|leaf| leaf.to == shard));
            found
                .entry(shard)
                .or_default()
                .extend(delivery.parcel.leaves);
        }
    }
    assert_eq!(found[&ShardId::new(1)], leaves[..300]);
    assert_eq!(found[&ShardId::new(3)], leaves[300..]);
}

#[test]
fn a_block_is_carried_once_and_one_without_promises_never() {
    let mut courier = Courier::default();
    let (applied, certificate) = applied(&votes(1, 1), 4);
    courier.applied(&applied, Time::ZERO);
    let mut carry = || courier.certified(&certificate, 0, &committee(), &ledger());
    assert_eq!(carry().len(), 1);
    assert_eq!(carry(), []);
    assert_eq!(carried(&[], 4, 0), []);
}
