//! Promises of other shards, for the tests of this room: nobody has signed the heads they are under.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::block::BlockRef;
use model::outbox::outbox_tree;
use model::statement::Scope;
use model::{
    Certificate, ContractId, Delivery, Epoch, Hash, Head, HeadCertificate, Height, Leaf, Mode,
    NetworkId, Object, ObjectType, Parcel, Policy, Profile, Promise, ShardId, Time, Trace, TraceId,
    Transaction, TransactionBody, TransactionId,
};

use super::session::{Held, Session, Stage};
use crate::ledger::{Ledger, State, Tip};

/// Our shard.
pub(super) const OURS: ShardId = ShardId::new(0);

/// The block time at which the ledger stands.
pub(super) const NOW: Time = Time::from_ms(1_000_000);

pub(super) const NETWORK: NetworkId = NetworkId::from_bytes([7; 32]);

/// A ledger that knows nothing, at height 1.
pub(super) fn ledger() -> Ledger {
    let scope = scope(OURS);
    let tip = Tip {
        block: BlockRef::genesis(&NETWORK),
        epoch: model::Epoch::ZERO,
        height: Height::new(1),
        time: NOW,
        head: Hash::ZERO,
    };
    let founders = (0..4).map(ShardId::new).collect();
    let policy = Policy::new(Profile::Open, founders, BTreeMap::new());
    Ledger::restore(scope, tip, Arc::new(policy), State::default())
}

/// A ledger that has voted to commit a transaction of the shards 0, 1 and 2, and waits for shard 1 to
/// decide it.
pub(super) fn ledger_that_waits() -> (Ledger, TransactionId) {
    let contract = ContractId::system("any");
    let opening = |home: u32| Object {
        trace: TraceId::from_bytes([1; 32]),
        index: home,
        object_type: ObjectType {
            contract,
            name: "Thing".to_owned(),
        },
        home: ShardId::new(home),
        content: [].into(),
    };
    let mut openings: Vec<Object> = (0..3).map(opening).collect();
    openings.sort_by_key(Object::id);
    let trace = Trace {
        contract,
        procedure: "end".to_owned(),
        inputs: openings.iter().map(Object::id).collect(),
        references: Vec::new(),
        outputs: Vec::new(),
        local_parameters: [].into(),
        local_returns: [].into(),
        dependencies: Vec::new(),
    };
    let body = TransactionBody {
        network: NETWORK,
        nonce: [1; 16],
        valid_until: NOW.plus_ms(60_000),
        mode: Mode::Decider(ShardId::new(1)),
        participants: (0..3).map(ShardId::new).collect(),
        traces: vec![trace],
    };
    let transaction = Transaction {
        body,
        openings,
        authorizations: Vec::new(),
    };
    let transaction = transaction.check_form(&NETWORK).expect("well-formed");
    let transaction = transaction.trust();
    let id = transaction.id();
    let prepared = Stage::Prepared(Held::default());
    let session = Session::new(transaction, Height::new(1), prepared, NOW.plus_ms(4_000));
    let mut ledger = ledger();
    ledger.state.sessions.insert(id, Arc::new(session));
    (ledger, id)
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
        outbox: outbox_tree(leaves, None).root(),
        state: None,
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
    let proof = outbox_tree(leaves, None).prove_range(0, leaves.len());
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
