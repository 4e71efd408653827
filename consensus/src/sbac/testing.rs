//! Promises of other shards, for the tests of this room: nobody has signed the heads they are under.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::block::BlockRef;
use model::outbox::outbox_tree;
use model::statement::Scope;
use model::{
    Certificate, Delivery, Epoch, Hash, Head, HeadCertificate, Height, Leaf, NetworkId, Parcel,
    Policy, Profile, Promise, ShardId, Time, TransactionId,
};

use crate::ledger::{Ledger, State, Tip};

/// Our shard.
pub(super) const OURS: ShardId = ShardId::new(0);

/// The block time at which the ledger stands.
pub(super) const NOW: Time = Time::from_ms(1_000_000);

const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);

/// A ledger that knows nothing, at height 1.
pub(super) fn ledger() -> Ledger {
    let scope = scope(OURS);
    let tip = Tip {
        block: BlockRef::genesis(&NETWORK),
        height: Height::new(1),
        time: NOW,
        head: Hash::ZERO,
    };
    let founders = (0..4).map(ShardId::new).collect();
    let policy = Policy::new(Profile::Open, founders, BTreeMap::new());
    Ledger::restore(scope, tip, Arc::new(policy), State::default())
}

const fn scope(shard: ShardId) -> Scope {
    Scope {
        network: NETWORK,
        shard,
        epoch: Epoch::ZERO,
    }
}

/// A transaction.
pub(super) const fn transaction(mark: u8) -> TransactionId {
    TransactionId::from_bytes([mark; 32])
}

/// A promise about a transaction whose deadline is so many milliseconds from now.
pub(super) fn leaf(to: ShardId, mark: u8, left_ms: u64, promise: Promise) -> Leaf {
    Leaf {
        to,
        transaction: transaction(mark),
        valid_until: NOW.plus_ms(left_ms),
        promise,
    }
}

/// The head of a block with these promises.
pub(super) fn head(from: ShardId, height: u64, leaves: &[Leaf]) -> HeadCertificate {
    let head = Head {
        scope: scope(from),
        height: Height::new(height),
        previous: Hash::ZERO,
        block: Hash::ZERO,
        time: NOW,
        results: Hash::ZERO,
        outbox: outbox_tree(leaves).root(),
    };
    HeadCertificate {
        certificate: Certificate {
            statement: head.statement(),
            signatures: Vec::new(),
        },
        head,
    }
}

/// All promises of a block, to one shard.
pub(super) fn delivery(from: ShardId, height: u64, leaves: &[Leaf]) -> Arc<Delivery> {
    let proof = outbox_tree(leaves).prove_range(0, leaves.len());
    let parcel = Parcel {
        head: head(from, height, leaves),
        leaves: leaves.to_vec(),
        proof: proof.expect("there is a leaf"),
    };
    Arc::new(Delivery {
        parcel,
        votes: Vec::new(),
    })
}
