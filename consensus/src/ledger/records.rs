//! What a ledger remembers of what has ended, and of other shards.

use std::collections::BTreeMap;

use model::bounds::{ANSWER_MS, EARLY_ABORTS_MAX, FOREIGN_EPOCHS_MAX, FOREIGN_HEADS_MAX};
pub use model::state::Role;
use model::state::{DecidedRecord, ForeignRecord};
use model::{Epoch, EpochChange, Hash, Head, Height, ShardId, Time, TransactionId, Verdict};
use serde::{Deserialize, Serialize};

use crate::injected::{self, Mistake};

/// What is remembered of a decided transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Its deadline.
    pub valid_until: Time,
    /// The height of the block that decided it.
    pub height: Height,
    /// Whether it was committed.
    pub committed: bool,
    /// What this shard had to do with it.
    pub role: Role,
    /// When a promise about it was last made.
    pub answered: Time,
}

impl Decided {
    /// What the state of the shard says of it.
    #[must_use]
    pub const fn record(&self, transaction: TransactionId) -> DecidedRecord {
        DecidedRecord {
            transaction,
            valid_until: self.valid_until,
            height: self.height,
            committed: self.committed,
            role: self.role,
            answered: self.answered,
        }
    }

    /// What a record says.
    #[must_use]
    pub const fn of(record: &DecidedRecord) -> Self {
        Self {
            valid_until: record.valid_until,
            height: record.height,
            committed: record.committed,
            role: record.role,
            answered: record.answered,
        }
    }

    /// Whether to say that it is done what another shard has decided: at once when it is heard for the
    /// first time, and now and then when it is heard again.
    #[must_use]
    pub(crate) fn acknowledges(&self, from: ShardId, verdict: &Verdict, time: Time) -> bool {
        self.committed == verdict.is_commit()
            && match self.role {
                Role::Refuser { decider } => decider == from,
                Role::Voter => self.is_due(time),
                Role::Alone | Role::Decider | Role::Peer { .. } => false,
            }
    }

    /// Whether a vote to abort is to be cast again if somebody still brings the transaction. After the
    /// deadline nobody waits for it, and whoever brings it then is told nothing.
    #[must_use]
    pub(crate) fn refuses_again(&self, time: Time) -> bool {
        matches!(self.role, Role::Refuser { .. }) && time <= self.valid_until && self.is_due(time)
    }

    /// Whether the last promise about it is so old that it may have got lost.
    pub(crate) fn is_due(&self, time: Time) -> bool {
        time.since_ms(self.answered) >= ANSWER_MS
    }

    /// Whether it stays for ever.
    #[must_use]
    pub fn stays(&self) -> bool {
        matches!(self.role, Role::Peer { .. }) && !injected::makes(Mistake::ForgetsVoted)
    }
}

/// What has been heard of another shard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foreign {
    /// Its last heads.
    pub heads: BTreeMap<Height, Hash>,
    /// Whether it has shown two heads at one height: nothing it says counts any more.
    pub forked: bool,
    /// Transactions that it decided to abort before they were known here, each with the time until
    /// which that matters.
    pub aborted: BTreeMap<TransactionId, Time>,
    /// Whether this shard has heard of its founding. Of the shards of genesis there is nothing to hear.
    pub founded: bool,
    /// The epoch in which it speaks.
    pub epoch: Epoch,
    /// The heights at which its last epochs ended.
    pub ends: BTreeMap<Epoch, Height>,
}

impl Foreign {
    /// What the state of the shard says of it.
    #[must_use]
    pub fn record(&self, shard: ShardId) -> ForeignRecord {
        ForeignRecord {
            shard,
            heads: self.heads.iter().map(|(at, head)| (*at, *head)).collect(),
            forked: self.forked,
            aborted: self.aborted.iter().map(|(id, at)| (*id, *at)).collect(),
            founded: self.founded,
            epoch: self.epoch,
            ends: self.ends.iter().map(|(of, end)| (*of, *end)).collect(),
        }
    }

    /// What a record says.
    #[must_use]
    pub fn of(record: ForeignRecord) -> Self {
        Self {
            heads: record.heads.into_iter().collect(),
            forked: record.forked,
            aborted: record.aborted.into_iter().collect(),
            founded: record.founded,
            epoch: record.epoch,
            ends: record.ends.into_iter().collect(),
        }
    }

    /// Takes note that it has begun an epoch, if it is the next one.
    pub(crate) fn change(&mut self, change: &EpochChange) {
        let next = change.next.epoch;
        if next != self.epoch.next() {
            return;
        }
        let end = change.hand_over.head.head.height;
        self.ends.insert(self.epoch, end);
        self.epoch = next;
        while self.ends.len() > FOREIGN_EPOCHS_MAX {
            self.ends.pop_first();
        }
    }

    /// Whether a vote under this head counts where another shard shows it: it was cast in the epoch in
    /// which the shard speaks, or in one before, and then not after its end.
    #[must_use]
    pub fn is_shown_by(&self, head: &Head) -> bool {
        let epoch = head.scope.epoch;
        let ended = self.ends.get(&epoch);
        epoch == self.epoch || ended.is_some_and(|end| head.height <= *end)
    }

    /// Takes note of a head.
    pub(crate) fn hear(&mut self, height: Height, head: Hash) {
        let known = *self.heads.entry(height).or_insert(head);
        self.forked |= known != head;
        while self.heads.len() > FOREIGN_HEADS_MAX {
            self.heads.pop_first();
        }
    }

    /// Takes note of an abort that came before its transaction, if there is room. Whether it did.
    pub(crate) fn abort_early(&mut self, transaction: TransactionId, until: Time) -> bool {
        let room = self.aborted.len() < EARLY_ABORTS_MAX;
        if room {
            self.aborted.insert(transaction, until);
        }
        room
    }

    pub(super) fn forget_before(&mut self, time: Time) {
        if !self.aborted.is_empty() {
            self.aborted.retain(|_, until| *until >= time);
        }
    }
}
