//! Sessions: transactions that several shards have begun and not finished.
//!
//! A shard that has voted to commit keeps its session until it hears the decision, without limit; the
//! shard that decides keeps it until all others have done what it decided (sbac.md, 5.11). A session
//! whose promises nobody seems to have heard makes them again, ever more seldom.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::active_set::Effects;
use model::bounds::{REPEAT_DOUBLINGS, REPEAT_MS};
use model::state::{SessionRecord, StageRecord, VoteRecords};
use model::transaction::Authorized;
use model::{Height, NetworkId, Object, ObjectId, Parcel, ShardId, Time, Verdict};

/// A transaction that is under way.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// The transaction.
    pub transaction: Authorized,
    /// The height of the block that prepared it.
    pub prepared: Height,
    /// How far it is.
    pub stage: Stage,
    /// How often its promises have been repeated.
    pub repeats: u32,
    /// The block time after which something is due: its deadline, or to promise again.
    pub alarm: Time,
}

/// How far a transaction is in this shard.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// The shard has voted to commit, and holds locks.
    Prepared(Held),
    /// The shard is to decide, and gathers votes.
    Open(Votes),
    /// The shard has decided, and others have not acknowledged it yet.
    Decided {
        /// What it decided.
        verdict: Verdict,
        /// The votes that others must see beside a decision to commit.
        votes: Votes,
        /// Those who have not acknowledged it.
        waiting: BTreeSet<ShardId>,
    },
}

/// What a prepared transaction holds, and what becomes of it if it is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Objects of this shard that it consumes, ascending.
    pub consumed: BTreeSet<ObjectId>,
    /// Objects of this shard that it reads and has locked, ascending.
    pub referenced: BTreeSet<ObjectId>,
    /// Objects that it creates in this shard.
    pub created: BTreeMap<ObjectId, Arc<Object>>,
    /// In the mode of the paper: the shards that have voted to commit.
    pub votes: BTreeSet<ShardId>,
}

/// The votes to commit that have come to the shard that decides. Of each, the parcel that brought it,
/// if others will have to see it.
pub type Votes = BTreeMap<ShardId, Option<Arc<Parcel>>>;

impl Held {
    /// What a transaction does in this shard, and what it only reads here.
    pub(super) fn new(effects: Effects, referenced: BTreeSet<ObjectId>) -> Self {
        Self {
            consumed: effects.consumed,
            referenced,
            created: effects.created,
            votes: BTreeSet::new(),
        }
    }
}

impl Session {
    pub(super) fn new(
        transaction: Authorized,
        prepared: Height,
        stage: Stage,
        alarm: Time,
    ) -> Self {
        Self {
            transaction,
            prepared,
            stage,
            repeats: 0,
            alarm,
        }
    }

    /// Its promises have been made at `time`; when to make them again.
    pub(super) fn promised(&mut self, time: Time) {
        let doublings = self.repeats.min(REPEAT_DOUBLINGS);
        self.alarm = time.plus_ms(REPEAT_MS << doublings);
    }

    /// What the state of the shard says of it, and what a node keeps.
    #[must_use]
    pub fn record(&self) -> SessionRecord {
        SessionRecord {
            transaction: self.transaction.transaction().clone(),
            prepared: self.prepared,
            stage: self.stage.record(),
            repeats: self.repeats,
            alarm: self.alarm,
        }
    }

    /// What a record says of a transaction whose authorizations members have checked. `None` if it is
    /// damaged.
    #[must_use]
    pub fn of(record: SessionRecord, network: &NetworkId) -> Option<Self> {
        Some(Self {
            transaction: record.transaction.check_form(network).ok()?.trust(),
            prepared: record.prepared,
            stage: Stage::of(record.stage),
            repeats: record.repeats,
            alarm: record.alarm,
        })
    }
}

impl Stage {
    fn record(&self) -> StageRecord {
        match self {
            Self::Prepared(held) => StageRecord::Prepared {
                consumed: held.consumed.iter().copied().collect(),
                referenced: held.referenced.iter().copied().collect(),
                created: held
                    .created
                    .values()
                    .map(|object| (**object).clone())
                    .collect(),
                votes: held.votes.iter().copied().collect(),
            },
            Self::Open(votes) => StageRecord::Open(store_votes(votes)),
            Self::Decided {
                verdict,
                votes,
                waiting,
            } => StageRecord::Decided {
                verdict: *verdict,
                votes: store_votes(votes),
                waiting: waiting.iter().copied().collect(),
            },
        }
    }

    fn of(record: StageRecord) -> Self {
        match record {
            StageRecord::Prepared {
                consumed,
                referenced,
                created,
                votes,
            } => Self::Prepared(Held {
                consumed: consumed.into_iter().collect(),
                referenced: referenced.into_iter().collect(),
                created: created
                    .into_iter()
                    .map(|object| (object.id(), Arc::new(object)))
                    .collect(),
                votes: votes.into_iter().collect(),
            }),
            StageRecord::Open(votes) => Self::Open(restore_votes(votes)),
            StageRecord::Decided {
                verdict,
                votes,
                waiting,
            } => Self::Decided {
                verdict,
                votes: restore_votes(votes),
                waiting: waiting.into_iter().collect(),
            },
        }
    }
}

fn store_votes(votes: &Votes) -> VoteRecords {
    let parcel = |parcel: &Option<Arc<Parcel>>| parcel.as_deref().cloned();
    let votes = votes.iter();
    votes.map(|(shard, vote)| (*shard, parcel(vote))).collect()
}

fn restore_votes(votes: VoteRecords) -> Votes {
    let vote = |(shard, parcel): (_, Option<Parcel>)| (shard, parcel.map(Arc::new));
    votes.into_iter().map(vote).collect()
}
