//! What a shard does that votes: Process Prepare, Process Prepared in the mode of the paper, and Process
//! Accept.
//!
//! ```text
//!              prepare(T): all good                accept(T, commit): consume, create
//!   unknown ------------------------> prepared ----------------------------------> committed
//!      |                                  |
//!      | prepare(T): something is wrong   | accept(T, abort), or nobody will decide: unlock
//!      '----------------------------------+----------------------------------> aborted
//! ```
//!
//! Whoever has voted to commit says so until it hears the decision. Whoever has voted to abort holds
//! nothing and waits for nothing; it says so again if the shard that decides still asks.
//!
//! Paper: Section IV-C, Figure 3.

use std::collections::BTreeSet;

use model::active_set::Effects;
use model::bounds;
use model::placement::How;
use model::transaction::Authorized;
use model::{AbortReason, Delivery, Leaf, Mode, ObjectId, Outcome, Policy, Profile, Promise};
use model::{Epoch, Parcel, ShardId, TransactionId, Verdict};

use super::Locks;
use super::predicates::{all_prepared, others, some_prepared_abort};
use super::session::{Held, Session, Stage};
use crate::injected::{self, Mistake};
use crate::ledger::{Ledger, Role, Turn};

impl Locks {
    /// Takes what a transaction holds.
    pub(crate) fn take(&mut self, holder: TransactionId, held: &Held, profile: Profile) {
        for object in &held.consumed {
            self.lock(*object, holder);
        }
        for object in &held.referenced {
            if profile.shares_references() {
                self.share(*object, holder);
            } else {
                self.lock(*object, holder);
            }
        }
    }

    /// Lets go of what a transaction holds.
    fn let_go(&mut self, holder: &TransactionId, held: &Held) {
        for object in held.consumed.iter().chain(&held.referenced) {
            self.release(object, holder);
        }
    }
}

impl Ledger {
    /// Process Prepare, in a shard that votes: lock, or vote against it.
    pub(crate) fn vote(&mut self, transaction: &Authorized, turn: &mut Turn<'_>) {
        let reason = match self.aborted_early(transaction) {
            Some(decider) => Err(AbortReason::Refused { shard: decider }),
            None => self.judge(transaction, turn.checkers),
        };
        let verdict = match reason {
            Ok(effects) => {
                self.hold(transaction, effects, turn);
                Verdict::Commit
            }
            Err(reason) => {
                if injected::makes(Mistake::UnlocksForOthers) {
                    let touches = transaction.footprint().at(self.shard());
                    touches.for_each(|touch| self.locks.release(&touch.object, &transaction.id()));
                }
                let role = self.voting_role(transaction, false);
                let outcome = Outcome::Aborted(reason);
                self.conclude(transaction, turn.height, role, outcome, turn);
                Verdict::Abort(reason)
            }
        };
        self.promise_vote(transaction, verdict, None, turn);
    }

    /// The transaction is brought again after this shard has voted to abort it: the shard that decides
    /// asks for the vote, which got lost. So nobody holds locks for it until the deadline.
    pub(crate) fn refuse_again(&mut self, transaction: &Authorized, turn: &mut Turn<'_>) {
        let (id, shard) = (transaction.id(), self.shard());
        let Some(record) = self.state.decided.get_mut(&id) else {
            return;
        };
        if !record.refuses_again(turn.time) {
            return;
        }
        record.answered = turn.time;
        turn.decided(id, *record);
        let verdict = Verdict::Abort(AbortReason::Refused { shard });
        self.promise_vote(transaction, verdict, None, turn);
    }

    fn hold(&mut self, transaction: &Authorized, effects: Effects, turn: &mut Turn<'_>) {
        let referenced = self.references(transaction);
        let held = Held::new(effects, referenced);
        self.locks
            .take(transaction.id(), &held, self.policy.profile());
        let stage = Stage::Prepared(held);
        let mut session = Session::new(transaction.clone(), turn.height, stage, turn.time);
        session.promised(turn.time);
        self.put_session(session, turn);
    }

    /// The objects of this shard that a transaction reads and that could be consumed meanwhile.
    fn references(&self, transaction: &Authorized) -> BTreeSet<ObjectId> {
        transaction
            .footprint()
            .at(self.shard())
            .filter(|touch| touch.how == How::References)
            .filter(|touch| !self.is_frozen(&touch.object, &self.policy))
            .map(|touch| touch.object)
            .collect()
    }

    fn is_frozen(&self, object: &ObjectId, policy: &Policy) -> bool {
        self.state.objects.get(object).is_some_and(|object| {
            let object_type = &object.object_type;
            policy.is_frozen(&object_type.contract, &object_type.name)
        })
    }

    /// The decider, if it decided to abort the transaction before the transaction was known here.
    fn aborted_early(&self, transaction: &Authorized) -> Option<ShardId> {
        let Mode::Decider(decider) = transaction.body().mode else {
            return None;
        };
        let foreign = self.state.foreign.get(&decider)?;
        let aborted = foreign.aborted.contains_key(&transaction.id());
        aborted.then_some(decider)
    }

    /// What this shard has to do with a transaction that it does not decide alone.
    pub(super) fn voting_role(&self, transaction: &Authorized, commit: bool) -> Role {
        match transaction.body().mode {
            Mode::AllVotes => Role::Peer { commit },
            Mode::Decider(decider) if decider == self.shard() => Role::Decider,
            Mode::Decider(_) if commit => Role::Voter,
            Mode::Decider(decider) => Role::Refuser { decider },
        }
    }

    /// Makes the vote known to those who decide: all of them, or `only` one.
    pub(super) fn promise_vote(
        &self,
        transaction: &Authorized,
        verdict: Verdict,
        only: Option<ShardId>,
        turn: &mut Turn<'_>,
    ) {
        let body = transaction.body();
        let to = match (only, body.mode) {
            (Some(only), _) => BTreeSet::from([only]),
            (None, Mode::Decider(decider)) => BTreeSet::from([decider]),
            (None, Mode::AllVotes) => others(&body.participants, self.shard()),
        };
        turn.outbox.extend(to.into_iter().map(|to| Leaf {
            to,
            transaction: transaction.id(),
            valid_until: body.valid_until,
            promise: Promise::Prepared(verdict),
        }));
    }

    /// In the mode of the paper: a vote on a transaction that this shard has voted to commit.
    ///
    /// Paper: Section IV-C, Process Prepared.
    pub(super) fn gather(
        &mut self,
        session: &Session,
        held: &Held,
        from: ShardId,
        vote: &Verdict,
        turn: &mut Turn<'_>,
    ) {
        if some_prepared_abort(vote) {
            self.let_go(session, AbortReason::Refused { shard: from }, turn);
            return;
        }
        let mut held = held.clone();
        held.votes.insert(from);
        let participants = &session.transaction.body().participants;
        let needed =
            |shard: &ShardId| held.votes.contains(shard) || may_skip(&session.transaction, *shard);
        if all_prepared(participants, self.shard(), needed) {
            self.carry_out(session, held, turn);
        } else {
            let stage = Stage::Prepared(held);
            self.put_session(
                Session {
                    stage,
                    ..session.clone()
                },
                turn,
            );
        }
    }

    /// accept(T, ...) of the shard that decides.
    ///
    /// Paper: Section IV-C, Process Accept.
    pub(super) fn on_accept(
        &mut self,
        leaf: &Leaf,
        verdict: &Verdict,
        delivery: &Delivery,
        turn: &mut Turn<'_>,
    ) {
        let (id, from) = (leaf.transaction, delivery.parcel.from());
        if let Some(session) = self.state.sessions.get(&id).cloned() {
            let Stage::Prepared(held) = &session.stage else {
                return;
            };
            let decides = session.transaction.body().mode == Mode::Decider(from);
            if !decides && !injected::makes(Mistake::BelievesAnybody) {
                return;
            }
            match verdict {
                Verdict::Commit if self.is_justified(&session, delivery) => {
                    self.carry_out(&session, held.clone(), turn);
                }
                // A decider that commits without the votes is dishonest, and its word shows it.
                Verdict::Commit => return,
                Verdict::Abort(_) => {
                    self.let_go(&session, AbortReason::Refused { shard: from }, turn);
                }
            }
            acknowledge(leaf, from, turn);
        } else if let Some(record) = self.state.decided.get_mut(&id) {
            if record.acknowledges(from, verdict, turn.time) {
                record.role = Role::Voter;
                record.answered = turn.time;
                let record = *record;
                turn.decided(id, record);
                acknowledge(leaf, from, turn);
            }
        } else if turn.time > leaf.valid_until {
            // It has been carried out and forgotten, or never will be: a shard that has voted to
            // commit does not forget before it hears the decision.
            acknowledge(leaf, from, turn);
        } else if !verdict.is_commit() {
            let until = leaf
                .valid_until
                .min(turn.time.plus_ms(bounds::VALIDITY_MS_MAX));
            let foreign = self.state.foreign.entry(from).or_default();
            // What is not noted is announced again, when there may be room.
            if foreign.abort_early(id, until) {
                acknowledge(leaf, from, turn);
            }
        }
    }

    /// Whether all participants beside the decider and this shard are shown to have voted to commit.
    pub(super) fn is_justified(&self, session: &Session, delivery: &Delivery) -> bool {
        let body = session.transaction.body();
        let decider = delivery.parcel.from();
        let ours = self.shard();
        let voted = |shard: &ShardId| {
            let of_shard = delivery
                .votes
                .iter()
                .filter(|votes| votes.from() == *shard && self.may_be_shown(votes));
            let mut leaves = of_shard.flat_map(|votes| &votes.leaves);
            leaves.any(|leaf| {
                leaf.transaction == session.transaction.id()
                    && leaf.promise == Promise::Prepared(Verdict::Commit)
            })
        };
        let shards = body.participants.iter();
        injected::makes(Mistake::BundleUnchecked)
            || shards
                .filter(|shard| **shard != decider && **shard != ours)
                .all(voted)
    }

    /// Whether a parcel is of the epoch in which its shard speaks.
    pub(super) fn speaks_now(&self, parcel: &Parcel) -> bool {
        parcel.head.head.scope.epoch == self.epoch_of(parcel.from())
            || injected::makes(Mistake::HearsOldEpochs)
    }

    /// Whether the votes in a parcel count where another shard than the voter shows them.
    fn may_be_shown(&self, votes: &Parcel) -> bool {
        let foreign = self.state.foreign.get(&votes.from());
        let head = &votes.head.head;
        foreign.map_or(head.scope.epoch == Epoch::ZERO, |foreign| {
            foreign.is_shown_by(head)
        })
    }

    /// The shard that was to decide, or a participant in the mode of the paper, never will.
    pub(super) fn on_no_decision(&mut self, leaf: &Leaf, from: ShardId, turn: &mut Turn<'_>) {
        let Some(session) = self.state.sessions.get(&leaf.transaction).cloned() else {
            return;
        };
        if matches!(session.stage, Stage::Prepared(_)) && speaks(&session, from) {
            self.let_go(&session, AbortReason::Deadline, turn);
        }
    }

    /// Commits what is prepared.
    fn carry_out(&mut self, session: &Session, held: Held, turn: &mut Turn<'_>) {
        let id = session.transaction.id();
        if !injected::makes(Mistake::CarriesOutAgain) {
            self.locks.let_go(&id, &held);
            self.take_session(&id, turn);
        }
        let effects = Effects {
            consumed: held.consumed,
            created: held.created,
        };
        self.accept(effects, turn);
        let role = self.voting_role(&session.transaction, true);
        let outcome = Outcome::Committed;
        self.conclude(&session.transaction, session.prepared, role, outcome, turn);
    }

    /// Aborts what is prepared.
    pub(super) fn let_go(&mut self, session: &Session, reason: AbortReason, turn: &mut Turn<'_>) {
        let id = session.transaction.id();
        if let Stage::Prepared(held) = &session.stage {
            self.locks.let_go(&id, held);
        }
        self.take_session(&id, turn);
        let role = self.voting_role(&session.transaction, true);
        let outcome = Outcome::Aborted(reason);
        self.conclude(&session.transaction, session.prepared, role, outcome, turn);
    }
}

/// Whether a shard has a say in what becomes of a prepared transaction.
pub(super) fn speaks(session: &Session, shard: ShardId) -> bool {
    let body = session.transaction.body();
    match body.mode {
        Mode::Decider(decider) => decider == shard,
        Mode::AllVotes => body.participants.contains(&shard),
    }
}

/// Whether a mistake is to be made for which the vote of a shard does not matter.
pub(super) fn may_skip(transaction: &Authorized, shard: ShardId) -> bool {
    let mut touches = transaction.footprint().at(shard);
    injected::makes(Mistake::CommitsWithoutVotes)
        || injected::makes(Mistake::SkipsWitnesses)
            && touches.all(|touch| touch.how == How::Creates)
}

fn acknowledge(leaf: &Leaf, to: ShardId, turn: &mut Turn<'_>) {
    turn.outbox.push(Leaf {
        to,
        transaction: leaf.transaction,
        valid_until: leaf.valid_until,
        promise: Promise::Acknowledged,
    });
}
