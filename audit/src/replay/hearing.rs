//! What a shard does when it hears of the promises of others.
//!
//! ```text
//!                      unknown            prepared               open           announced    ended
//!   vote to commit     late: never will   by all votes: counts   counts         says again   (1)
//!   vote to abort      late: never will   by all votes: aborts   aborts         says again   (1)
//!   accept to commit   late: done         commits, done          -              -            done (2)
//!   accept to abort    done (3)           aborts, done           -              -            done (2)
//!   never will         -                  aborts                 -              -            -
//!   done               -                  -                      -              one less     -
//! ```
//!
//! - (1) By all votes: votes again, but not at once.
//! - (2) If it voted, and that is how it ended; at once if it voted to abort and hears the end for the
//!   first time, of the shard that decides; but not again at once.
//! - (3) Notes that it has to vote against it, unless it is late.
//!
//! A shard is heard in the epoch that it is in and in no other, but a vote counts as well that a decider
//! shows and that was cast in an epoch before it ended.
//!
//! Paper: Section IV-C, Process Prepared and Process Accept.

use std::collections::BTreeSet;

use model::bounds::VALIDITY_MS_MAX;
use model::transaction::Authorized;
use model::{
    AbortReason, Delivery, EpochChange, Height, Leaf, Mode, Parcel, Promise, ShardId,
    TransactionId, Verdict,
};

use super::records::{Other, Part};
use super::state::{Session, Stage, State, Votes};

impl State {
    /// Another shard has begun an epoch.
    pub(super) fn change(&mut self, change: &EpochChange) {
        let end = change.hand_over.head.head.height;
        let other = self.others.entry(change.next.shard).or_default();
        other.begin(change.next.epoch, end);
    }

    /// What another shard says, unless it is not in that epoch, or says different things to different
    /// shards.
    pub(super) fn deliver(&mut self, delivery: &Delivery) {
        let parcel = &delivery.parcel;
        let other = self.others.entry(parcel.from()).or_default();
        if !other.speaks(&parcel.head.head) {
            return;
        }
        for parcel in delivery.parcels() {
            let other = self.others.entry(parcel.from()).or_default();
            other.note(&parcel.head.head);
        }
        let from = delivery.parcel.from();
        if self.others.get(&from).is_some_and(|other| other.is_forked) {
            return;
        }
        for (at, leaf) in delivery.parcel.leaves.iter().enumerate() {
            match &leaf.promise {
                Promise::Prepared(vote) => self.hear_vote(leaf, vote, (&delivery.parcel, at)),
                Promise::Accept(verdict) => self.hear_decision(leaf, verdict, delivery),
                Promise::NoDecision => self.hear_no_decision(&leaf.transaction, from),
                Promise::Acknowledged => self.hear_done(&leaf.transaction, from),
            }
        }
    }

    /// prepared(T, ...), which is the leaf `at` of a parcel.
    fn hear_vote(&mut self, leaf: &Leaf, vote: &Verdict, (parcel, at): (&Parcel, usize)) {
        let (id, from) = (leaf.transaction, parcel.from());
        let Some(mut session) = self.sessions.remove(&id) else {
            self.answer_vote(leaf, from);
            return;
        };
        let transaction = session.transaction.clone();
        let others = self.others_in(transaction.body());
        let by_all = transaction.body().mode == Mode::AllVotes;
        let prepared = session.prepared;
        let refused = AbortReason::Refused { shard: from };
        match &mut session.stage {
            Stage::Open { heard } if others.contains(&from) && !heard.contains_key(&from) => {
                if !vote.is_commit() {
                    let verdict = Verdict::Abort(refused);
                    self.decide(&transaction, prepared, verdict, (Some(from), Votes::new()));
                    return;
                }
                // A single other shard has nobody to be shown its own vote.
                let shown = (others.len() > 1).then(|| alone(parcel, at));
                heard.insert(from, shown);
                if heard.len() == others.len() {
                    let heard = std::mem::take(heard);
                    self.decide_last(&transaction, prepared, heard);
                    return;
                }
            }
            Stage::Prepared { effects, heard, .. } if by_all && is_new(heard, &others, from) => {
                if !vote.is_commit() {
                    self.leave(&transaction, Err(refused));
                    return;
                }
                heard.insert(from);
                if *heard == others {
                    let effects = std::mem::take(effects);
                    self.leave(&transaction, Ok(effects));
                    return;
                }
            }
            Stage::Announced {
                verdict,
                silent,
                heard: _,
            } if silent.contains(&from) => {
                let about = (id, transaction.body().valid_until);
                self.say(about, [from], Promise::Accept(*verdict));
            }
            Stage::Open { .. } | Stage::Prepared { .. } | Stage::Announced { .. } => {}
        }
        self.sessions.insert(id, session);
    }

    /// Answers the vote of a shard that has not heard how the transaction ended here, or that it never
    /// began: a shard that has voted waits for this.
    fn answer_vote(&mut self, leaf: &Leaf, from: ShardId) {
        let (time, shard) = (self.time, self.shard);
        let promise = match self.record(&leaf.transaction) {
            Some(record) => {
                if record.part != Part::Peer || !record.answers(time) {
                    return;
                }
                Promise::Prepared(if record.voted_for {
                    Verdict::Commit
                } else {
                    Verdict::Abort(AbortReason::Refused { shard })
                })
            }
            None if time > leaf.valid_until => Promise::NoDecision,
            None => return,
        };
        self.say((leaf.transaction, leaf.valid_until), [from], promise);
    }

    /// All others have voted to commit: what this shard finds is the decision.
    fn decide_last(&mut self, transaction: &Authorized, prepared: Height, heard: Votes) {
        let verdict = match self.judge(transaction) {
            Ok(effects) => {
                self.carry_out(effects);
                Verdict::Commit
            }
            Err(reason) => Verdict::Abort(reason),
        };
        self.decide(transaction, prepared, verdict, (None, heard));
    }

    /// Decides what was begun at a height, and tells the others, but for one that voted against it and has
    /// nothing left to do. `heard` are the votes for it.
    pub(super) fn decide(
        &mut self,
        transaction: &Authorized,
        prepared: Height,
        verdict: Verdict,
        (knows, heard): (Option<ShardId>, Votes),
    ) {
        let body = transaction.body();
        let mut silent = self.others_in(body);
        silent.retain(|shard| Some(*shard) != knows);
        self.end(transaction, verdict.is_commit(), verdict);
        let about = (transaction.id(), body.valid_until);
        self.say(about, silent.iter().copied(), Promise::Accept(verdict));
        if !silent.is_empty() {
            let stage = Stage::Announced {
                verdict,
                heard: if verdict.is_commit() {
                    heard
                } else {
                    Votes::new()
                },
                silent,
            };
            self.promised(transaction, prepared, stage);
        }
    }

    /// accept(T, ...)
    fn hear_decision(&mut self, leaf: &Leaf, verdict: &Verdict, delivery: &Delivery) {
        let (id, from) = (leaf.transaction, delivery.parcel.from());
        let done = match self.sessions.remove(&id) {
            Some(session) => self.follow(session, verdict, delivery),
            None => self.was_done(leaf, verdict, from),
        };
        if done {
            self.say((id, leaf.valid_until), [from], Promise::Acknowledged);
        }
    }

    /// Does what the shard that decides has decided, if it has shown the votes that it needs for it.
    fn follow(&mut self, session: Session, verdict: &Verdict, delivery: &Delivery) -> bool {
        let from = delivery.parcel.from();
        let transaction = session.transaction.clone();
        let decides = transaction.body().mode == Mode::Decider(from);
        let shown = !verdict.is_commit() || self.votes_shown(&transaction, delivery);
        match session.stage {
            Stage::Prepared { effects, .. } if decides && shown => {
                let refused = AbortReason::Refused { shard: from };
                let effects = verdict.is_commit().then_some(effects);
                self.leave(&transaction, effects.ok_or(refused));
                true
            }
            stage => {
                let session = Session { stage, ..session };
                self.sessions.insert(transaction.id(), session);
                false
            }
        }
    }

    /// Whether what is decided about a transaction without a session has been done here.
    fn was_done(&mut self, leaf: &Leaf, verdict: &Verdict, from: ShardId) -> bool {
        let (time, id) = (self.time, leaf.transaction);
        if let Some(record) = self.record(&id) {
            return record.acknowledges(from, verdict.is_commit(), time);
        }
        // Nobody forgets before the deadline, nor at all before hearing of the decision.
        if time > leaf.valid_until {
            return true;
        }
        let until = leaf.valid_until.min(time.plus_ms(VALIDITY_MS_MAX));
        !verdict.is_commit() && self.others.entry(from).or_default().note_abort(id, until)
    }

    /// Whether a decision to commit comes with the votes to commit of all participants but the one that
    /// decides and this shard.
    fn votes_shown(&self, transaction: &Authorized, delivery: &Delivery) -> bool {
        let commit = Promise::Prepared(Verdict::Commit);
        let mut missing = self.others_in(transaction.body());
        missing.remove(&delivery.parcel.from());
        let nobody = Other::default();
        for parcel in &delivery.votes {
            let voter = self.others.get(&parcel.from()).unwrap_or(&nobody);
            let mut leaves = parcel.leaves.iter();
            let in_time = voter.spoke(&parcel.head.head);
            if in_time
                && leaves.any(|leaf| leaf.transaction == transaction.id() && leaf.promise == commit)
            {
                missing.remove(&parcel.from());
            }
        }
        missing.is_empty()
    }

    /// A shard whose word is needed for a decision will never give it.
    fn hear_no_decision(&mut self, id: &TransactionId, from: ShardId) {
        let Some(session) = self.sessions.get(id) else {
            return;
        };
        let transaction = session.transaction.clone();
        let prepared = matches!(session.stage, Stage::Prepared { .. });
        if prepared && self.deciders_of(transaction.body()).contains(&from) {
            self.sessions.remove(id);
            self.leave(&transaction, Err(AbortReason::Deadline));
        }
    }

    /// A shard has done what was decided.
    fn hear_done(&mut self, id: &TransactionId, from: ShardId) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        if let Stage::Announced { silent, .. } = &mut session.stage {
            silent.remove(&from);
            if silent.is_empty() {
                self.sessions.remove(id);
            }
        }
    }
}

/// A leaf of a parcel, in a parcel by itself.
fn alone(parcel: &Parcel, at: usize) -> Parcel {
    let proofs = parcel.proofs().unwrap_or_default();
    parcel.only(at, &proofs).unwrap_or_else(|| parcel.clone())
}

/// Whether the vote of a shard counts, and has not been counted.
fn is_new(heard: &BTreeSet<ShardId>, voters: &BTreeSet<ShardId>, from: ShardId) -> bool {
    voters.contains(&from) && !heard.contains(&from)
}
