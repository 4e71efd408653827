//! What a shard knows of a transaction that has ended there, and of other shards.
//!
//! The auditor forgets no transaction. It says instead from when on a shard that keeps to the rules of
//! retention knows no more of it: so every transaction is decided at most once, ever, and what a shard
//! answers after it has forgotten is audited all the same.

use std::collections::BTreeMap;

use model::bounds::{ANSWER_MS, EARLY_ABORTS_MAX, FOREIGN_EPOCHS_MAX, FOREIGN_HEADS_MAX};
use model::state::{DecidedRecord, ForeignRecord, Role};
use model::statement::Height;
use model::{Epoch, Hash, Head, ShardId, Time, TransactionId};

/// What a shard has to do with a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// It is the only one concerned.
    Alone,
    /// It decides, after all others have voted.
    Decides,
    /// It votes, and this other shard decides.
    Votes(ShardId),
    /// It votes, and each shard decides by all votes.
    Peer,
}

/// A transaction that has ended.
pub(super) struct Record {
    pub(super) part: Part,
    /// The height of the block in which it ended.
    pub(super) height: Height,
    /// Whether it was committed.
    pub(super) committed: bool,
    /// Whether the shard had voted to commit it.
    pub(super) voted_for: bool,
    pub(super) valid_until: Time,
    /// The time of the block in which it ended.
    pub(super) ended: Time,
    /// When the shard last said something about it.
    pub(super) said: Time,
    /// Whether the shard voted, and has not heard what another one decided.
    pub(super) waits: bool,
}

impl Record {
    /// Whether the shard still knows of it in a block of this time: until the deadline is over, and for
    /// ever if it was to be decided by all votes, when a late vote may still have to be answered.
    pub(super) fn is_kept(&self, time: Time) -> bool {
        self.part == Part::Peer || time <= self.valid_until || time == self.ended
    }

    /// Whether it is time to answer those who ask about it again; from now on it is not.
    pub(super) fn answers(&mut self, time: Time) -> bool {
        let due = time.since_ms(self.said) >= ANSWER_MS;
        if due {
            self.said = time;
        }
        due
    }

    /// Whether it is time to say to a shard that what it decided is done: at once if this is the news.
    pub(super) fn acknowledges(&mut self, from: ShardId, commit: bool, time: Time) -> bool {
        let Part::Votes(decider) = self.part else {
            return false;
        };
        if self.committed != commit {
            return false;
        }
        if !self.waits {
            return self.answers(time);
        }
        if decider == from {
            (self.waits, self.said) = (false, time);
        }
        decider == from
    }

    /// How it is named in the state of the shard.
    pub(super) const fn named(&self, transaction: TransactionId) -> DecidedRecord {
        let role = match self.part {
            Part::Alone => Role::Alone,
            Part::Decides => Role::Decider,
            Part::Votes(decider) if self.waits => Role::Refuser { decider },
            Part::Votes(_) => Role::Voter,
            Part::Peer => Role::Peer {
                commit: self.voted_for,
            },
        };
        DecidedRecord {
            transaction,
            valid_until: self.valid_until,
            height: self.height,
            committed: self.committed,
            role,
            answered: self.said,
        }
    }
}

/// What a shard has heard of another one.
#[derive(Default)]
pub(super) struct Other {
    heads: BTreeMap<Height, Hash>,
    /// Whether it has shown two heads at one height. Its promises count no more.
    pub(super) is_forked: bool,
    /// Transactions that it aborted before they were known here, and until when that matters.
    aborted: BTreeMap<TransactionId, Time>,
    /// The epoch that it is in, as far as it was heard.
    epoch: Epoch,
    /// Where the last of its earlier epochs ended.
    ends: BTreeMap<Epoch, Height>,
    /// Whether its founding was heard of.
    pub(super) is_founded: bool,
}

impl Other {
    /// It has begun the epoch after the one that it was in, which ended at a height; any other is no
    /// news.
    pub(super) fn begin(&mut self, epoch: Epoch, end: Height) {
        if epoch != self.epoch.next() {
            return;
        }
        self.ends.insert(self.epoch, end);
        self.epoch = epoch;
        if self.ends.len() > FOREIGN_EPOCHS_MAX {
            self.ends.pop_first();
        }
    }

    /// Whether what it says under this head to this shard counts: only what it says in the epoch that
    /// it is in.
    pub(super) fn speaks(&self, head: &Head) -> bool {
        head.scope.epoch == self.epoch
    }

    /// Whether what it said under this head to a third shard counts, which shows it: it may be of an
    /// epoch that has ended, if it was said in time.
    pub(super) fn spoke(&self, head: &Head) -> bool {
        let end = self.ends.get(&head.scope.epoch);
        self.speaks(head) || end.is_some_and(|end| head.height <= *end)
    }

    /// Takes note of a head, and notices a second one at the same height.
    pub(super) fn note(&mut self, head: &Head) {
        let hash = head.hash();
        let first = *self.heads.entry(head.height).or_insert(hash);
        self.is_forked |= first != hash;
        while self.heads.len() > FOREIGN_HEADS_MAX {
            self.heads.pop_first();
        }
    }

    /// Takes note of an abort, if there is room. Whether it did.
    pub(super) fn note_abort(&mut self, transaction: TransactionId, until: Time) -> bool {
        let room = self.aborted.len() < EARLY_ABORTS_MAX;
        if room {
            self.aborted.insert(transaction, until);
        }
        room
    }

    /// Whether it is known to have aborted a transaction.
    pub(super) fn has_aborted(&self, transaction: &TransactionId) -> bool {
        self.aborted.contains_key(transaction)
    }

    /// Forgets the aborts that do not matter any more.
    pub(super) fn forget_before(&mut self, time: Time) {
        self.aborted.retain(|_, until| *until >= time);
    }

    /// How it is named in the state of the shard.
    pub(super) fn named(&self, shard: ShardId) -> ForeignRecord {
        ForeignRecord {
            shard,
            heads: self.heads.iter().map(|(at, head)| (*at, *head)).collect(),
            forked: self.is_forked,
            aborted: self.aborted.iter().map(|(id, at)| (*id, *at)).collect(),
            founded: self.is_founded,
            epoch: self.epoch,
            ends: self.ends.iter().map(|(of, end)| (*of, *end)).collect(),
        }
    }
}
