//! What happens to a payment, told while it happens: for `send --watch`.

use model::result::Outcome;
use model::{Height, NodeId, ShardId, Time, TransactionId};
use tokio::time::Instant;

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// An earlier attempt at the same payment ended without a known outcome. It is taken up again.
    Resumed {
        /// The earlier transaction.
        transaction: TransactionId,
        /// When it was made.
        created: Time,
    },
    /// The money is held by another payment that is not decided yet. That one is waited for.
    Waiting {
        /// The transaction of the other payment.
        transaction: TransactionId,
    },
    /// Nodes are asked to agree to a shard. Its number may change if another one is founded meanwhile.
    Asking {
        /// The number that it would have.
        shard: ShardId,
        /// How many are asked.
        nodes: usize,
    },
    /// Too many small accounts are needed for one transaction. They are merged first.
    Merging {
        /// How many become one.
        accounts: usize,
    },
    /// An attempt was aborted for a reason that may pass. Another one is made in a moment.
    Retrying {
        /// The transaction that was aborted.
        transaction: TransactionId,
        /// Why, as a sentence.
        why: String,
    },
    /// A transaction is written into the journal, and not sent yet. Its id cannot be lost any more.
    Recorded {
        /// The transaction.
        transaction: TransactionId,
        /// How many objects it consumes.
        inputs: usize,
        /// How many objects it creates.
        outputs: usize,
        /// The shards that it concerns.
        shards: Vec<ShardId>,
        /// The transaction that it stands in for: at most one of the two can commit.
        replaces: Option<TransactionId>,
    },
    /// A node has taken the transaction in.
    Submitted {
        /// The node.
        node: NodeId,
        /// Its shard.
        shard: ShardId,
    },
    /// A shard has begun a transaction, and has not heard yet what becomes of it.
    UnderWay {
        /// The transaction.
        transaction: TransactionId,
        /// The shard.
        shard: ShardId,
    },
    /// A node is of no help. Others are asked.
    Trouble {
        /// The node.
        node: NodeId,
        /// What is the matter with it.
        reason: String,
    },
    /// A shard has decided, and the proof has been checked.
    Verified {
        /// The transaction.
        transaction: TransactionId,
        /// The shard.
        shard: ShardId,
        /// The height of the block that decided.
        height: Height,
        /// The decision.
        outcome: Outcome,
        /// How many members signed the head.
        signatures: usize,
        /// How many members the shard has.
        members: usize,
    },
}

/// An event and when it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Milliseconds since the command began.
    pub milliseconds: u64,
    /// What happened.
    pub event: Event,
}

/// Whoever is told.
pub struct Watch<'a> {
    started: Instant,
    tell: Box<dyn Fn(Progress) + Send + Sync + 'a>,
}

impl<'a> Watch<'a> {
    /// Tells `tell`, counting milliseconds from now. It is called between two steps of the work, so
    /// it must not block.
    pub fn new(tell: impl Fn(Progress) + Send + Sync + 'a) -> Self {
        Self {
            started: Instant::now(),
            tell: Box::new(tell),
        }
    }

    /// Tells nobody.
    #[must_use]
    pub fn nobody() -> Self {
        Self::new(|_| {})
    }

    /// Milliseconds since the command began.
    #[must_use]
    pub fn milliseconds(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn tell(&self, event: Event) {
        (self.tell)(Progress {
            milliseconds: self.milliseconds(),
            event,
        });
    }
}
