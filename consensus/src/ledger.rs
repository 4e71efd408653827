//! The ledger: one pure function from a state and a block to the next state.
//!
//! All replicas of a shard share it, auditors replay it, and nothing else decides what a transaction
//! does. All time in it is block time.
//!
//! Paper: Section IV-A, "an auditor can re-execute all transactions in sequence". For a transaction
//! that one shard handles alone, prepare, decision and acceptance are one entry (decision D11); the
//! part of S-BAC for several shards is in [`crate::sbac`].

mod applied;
mod inheritance;
mod records;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::active_set::Effects;
use model::block::BlockRef;
use model::bounds;
use model::head::Head;
use model::outbox::outbox_tree;
use model::placement::How;
use model::result::{AbortReason, Outcome, TransactionResult, results_tree};
use model::statement::{Height, Scope};
use model::transaction::Authorized;
use model::{ActiveSet, Block, Checkers, Genesis, Hash, NetworkId, Object, ObjectId, Policy};
use model::{Epoch, EpochChange, Mode, ShardId, Time, TransactionId, state, validity};

pub use applied::Applied;
pub(crate) use applied::Turn;
pub use inheritance::BadState;
pub use records::{Decided, Foreign, Role};

use crate::action::Action;
use crate::injected::{self, Mistake};
use crate::sbac::Locks;
use crate::sbac::session::{Session, Stage};

/// The state of a shard: what all its honest replicas agree on at a height.
///
/// Paper: Section III, alpha, restricted to the objects whose home is this shard.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    /// Network, shard and epoch.
    pub scope: Scope,
    /// The last block applied.
    pub tip: Tip,
    /// What changes with the blocks.
    pub state: State,
    /// What all shards have agreed on beforehand.
    pub(crate) policy: Arc<Policy>,
    /// Who holds which object: exactly the sessions that are prepared.
    pub(crate) locks: Locks,
    /// The keys of `decided` by deadline, so that forgetting costs what is forgotten.
    deadlines: BTreeSet<(Time, TransactionId)>,
    /// The sessions by alarm.
    pub(crate) alarms: BTreeSet<(Time, TransactionId)>,
}

/// What a node keeps of a ledger; the rest follows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// The active objects, locked or not.
    pub objects: BTreeMap<ObjectId, Arc<Object>>,
    /// The transactions decided here, each until its deadline has passed: a transaction is decided
    /// at most once, ever (decision D3), and none is looked at after its deadline. Those that were
    /// voted on in the mode of the paper stay for ever (sbac.md, 5.14).
    pub decided: BTreeMap<TransactionId, Decided>,
    /// The transactions that several shards have begun and not finished.
    pub sessions: BTreeMap<TransactionId, Arc<Session>>,
    /// What has been heard of other shards.
    pub foreign: BTreeMap<ShardId, Foreign>,
}

/// The block at which a ledger stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tip {
    /// The block.
    pub block: BlockRef,
    /// The epoch that it belongs to.
    pub epoch: Epoch,
    /// Its height.
    pub height: Height,
    /// Its time.
    pub time: Time,
    /// The hash of the head.
    pub head: Hash,
}

impl Ledger {
    /// The state of `shard` before its first block.
    #[must_use]
    pub fn genesis(genesis: &Genesis, shard: ShardId) -> Self {
        let network = genesis.network();
        let scope = Scope {
            network,
            shard,
            epoch: Epoch::ZERO,
        };
        let tip = Tip {
            block: BlockRef::genesis(&network),
            epoch: Epoch::ZERO,
            height: Height::ZERO,
            time: genesis.created,
            head: Head::before_first(&network),
        };
        let state = State {
            objects: genesis.objects_of(shard),
            ..State::default()
        };
        Self::restore(scope, tip, Arc::new(genesis.policy()), state)
    }

    /// The ledger with this state, as a node kept it.
    #[must_use]
    pub fn restore(scope: Scope, tip: Tip, mut policy: Arc<Policy>, state: State) -> Self {
        let founded = state.foreign.iter().filter(|(_, foreign)| foreign.founded);
        for shard in founded.map(|(shard, _)| *shard).chain([scope.shard]) {
            if !policy.knows(shard) {
                Arc::make_mut(&mut policy).found(shard);
            }
        }
        let ends = state.decided.iter().filter(|(_, record)| !record.stays());
        let deadlines = ends.map(|(id, record)| (record.valid_until, *id)).collect();
        let alarms = state.sessions.iter();
        let alarms = alarms.map(|(id, session)| (session.alarm, *id)).collect();
        let mut locks = Locks::default();
        for (id, session) in &state.sessions {
            if let Stage::Prepared(held) = &session.stage {
                locks.take(*id, held, policy.profile());
            }
        }
        Self {
            scope,
            tip,
            state,
            policy,
            locks,
            deadlines,
            alarms,
        }
    }

    /// The network.
    #[must_use]
    pub const fn network(&self) -> &NetworkId {
        &self.scope.network
    }

    /// The shard.
    #[must_use]
    pub const fn shard(&self) -> ShardId {
        self.scope.shard
    }

    /// Whether an entry with this transaction would be taken up by a block with the time `time`.
    #[must_use]
    pub fn is_open(&self, transaction: &Authorized, time: Time) -> bool {
        // Structural validity V3 (sbac.md, 5.2), and that each transaction is voted on once.
        let body = transaction.body();
        let late = time > body.valid_until && !injected::makes(Mistake::IgnoresDeadlines);
        let in_time = !late && body.valid_until <= time.plus_ms(bounds::VALIDITY_MS_MAX);
        let concerned = body.participants.contains(&self.shard());
        let id = transaction.id();
        let known = self.state.decided.contains_key(&id) || self.state.sessions.contains_key(&id);
        in_time && concerned && (!known || injected::makes(Mistake::DecidesAgain))
    }

    /// Whether it makes sense to sequence a transaction in a block with the time `time`: it would be
    /// taken up, or its vote to abort be cast again.
    #[must_use]
    pub fn is_wanted(&self, transaction: &Authorized, time: Time) -> bool {
        let record = self.state.decided.get(&transaction.id());
        record.is_some_and(|record| record.refuses_again(time)) || self.is_open(transaction, time)
    }

    /// Whether this shard has voted to commit a transaction, and waits for the decision.
    pub(crate) fn is_prepared(&self, transaction: &TransactionId) -> bool {
        let session = self.state.sessions.get(transaction);
        session.is_some_and(|session| matches!(session.stage, Stage::Prepared(_)))
    }

    /// Whether a transaction is neither decided nor under way here.
    #[must_use]
    pub fn is_unknown(&self, transaction: &TransactionId) -> bool {
        !self.state.decided.contains_key(transaction)
            && !self.state.sessions.contains_key(transaction)
    }

    /// Whether this shard decides the transaction, and others vote before it.
    #[must_use]
    pub fn decides(&self, transaction: &Authorized) -> bool {
        transaction.body().mode == Mode::Decider(self.shard())
            && !transaction.is_alone(self.shard())
    }

    /// The block time after which something is due in a session, if there is one.
    #[must_use]
    pub fn next_alarm(&self) -> Option<Time> {
        self.alarms.first().map(|(time, _)| *time)
    }

    /// Each object that is held, by whom, and whether it is to be consumed.
    pub fn locked(&self) -> impl Iterator<Item = (ObjectId, Vec<TransactionId>, bool)> {
        self.locks.iter()
    }

    /// The next epoch begins, after the block that ended the one before.
    pub(crate) fn enter(&mut self, epoch: Epoch) {
        self.scope.epoch = epoch;
    }

    /// Applies the next block. `actions` are those of its payload.
    ///
    /// # Panics
    ///
    /// If the block does not extend the tip, or is not later than it: agreement finalizes no such
    /// block, so this is our own mistake.
    pub fn apply(&mut self, block: &Block, actions: &[Action], checkers: &dyn Checkers) -> Applied {
        let header = &block.header;
        assert_eq!(header.parent, self.tip.block, "blocks are applied in order");
        assert!(header.time > self.tip.time, "block time goes forward");

        let mut turn = Turn::new(header.time, header.height, checkers);
        self.forget_before(&mut turn);
        if self.scope.epoch > self.tip.epoch && !injected::makes(Mistake::PromisesOnce) {
            self.promise_again(&mut turn);
        }
        self.sound_alarms(&mut turn);
        for action in actions {
            match action {
                Action::Prepare(transaction) => self.prepare(transaction, &mut turn),
                Action::Deliver(delivery) => self.deliver(delivery, &mut turn),
                Action::Change(change) => self.hear_change(change),
                Action::Found(record) => self.hear_of(record.shard),
                Action::End(ending) => turn.next = Some(Arc::new(ending.plan.next.clone())),
            }
        }

        let name = block.name();
        turn.outbox.sort_unstable();
        turn.outbox.dedup();
        let next = turn.next.as_deref();
        let commits = next.is_some() || state::is_due(header.height);
        let head = Head {
            scope: self.scope,
            height: header.height,
            previous: self.tip.head,
            block: name.hash,
            time: header.time,
            results: results_tree(&turn.results).root(),
            outbox: outbox_tree(&turn.outbox, next).root(),
            state: commits.then(|| self.state.as_committed(next).root()),
        };
        self.tip = Tip {
            block: name,
            epoch: self.scope.epoch,
            height: header.height,
            time: header.time,
            head: head.hash(),
        };
        let state = commits.then(|| Arc::new(self.state.clone()));
        turn.into_applied(head, state)
    }

    /// Process Prepare.
    ///
    /// Paper: Section IV-C.
    fn prepare(&mut self, transaction: &Authorized, turn: &mut Turn<'_>) {
        if !self.is_open(transaction, turn.time) {
            self.refuse_again(transaction, turn);
        } else if transaction.is_alone(self.shard()) {
            self.decide_alone(transaction, turn);
        } else if self.decides(transaction) {
            self.open(transaction, turn);
        } else {
            self.vote(transaction, turn);
        }
    }

    /// Prepare, decision and acceptance of a transaction that concerns this shard alone.
    fn decide_alone(&mut self, transaction: &Authorized, turn: &mut Turn<'_>) {
        let outcome = match self.judge(transaction, turn.checkers) {
            Ok(effects) => {
                self.accept(effects, turn);
                Outcome::Committed
            }
            Err(reason) => Outcome::Aborted(reason),
        };
        self.conclude(transaction, turn.height, Role::Alone, outcome, turn);
    }

    /// Whether a transaction can be committed as far as this shard is concerned, and what it would do
    /// here.
    ///
    /// Paper: Section IV-C, the three conditions of Process Prepare.
    pub(crate) fn judge(
        &self,
        transaction: &Authorized,
        checkers: &dyn Checkers,
    ) -> Result<Effects, AbortReason> {
        let shard = self.shard();
        let (footprint, mode) = (transaction.footprint(), transaction.body().mode);
        self.policy.check(footprint, mode, shard)?;
        for touch in footprint.at(shard) {
            let holder = match touch.how {
                How::Consumes => self.locks.against_consuming(&touch.object),
                How::References => self.against_reading(&touch.object),
                How::Creates => None,
            };
            if let Some(holder) = holder.filter(|_| !injected::makes(Mistake::IgnoresLocks)) {
                return Err(self.locked_by(touch.object, holder));
            }
        }
        if transaction.is_alone(shard) {
            return Ok(validity::valid(&self.state.objects, transaction, checkers)?);
        }
        let here = Here {
            objects: &self.state.objects,
            elsewhere: elsewhere(transaction, shard),
        };
        let mandate = footprint.mandate(shard);
        let mut effects = validity::valid_within(&here, transaction, checkers, &mandate)?;
        effects
            .consumed
            .retain(|object| self.state.objects.contains_key(object));
        effects.created.retain(|_, object| object.home == shard);
        Ok(effects)
    }

    fn against_reading(&self, object: &ObjectId) -> Option<TransactionId> {
        if self.policy.profile().shares_references() {
            self.locks.against_reading(object)
        } else {
            self.locks.against_consuming(object)
        }
    }

    fn locked_by(&self, object: ObjectId, holder: TransactionId) -> AbortReason {
        let session = self.state.sessions.get(&holder);
        AbortReason::Locked {
            object,
            holder,
            until: session.map_or(Time::ZERO, |session| session.transaction.body().valid_until),
        }
    }

    /// Process accept(T, commit): inputs become inactive, outputs become active.
    ///
    /// Paper: Section IV-C, Process Accept.
    pub(crate) fn accept(&mut self, effects: Effects, turn: &mut Turn<'_>) {
        for id in effects.consumed {
            let object = self.state.objects.remove(&id);
            if injected::makes(Mistake::SpendsTwice) {
                let again = object.clone().map(|object| (id, object));
                self.state.objects.extend(again);
            }
            turn.consumed(id, object);
        }
        for (id, object) in effects.created {
            self.state.objects.insert(id, Arc::clone(&object));
            turn.created(id, object);
        }
    }

    /// A transaction has ended here.
    pub(crate) fn conclude(
        &mut self,
        transaction: &Authorized,
        prepared: Height,
        role: Role,
        outcome: Outcome,
        turn: &mut Turn<'_>,
    ) {
        let id = transaction.id();
        let record = Decided {
            valid_until: transaction.body().valid_until,
            height: turn.height,
            committed: outcome == Outcome::Committed,
            role,
            answered: turn.time,
        };
        if !injected::makes(Mistake::ForgetsEnded) {
            self.state.decided.insert(id, record);
            turn.decided(id, record);
            if !record.stays() {
                self.deadlines.insert((record.valid_until, id));
            }
        }
        turn.results.push(TransactionResult {
            transaction: id,
            outcome,
        });
        turn.concluded.push((transaction.clone(), prepared));
    }

    /// Another shard has begun an epoch: what it said in the one before counts no more, except in votes
    /// that somebody shows.
    fn hear_change(&mut self, change: &EpochChange) {
        let foreign = self.state.foreign.entry(change.next.shard).or_default();
        foreign.change(change);
    }

    /// Another shard has been founded.
    fn hear_of(&mut self, shard: ShardId) {
        self.state.foreign.entry(shard).or_default().founded = true;
        Arc::make_mut(&mut self.policy).found(shard);
    }

    /// Whether this shard has to do with a shard: since genesis, or since it heard of its founding.
    #[must_use]
    pub fn knows(&self, shard: ShardId) -> bool {
        self.policy.knows(shard)
    }

    /// The epoch in which another shard is heard.
    #[must_use]
    pub fn epoch_of(&self, shard: ShardId) -> Epoch {
        let foreign = self.state.foreign.get(&shard);
        foreign.map_or(Epoch::ZERO, |foreign| foreign.epoch)
    }

    /// Drops the records of transactions whose deadlines are over (decision D14).
    fn forget_before(&mut self, turn: &mut Turn<'_>) {
        while let Some((deadline, id)) = self.deadlines.first().copied() {
            if deadline >= turn.time {
                break;
            }
            self.deadlines.pop_first();
            self.state.decided.remove(&id);
            turn.forgotten(id);
        }
        for foreign in self.state.foreign.values_mut() {
            foreign.forget_before(turn.time);
        }
    }

    /// Puts a session in the place of the one before, if there was one.
    pub(crate) fn put_session(&mut self, session: Session, turn: &mut Turn<'_>) {
        let id = session.transaction.id();
        self.take_session(&id, turn);
        self.alarms.insert((session.alarm, id));
        let session = Arc::new(session);
        turn.session(id, Some(Arc::clone(&session)));
        self.state.sessions.insert(id, session);
    }

    /// Takes a session out.
    pub(crate) fn take_session(
        &mut self,
        id: &TransactionId,
        turn: &mut Turn<'_>,
    ) -> Option<Arc<Session>> {
        let session = self.state.sessions.remove(id)?;
        self.alarms.remove(&(session.alarm, *id));
        turn.session(*id, None);
        Some(session)
    }
}

impl ActiveSet for Ledger {
    fn active(&self, id: &ObjectId) -> Option<Arc<Object>> {
        self.state.objects.active(id)
    }
}

/// The active set as one of several shards sees it: its own objects, and of others what the
/// transaction says of them. Their shards vote on whether it is so.
struct Here<'a> {
    objects: &'a BTreeMap<ObjectId, Arc<Object>>,
    elsewhere: BTreeMap<ObjectId, Arc<Object>>,
}

impl ActiveSet for Here<'_> {
    fn active(&self, id: &ObjectId) -> Option<Arc<Object>> {
        self.objects
            .active(id)
            .or_else(|| self.elsewhere.active(id))
    }
}

/// The free objects of a transaction that live in other shards.
fn elsewhere(transaction: &Authorized, shard: ShardId) -> BTreeMap<ObjectId, Arc<Object>> {
    let openings = transaction.transaction().openings.iter();
    let touches = transaction.footprint().touches().iter();
    // The touches begin with the openings, in the same order.
    let named = openings.zip(touches);
    let foreign = named.filter(|(object, _)| object.home != shard);
    foreign
        .map(|(object, touch)| (touch.object, Arc::new(object.clone())))
        .collect()
}
