//! What the shard does that decides: it votes last, and its own check is the decision.
//!
//! ```text
//!             prepare(T)            a vote against it, the deadline, or its own check fails
//!   unknown ------------> open ----------------------------------------------------> aborted
//!                           |
//!                           | all others have voted for it, and its own check succeeds
//!                           '-------------------------------------------------> committed
//! ```
//!
//! Its own objects are never locked by the transactions that it decides, so nobody can keep them from
//! others by not voting. The decision is announced until all others have acknowledged it, except those
//! who voted against it and have nothing left to do.
//!
//! Deviation: D-2.

use std::cell::OnceCell;
use std::sync::Arc;

use model::bounds::ALARMS_MAX;
use model::merkle::InclusionProof;
use model::transaction::Authorized;
use model::{
    AbortReason, Delivery, Leaf, Mode, Outcome, Parcel, Promise, ShardId, Time, TransactionId,
    Verdict,
};

use super::participant::may_skip;
use super::predicates::{all_prepared, others, some_prepared_abort};
use super::session::{Session, Stage, Votes};
use crate::injected::{self, Mistake};
use crate::ledger::{Ledger, Role, Turn};

impl Ledger {
    /// Process Prepare, in the shard that decides: wait for the votes.
    pub(crate) fn open(&mut self, transaction: &Authorized, turn: &mut Turn<'_>) {
        let body = transaction.body();
        let stage = Stage::Open(Votes::new());
        let alarm = body.valid_until;
        let session = Session::new(transaction.clone(), turn.height, stage, alarm);
        let policy = Arc::clone(&self.policy);
        match policy.check(transaction.footprint(), body.mode, self.shard()) {
            Ok(()) => self.put_session(session, turn),
            Err(reason) => self.decide(&session, &Votes::new(), Verdict::Abort(reason), None, turn),
        }
    }

    /// What another shard says, leaf by leaf.
    ///
    /// Paper: Section IV-C, Process Prepared and Process Accept.
    pub(crate) fn deliver(&mut self, delivery: &Arc<Delivery>, turn: &mut Turn<'_>) {
        if !self.speaks_now(&delivery.parcel) {
            return;
        }
        for parcel in delivery.parcels() {
            let head = &parcel.head.head;
            let foreign = self.state.foreign.entry(parcel.from()).or_default();
            foreign.hear(head.height, head.hash());
        }
        let from = delivery.parcel.from();
        // A shard that forks is not listened to. That it has voted on what another shard has decided
        // keeps nobody from doing what was decided.
        if self.state.foreign[&from].forked {
            return;
        }
        let proofs = OnceCell::new();
        for (at, leaf) in delivery.parcel.leaves.iter().enumerate() {
            let cast = Cast {
                parcel: &delivery.parcel,
                at,
                proofs: &proofs,
            };
            match &leaf.promise {
                Promise::Prepared(vote) => self.on_vote(leaf, vote, &cast, turn),
                Promise::Accept(verdict) => self.on_accept(leaf, verdict, delivery, turn),
                Promise::NoDecision => self.on_no_decision(leaf, from, turn),
                Promise::Acknowledged => self.on_acknowledged(&leaf.transaction, from, turn),
            }
        }
    }

    /// prepared(T, ...) of another shard.
    ///
    /// Paper: Section IV-C, Process Prepared.
    fn on_vote(&mut self, leaf: &Leaf, vote: &Verdict, cast: &Cast<'_>, turn: &mut Turn<'_>) {
        let (id, from) = (leaf.transaction, cast.parcel.from());
        let Some(session) = self.state.sessions.get(&id).cloned() else {
            self.answer_late_vote(leaf, from, turn);
            return;
        };
        let participants = &session.transaction.body().participants;
        if !participants.contains(&from) {
            return;
        }
        match &session.stage {
            Stage::Open(votes) if !votes.contains_key(&from) => {
                self.count(&session, votes, vote, cast, turn);
            }
            // Where one shard decides, votes are none of the others' business, not even its own.
            Stage::Prepared(held)
                if session.transaction.body().mode == Mode::AllVotes
                    && !held.votes.contains(&from) =>
            {
                self.gather(&session, held, from, vote, turn);
            }
            // It does not know the decision: say it again.
            Stage::Decided {
                verdict, waiting, ..
            } if waiting.contains(&from) => {
                promise_decision(&session, verdict, [from], turn);
            }
            Stage::Open(_) | Stage::Prepared(_) | Stage::Decided { .. } => {}
        }
    }

    /// The vote of a shard that does not know that the transaction has ended here, or that it was never
    /// heard of before its deadline.
    fn answer_late_vote(&mut self, leaf: &Leaf, from: ShardId, turn: &mut Turn<'_>) {
        let ours = self.shard();
        let promise = match self.state.decided.get_mut(&leaf.transaction) {
            Some(record) => {
                let Role::Peer { commit } = record.role else {
                    return;
                };
                if !record.is_due(turn.time) {
                    return;
                }
                record.answered = turn.time;
                let record = *record;
                turn.decided(leaf.transaction, record);
                Promise::Prepared(if commit {
                    Verdict::Commit
                } else {
                    Verdict::Abort(AbortReason::Refused { shard: ours })
                })
            }
            None if turn.time > leaf.valid_until => Promise::NoDecision,
            None => return,
        };
        turn.outbox.push(Leaf {
            to: from,
            transaction: leaf.transaction,
            valid_until: leaf.valid_until,
            promise,
        });
    }

    /// Takes in a vote, and decides if it is the last one, or against the transaction.
    fn count(
        &mut self,
        session: &Session,
        votes: &Votes,
        vote: &Verdict,
        cast: &Cast<'_>,
        turn: &mut Turn<'_>,
    ) {
        let from = cast.parcel.from();
        if some_prepared_abort(vote) {
            let verdict = Verdict::Abort(AbortReason::Refused { shard: from });
            self.decide(session, votes, verdict, Some(from), turn);
            return;
        }
        let participants = &session.transaction.body().participants;
        // With one other participant there is nobody to whom its vote would have to be shown.
        let shown = (participants.len() > 2).then(|| cast.shown());
        let mut votes = votes.clone();
        votes.insert(from, shown);
        let commits =
            |shard: &ShardId| votes.contains_key(shard) || may_skip(&session.transaction, *shard);
        if !all_prepared(participants, self.shard(), commits) {
            let stage = Stage::Open(votes);
            self.put_session(
                Session {
                    stage,
                    ..session.clone()
                },
                turn,
            );
            return;
        }
        match self.judge(&session.transaction, turn.checkers) {
            Ok(effects) => {
                self.accept(effects, turn);
                self.decide(session, &votes, Verdict::Commit, None, turn);
            }
            Err(reason) => self.decide(session, &votes, Verdict::Abort(reason), None, turn),
        }
    }

    /// Decides, and tells all others but the one that knows already.
    fn decide(
        &mut self,
        session: &Session,
        votes: &Votes,
        verdict: Verdict,
        knows: Option<ShardId>,
        turn: &mut Turn<'_>,
    ) {
        let transaction = &session.transaction;
        self.take_session(&transaction.id(), turn);
        let outcome = Outcome::from(verdict);
        self.conclude(transaction, session.prepared, Role::Decider, outcome, turn);
        let mut waiting = others(&transaction.body().participants, self.shard());
        waiting.retain(|shard| Some(*shard) != knows);
        promise_decision(session, &verdict, waiting.iter().copied(), turn);
        if waiting.is_empty() || injected::makes(Mistake::ForgetsUnacknowledged) {
            return;
        }
        let votes = if verdict.is_commit() {
            votes.clone()
        } else {
            Votes::new()
        };
        let stage = Stage::Decided {
            verdict,
            votes,
            waiting,
        };
        let mut session = Session::new(transaction.clone(), session.prepared, stage, turn.time);
        session.promised(turn.time);
        self.put_session(session, turn);
    }

    /// A shard has done what was decided.
    fn on_acknowledged(&mut self, id: &TransactionId, from: ShardId, turn: &mut Turn<'_>) {
        let Some(session) = self.state.sessions.get(id).cloned() else {
            return;
        };
        let Stage::Decided { waiting, .. } = &session.stage else {
            return;
        };
        if !waiting.contains(&from) {
            return;
        }
        if waiting.len() == 1 {
            self.take_session(id, turn);
            return;
        }
        let mut session = (*session).clone();
        if let Stage::Decided { waiting, .. } = &mut session.stage {
            waiting.remove(&from);
        }
        self.put_session(session, turn);
    }

    /// What was promised in the epoch before is promised in this one: those who have not heard it take
    /// nothing any more that the members of that epoch have signed.
    pub(crate) fn promise_again(&mut self, turn: &mut Turn<'_>) {
        let sessions = self.state.sessions.values();
        let promised = sessions.filter(|session| !matches!(session.stage, Stage::Open(_)));
        let promised: Vec<Session> = promised.map(|session| (**session).clone()).collect();
        for mut session in promised {
            session.alarm = self.tip.time; // due in this block, or in the next ones if there are many
            session.repeats = 0;
            self.put_session(session, turn);
        }
    }

    /// Does what is due: deadlines that are over, promises that nobody seems to have heard.
    pub(crate) fn sound_alarms(&mut self, turn: &mut Turn<'_>) {
        for _ in 0..ALARMS_MAX {
            let Some((_, id)) = self.alarms.first().filter(|(alarm, _)| *alarm < turn.time) else {
                return;
            };
            let session = self.state.sessions.get(id).cloned();
            let session = session.expect("each alarm is that of a session");
            match &session.stage {
                Stage::Open(votes) => {
                    let verdict = Verdict::Abort(AbortReason::Deadline);
                    self.decide(&session, votes, verdict, None, turn);
                    continue;
                }
                Stage::Prepared(_) if gives_up(&session, turn.time) => {
                    self.let_go(&session, AbortReason::Deadline, turn);
                    continue;
                }
                // Whoever has been heard of may not have heard: of three shards that each wait for another,
                // none would ever repeat to the one that waits for it.
                Stage::Prepared(_) => {
                    self.promise_vote(&session.transaction, Verdict::Commit, None, turn);
                }
                Stage::Decided {
                    verdict, waiting, ..
                } => promise_decision(&session, verdict, waiting.iter().copied(), turn),
            }
            let mut session = (*session).clone();
            session.repeats = session.repeats.saturating_add(1);
            session.promised(turn.time);
            self.put_session(session, turn);
        }
    }
}

/// Whether a mistake is to be made: nobody who has voted to commit may give up alone.
fn gives_up(session: &Session, time: Time) -> bool {
    time > session.transaction.body().valid_until && injected::makes(Mistake::GivesUpAlone)
}

/// A vote as it came.
struct Cast<'a> {
    parcel: &'a Parcel,
    /// Which leaf of the parcel it is.
    at: usize,
    /// The proofs for the leaves of the parcel one by one, once somebody has asked for one of them.
    proofs: &'a OnceCell<Vec<InclusionProof>>,
}

impl Cast<'_> {
    /// The vote without the other promises that came with it: up to fourteen such votes go beside a
    /// decision, and must fit into a block.
    fn shown(&self) -> Arc<Parcel> {
        let proofs = || self.parcel.proofs().unwrap_or_default();
        let only = self.parcel.only(self.at, self.proofs.get_or_init(proofs));
        Arc::new(only.unwrap_or_else(|| self.parcel.clone()))
    }
}

/// Makes a decision known.
fn promise_decision(
    session: &Session,
    verdict: &Verdict,
    to: impl IntoIterator<Item = ShardId>,
    turn: &mut Turn<'_>,
) {
    turn.outbox.extend(to.into_iter().map(|to| Leaf {
        to,
        transaction: session.transaction.id(),
        valid_until: session.transaction.body().valid_until,
        promise: Promise::Accept(*verdict),
    }));
}
