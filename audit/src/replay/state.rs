//! A shard as its history so far determines it, and what a block does to it.
//!
//! Paper: Section IV-C, Figures 3 and 4.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::active_set::Effects;
use model::bounds::{REPEAT_DOUBLINGS, REPEAT_MS};
use model::transaction::{Authorized, TransactionBody};
use model::{
    AbortReason, Checkers, Genesis, Height, Leaf, Mode, Object, ObjectId, Outcome, Parcel, Policy,
    Promise, ShardId, Time, TransactionId, TransactionResult, Verdict,
};

use super::entries::Checked;
use super::locks::Locks;
use super::records::{Other, Part, Record};

/// The shard.
pub(super) struct State {
    pub(super) shard: ShardId,
    pub(super) policy: Policy,
    pub(super) checkers: Arc<dyn Checkers>,
    /// The time of the block.
    pub(super) time: Time,
    /// The height of the block.
    pub(super) height: Height,
    pub(super) objects: BTreeMap<ObjectId, Arc<Object>>,
    pub(super) locks: Locks,
    /// The transactions that have begun and not ended everywhere.
    pub(super) sessions: BTreeMap<TransactionId, Session>,
    /// The transactions that have ended here.
    pub(super) records: BTreeMap<TransactionId, Record>,
    pub(super) others: BTreeMap<ShardId, Other>,
    said: Said,
}

/// What a block decides, and what it says to other shards.
#[derive(Default)]
pub(super) struct Said {
    pub(super) results: Vec<TransactionResult>,
    pub(super) outbox: BTreeSet<Leaf>,
}

/// A transaction that is under way.
pub(super) struct Session {
    pub(super) transaction: Authorized,
    /// The height of the block that began it.
    pub(super) prepared: Height,
    pub(super) stage: Stage,
    /// How often its promise has been repeated.
    pub(super) repeats: u32,
    /// After this time something is to be done without having heard anything.
    pub(super) due: Time,
}

/// How far a transaction is.
pub(super) enum Stage {
    /// The shard has voted to commit, and knows what it will do then.
    Prepared {
        effects: Effects,
        /// What it reads here, and others must not consume meanwhile.
        read: BTreeSet<ObjectId>,
        /// Of those who decide, who has voted to commit as well.
        heard: BTreeSet<ShardId>,
    },
    /// The shard will decide when all others have voted.
    Open {
        /// Those who have, to commit.
        heard: Votes,
    },
    /// The shard has decided.
    Announced {
        verdict: Verdict,
        /// With a decision to commit: the votes.
        heard: Votes,
        /// Those who have not said that it is done there.
        silent: BTreeSet<ShardId>,
    },
}

/// Votes to commit that a shard has heard, each with what shows it to others, if there are others to whom
/// it has to be shown.
pub(super) type Votes = BTreeMap<ShardId, Option<Parcel>>;

impl State {
    pub(super) fn new(shard: ShardId, genesis: &Genesis, checkers: Arc<dyn Checkers>) -> Self {
        let mut policy = genesis.policy();
        policy.found(shard);
        Self {
            shard,
            policy,
            checkers,
            time: genesis.created,
            height: Height::ZERO,
            objects: genesis.objects_of(shard),
            locks: Locks::default(),
            sessions: BTreeMap::new(),
            records: BTreeMap::new(),
            others: BTreeMap::new(),
            said: Said::default(),
        }
    }

    pub(super) const fn active(&self) -> &BTreeMap<ObjectId, Arc<Object>> {
        &self.objects
    }

    /// What the block at this height, of this time and with these entries, says.
    pub(super) fn block(&mut self, height: Height, time: Time, entries: &[Checked]) -> Said {
        (self.height, self.time) = (height, time);
        for other in self.others.values_mut() {
            other.forget_before(time);
        }
        self.alarms();
        for entry in entries {
            match entry {
                Checked::Prepare(transaction) => self.prepare(transaction),
                Checked::Deliver(delivery) => self.deliver(delivery),
                Checked::Change(change) => self.change(change),
                Checked::Found(shard) => {
                    self.policy.found(*shard);
                    self.others.entry(*shard).or_default().is_founded = true;
                }
                Checked::End(_) => {} // the head says it
            }
        }
        std::mem::take(&mut self.said)
    }

    /// What this shard has to do with a transaction.
    pub(super) fn part_in(&self, body: &TransactionBody) -> Part {
        match body.mode {
            _ if body.participants == [self.shard] => Part::Alone,
            Mode::Decider(decider) if decider == self.shard => Part::Decides,
            Mode::Decider(decider) => Part::Votes(decider),
            Mode::AllVotes => Part::Peer,
        }
    }

    /// The participants beside this shard.
    pub(super) fn others_in(&self, body: &TransactionBody) -> BTreeSet<ShardId> {
        let mut others: BTreeSet<ShardId> = body.participants.iter().copied().collect();
        others.remove(&self.shard);
        others
    }

    /// Those who decide what becomes of a transaction that this shard has voted on.
    pub(super) fn deciders_of(&self, body: &TransactionBody) -> BTreeSet<ShardId> {
        match body.mode {
            Mode::Decider(decider) => BTreeSet::from([decider]),
            Mode::AllVotes => self.others_in(body),
        }
    }

    /// A transaction that has ended here, if the shard still knows of it.
    pub(super) fn record(&mut self, id: &TransactionId) -> Option<&mut Record> {
        let time = self.time;
        self.records
            .get_mut(id)
            .filter(|record| record.is_kept(time))
    }

    /// Makes the inputs of a transaction inactive and its outputs active.
    ///
    /// Paper: Section IV-C, Process Accept.
    pub(super) fn carry_out(&mut self, effects: Effects) {
        for object in &effects.consumed {
            self.objects.remove(object);
        }
        self.objects.extend(effects.created);
    }

    /// A transaction ends here.
    pub(super) fn end(&mut self, transaction: &Authorized, voted_for: bool, verdict: Verdict) {
        let part = self.part_in(transaction.body());
        let record = Record {
            part,
            height: self.height,
            committed: verdict.is_commit(),
            voted_for,
            waits: matches!(part, Part::Votes(_)) && !voted_for,
            valid_until: transaction.body().valid_until,
            ended: self.time,
            said: self.time,
        };
        self.records.insert(transaction.id(), record);
        self.said.results.push(TransactionResult {
            transaction: transaction.id(),
            outcome: Outcome::from(verdict),
        });
    }

    /// A transaction that was prepared here ends.
    pub(super) fn leave(
        &mut self,
        transaction: &Authorized,
        outcome: Result<Effects, AbortReason>,
    ) {
        let touches = transaction.footprint().at(self.shard);
        let objects = touches.map(|touch| touch.object);
        self.locks.release(objects, &transaction.id());
        match outcome {
            Ok(effects) => {
                self.carry_out(effects);
                self.end(transaction, true, Verdict::Commit);
            }
            Err(reason) => self.end(transaction, true, Verdict::Abort(reason)),
        }
    }

    /// Begins a session in which something has just been promised. `prepared` is the height of the block
    /// that began the transaction.
    pub(super) fn promised(&mut self, transaction: &Authorized, prepared: Height, stage: Stage) {
        let session = Session {
            transaction: transaction.clone(),
            prepared,
            stage,
            repeats: 0,
            due: self.time.plus_ms(pause_ms(0)),
        };
        self.sessions.insert(transaction.id(), session);
    }

    /// Says the same about a transaction to some shards.
    pub(super) fn say(
        &mut self,
        (transaction, valid_until): (TransactionId, Time),
        to: impl IntoIterator<Item = ShardId>,
        promise: Promise,
    ) {
        self.said.outbox.extend(to.into_iter().map(|to| Leaf {
            to,
            transaction,
            valid_until,
            promise,
        }));
    }
}

/// How long nothing has to come of a promise that has been repeated so often, before it is repeated.
pub(super) fn pause_ms(repeats: u32) -> u64 {
    REPEAT_MS * 2_u64.pow(repeats.min(REPEAT_DOUBLINGS))
}
