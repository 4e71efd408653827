//! What a ledger remembers of what has ended, and of other shards.

use std::collections::BTreeMap;

use model::bounds::{EARLY_ABORTS_MAX, FOREIGN_HEADS_MAX};
use model::{Hash, Height, Time, TransactionId};
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

/// What a shard had to do with a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// It was the only one concerned.
    Alone,
    /// It voted, and another shard decided.
    Voter,
    /// It decided.
    Decider,
    /// It voted as all others did, in the mode of the paper.
    Peer {
        /// Whether it voted to commit.
        commit: bool,
    },
}

impl Decided {
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
}

impl Foreign {
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
