//! The ledger: one pure function from a state and a block to the next state.
//!
//! All replicas of a shard share it, auditors replay it, and nothing else decides what a transaction
//! does. All time in it is block time.
//!
//! Paper: Section IV-A, "an auditor can re-execute all transactions in sequence". For a transaction
//! that one shard handles alone, prepare, decision and acceptance are one entry (decision D11).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::active_set::Effects;
use model::block::BlockRef;
use model::bounds;
use model::head::Head;
use model::result::{AbortReason, Outcome, TransactionResult, results_tree};
use model::statement::{Height, Scope};
use model::transaction::Authorized;
use model::{
    ActiveSet, Block, Checkers, Genesis, Hash, NetworkId, Object, ObjectId, ShardId, Time,
};
use model::{TransactionId, merkle, validity};

use crate::injected::{self, Mistake};

/// The state of a shard: what all its honest replicas agree on at a height.
///
/// Paper: Section III, alpha, restricted to the objects whose home is this shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    /// Network, shard and epoch.
    pub scope: Scope,
    /// The last block applied.
    pub tip: Tip,
    /// The active objects.
    pub objects: BTreeMap<ObjectId, Arc<Object>>,
    /// The transactions decided here, each until its deadline has passed: a transaction is decided
    /// at most once, ever (decision D3), and none is looked at after its deadline.
    pub decided: BTreeMap<TransactionId, Decided>,
    /// The keys of `decided` by deadline, so that forgetting costs what is forgotten.
    deadlines: BTreeSet<(Time, TransactionId)>,
}

/// The block at which a ledger stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tip {
    /// The block.
    pub block: BlockRef,
    /// Its height.
    pub height: Height,
    /// Its time.
    pub time: Time,
    /// The hash of the head.
    pub head: Hash,
}

/// What is remembered of a decided transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Decided {
    /// Its deadline.
    pub valid_until: Time,
    /// The height of the block that decided it.
    pub height: Height,
}

/// What a block did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The head of the chain after it.
    pub head: Head,
    /// The decisions, in the order in which they were made.
    pub results: Vec<TransactionResult>,
    /// The decided transactions, in the same order.
    pub transactions: Vec<Authorized>,
    /// The objects that became inactive, and were active before the block.
    pub consumed: BTreeMap<ObjectId, Arc<Object>>,
    /// The objects that became active, and still are at the end of the block.
    pub created: BTreeMap<ObjectId, Arc<Object>>,
    /// The transactions that were forgotten, their deadlines being over.
    pub forgotten: Vec<TransactionId>,
}

/// How an entry fares before anything is checked against the state.
enum Standing {
    /// It is to be decided now.
    Open,
    /// Nothing is recorded: it is late, too early, decided already, or not for this shard alone.
    Ignored,
}

impl Ledger {
    /// The state of `shard` before its first block.
    #[must_use]
    pub fn genesis(genesis: &Genesis, shard: ShardId) -> Self {
        let network = genesis.network();
        let scope = Scope {
            network,
            shard,
            epoch: model::Epoch::ZERO,
        };
        let tip = Tip {
            block: BlockRef::genesis(&network),
            height: Height::ZERO,
            time: genesis.created,
            head: Head::before_first(&network),
        };
        Self::restore(scope, tip, genesis.objects_of(shard), BTreeMap::new())
    }

    /// The state with these parts, as a node kept them.
    #[must_use]
    pub fn restore(
        scope: Scope,
        tip: Tip,
        objects: BTreeMap<ObjectId, Arc<Object>>,
        decided: BTreeMap<TransactionId, Decided>,
    ) -> Self {
        let deadlines = decided
            .iter()
            .map(|(id, record)| (record.valid_until, *id))
            .collect();
        Self {
            scope,
            tip,
            objects,
            decided,
            deadlines,
        }
    }

    /// The network.
    #[must_use]
    pub const fn network(&self) -> &NetworkId {
        &self.scope.network
    }

    /// Whether an entry with this transaction would be decided by a block with the time `time`.
    #[must_use]
    pub fn is_open(&self, transaction: &Authorized, time: Time) -> bool {
        matches!(self.standing(transaction, time), Standing::Open)
    }

    /// Applies the next block. `entries` are those of its payload.
    ///
    /// # Panics
    ///
    /// If the block does not extend the tip, or is not later than it: agreement finalizes no such
    /// block, so this is our own mistake.
    pub fn apply(
        &mut self,
        block: &Block,
        entries: &[Authorized],
        checkers: &dyn Checkers,
    ) -> Applied {
        let header = &block.header;
        assert_eq!(header.parent, self.tip.block, "blocks are applied in order");
        assert!(header.time > self.tip.time, "block time goes forward");

        let forgotten = self.forget_before(header.time);
        let mut done = Done::default();
        for transaction in entries {
            match self.standing(transaction, header.time) {
                Standing::Open => self.decide(transaction, header.height, checkers, &mut done),
                Standing::Ignored => {}
            }
        }

        let name = block.name();
        let head = Head {
            scope: self.scope,
            height: header.height,
            previous: self.tip.head,
            block: name.hash,
            time: header.time,
            results: results_tree(&done.results).root(),
            outbox: merkle::root(&[]),
        };
        self.tip = Tip {
            block: name,
            height: header.height,
            time: header.time,
            head: head.hash(),
        };
        Applied {
            head,
            results: done.results,
            transactions: done.transactions,
            consumed: done.consumed,
            created: done.created,
            forgotten,
        }
    }

    /// Structural validity V3 (sbac.md, 5.2), and that each transaction is decided once.
    fn standing(&self, transaction: &Authorized, time: Time) -> Standing {
        let body = transaction.body();
        let late = time > body.valid_until && !injected::makes(Mistake::IgnoresDeadlines);
        let in_time = !late && body.valid_until <= time.plus_ms(bounds::VALIDITY_MS_MAX);
        let alone = body.participants == [self.scope.shard];
        let decided =
            self.decided.contains_key(&transaction.id()) && !injected::makes(Mistake::DecidesAgain);
        if in_time && alone && !decided {
            Standing::Open
        } else {
            Standing::Ignored
        }
    }

    /// Prepare, decision and acceptance of a transaction that concerns this shard alone.
    ///
    /// Paper: Section IV-C, Process Prepare and Process Accept.
    fn decide(
        &mut self,
        transaction: &Authorized,
        height: Height,
        checkers: &dyn Checkers,
        done: &mut Done,
    ) {
        let outcome = match validity::valid(&self.objects, transaction, checkers) {
            Ok(effects) => {
                self.accept(effects, done);
                Outcome::Committed
            }
            Err(invalid) => Outcome::Aborted(AbortReason::Invalid(invalid)),
        };
        let id = transaction.id();
        let valid_until = transaction.body().valid_until;
        self.decided.insert(
            id,
            Decided {
                valid_until,
                height,
            },
        );
        self.deadlines.insert((valid_until, id));
        done.results.push(TransactionResult {
            transaction: id,
            outcome,
        });
        done.transactions.push(transaction.clone());
    }

    /// Process accept(T, commit): inputs become inactive, outputs become active.
    fn accept(&mut self, effects: Effects, done: &mut Done) {
        for id in effects.consumed {
            let object = self.objects.remove(&id);
            if injected::makes(Mistake::SpendsTwice) {
                self.objects
                    .extend(object.clone().map(|object| (id, object)));
            }
            if done.created.remove(&id).is_none() {
                done.consumed.extend(object.map(|object| (id, object)));
            }
        }
        for (id, object) in effects.created {
            self.objects.insert(id, Arc::clone(&object));
            done.created.insert(id, object);
        }
    }

    /// Drops the records of transactions whose deadlines are before `time` (decision D14).
    fn forget_before(&mut self, time: Time) -> Vec<TransactionId> {
        let mut forgotten = Vec::new();
        while let Some((deadline, id)) = self.deadlines.first().copied() {
            if deadline >= time {
                break;
            }
            self.deadlines.pop_first();
            self.decided.remove(&id);
            forgotten.push(id);
        }
        forgotten
    }
}

impl ActiveSet for Ledger {
    fn active(&self, id: &ObjectId) -> Option<Arc<Object>> {
        self.objects.active(id)
    }
}

/// What the entries of a block have done so far.
#[derive(Default)]
struct Done {
    results: Vec<TransactionResult>,
    transactions: Vec<Authorized>,
    consumed: BTreeMap<ObjectId, Arc<Object>>,
    created: BTreeMap<ObjectId, Arc<Object>>,
}
