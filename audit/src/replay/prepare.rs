//! prepare(T): the shard decides alone, waits for votes, or votes.
//!
//! ```text
//!   unknown, in time, alone                      -> ended
//!   unknown, in time, it decides    mapping kept -> open         else aborted, announced
//!   unknown, in time, it votes      all is good  -> prepared     else aborted
//!   aborted by its own vote, and the shard that
//!   decides has said nothing for a while         -> votes again
//!   anything else                                -> as it was
//! ```
//!
//! Paper: Section IV-C, Process Prepare.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::active_set::Effects;
use model::bounds::VALIDITY_MS_MAX;
use model::placement::How;
use model::transaction::Authorized;
use model::{AbortReason, ActiveSet, Object, ObjectId, Promise, ShardId, Verdict, validity};

use super::locks::Hold;
use super::records::Part;
use super::state::{Session, Stage, State, Votes};

impl State {
    pub(super) fn prepare(&mut self, transaction: &Authorized) {
        let (id, body) = (transaction.id(), transaction.body());
        let late = self.time > body.valid_until;
        let early = body.valid_until.since_ms(self.time) > VALIDITY_MS_MAX;
        let known = self.sessions.contains_key(&id) || self.record(&id).is_some();
        if late || early || !body.participants.contains(&self.shard) {
            return;
        }
        if known {
            self.vote_again(transaction);
            return;
        }
        match self.part_in(body) {
            Part::Alone => match self.judge(transaction) {
                Ok(effects) => {
                    self.carry_out(effects);
                    self.end(transaction, true, Verdict::Commit);
                }
                Err(reason) => self.end(transaction, false, Verdict::Abort(reason)),
            },
            Part::Decides => self.open(transaction),
            Part::Votes(_) | Part::Peer => self.vote(transaction),
        }
    }

    /// Waits for the votes, if the contracts trust this shard with the decision.
    fn open(&mut self, transaction: &Authorized) {
        let body = transaction.body();
        let mapped = self
            .policy
            .check(transaction.footprint(), body.mode, self.shard);
        if let Err(reason) = mapped {
            let height = self.height;
            self.decide(
                transaction,
                height,
                Verdict::Abort(reason),
                (None, Votes::new()),
            );
            return;
        }
        let session = Session {
            transaction: transaction.clone(),
            prepared: self.height,
            stage: Stage::Open {
                heard: Votes::new(),
            },
            repeats: 0,
            due: body.valid_until,
        };
        self.sessions.insert(transaction.id(), session);
    }

    /// Locks and votes for it, or votes against it.
    fn vote(&mut self, transaction: &Authorized) {
        let judged = match self.refused_before(transaction) {
            Some(shard) => Err(AbortReason::Refused { shard }),
            None => self.judge(transaction),
        };
        let vote = match judged {
            Ok(effects) => {
                let stage = Stage::Prepared {
                    effects,
                    read: self.lock(transaction),
                    heard: [].into(),
                };
                self.promised(transaction, self.height, stage);
                Verdict::Commit
            }
            Err(reason) => {
                let vote = Verdict::Abort(reason);
                self.end(transaction, false, vote);
                vote
            }
        };
        let body = transaction.body();
        let to = self.deciders_of(body);
        let about = (transaction.id(), body.valid_until);
        self.say(about, to, Promise::Prepared(vote));
    }

    /// Votes against it once more, if the shard that decides may not have heard the vote.
    fn vote_again(&mut self, transaction: &Authorized) {
        let (time, shard) = (self.time, self.shard);
        let record = self.record(&transaction.id());
        if record.is_some_and(|record| record.waits && record.answers(time)) {
            let about = (transaction.id(), transaction.body().valid_until);
            let vote = Verdict::Abort(AbortReason::Refused { shard });
            let to = self.deciders_of(transaction.body());
            self.say(about, to, Promise::Prepared(vote));
        }
    }

    /// The shard that decides, if it is known to have aborted the transaction already.
    fn refused_before(&self, transaction: &Authorized) -> Option<ShardId> {
        let Part::Votes(decider) = self.part_in(transaction.body()) else {
            return None;
        };
        let heard = self.others.get(&decider)?;
        heard.has_aborted(&transaction.id()).then_some(decider)
    }

    /// Whether the transaction can be committed as far as this shard is concerned, and what it then
    /// does, of what it creates only what will live here: it keeps to the mappings, nobody holds what it needs, and the
    /// two rules of validity hold, with the checkers that this shard has to run.
    ///
    /// Paper: Section IV-C, the conditions of Process Prepare.
    pub(super) fn judge(&self, transaction: &Authorized) -> Result<Effects, AbortReason> {
        let footprint = transaction.footprint();
        let mode = transaction.body().mode;
        self.policy.check(footprint, mode, self.shard)?;
        for touch in footprint.at(self.shard) {
            self.obstacle(touch.object, touch.how)?;
        }
        if self.part_in(transaction.body()) == Part::Alone {
            return Ok(validity::valid(
                &self.objects,
                transaction,
                &*self.checkers,
            )?);
        }
        let sight = Sight {
            here: &self.objects,
            elsewhere: self.elsewhere(transaction),
        };
        let mandate = footprint.mandate(self.shard);
        let mut effects = validity::valid_within(&sight, transaction, &*self.checkers, &mandate)?;
        effects
            .created
            .retain(|_, object| object.home == self.shard);
        Ok(effects)
    }

    /// Whether nobody holds an object in the way of what is to be done with it.
    fn obstacle(&self, object: ObjectId, how: How) -> Result<(), AbortReason> {
        let needed = Hold::needed(how, self.policy.profile().shares_references());
        let holder = needed.and_then(|needed| self.locks.obstacle(&object, needed));
        let session = holder.and_then(|holder| self.sessions.get(&holder));
        session.map_or(Ok(()), |session| {
            Err(AbortReason::Locked {
                object,
                holder: session.transaction.id(),
                until: session.transaction.body().valid_until,
            })
        })
    }

    /// Holds what a transaction consumes or reads here, unless it is frozen and only read. What it holds
    /// to read.
    ///
    /// Paper: Figure 3.
    fn lock(&mut self, transaction: &Authorized) -> BTreeSet<ObjectId> {
        let mut read = BTreeSet::new();
        let shared = self.policy.profile().shares_references();
        for touch in transaction.footprint().at(self.shard) {
            let frozen = touch.how == How::References && self.is_frozen(&touch.object);
            if let Some(hold) = Hold::needed(touch.how, shared).filter(|_| !frozen) {
                self.locks.hold(touch.object, transaction.id(), hold);
                if touch.how == How::References {
                    read.insert(touch.object);
                }
            }
        }
        read
    }

    fn is_frozen(&self, object: &ObjectId) -> bool {
        self.objects.get(object).is_some_and(|object| {
            let object_type = &object.object_type;
            self.policy
                .is_frozen(&object_type.contract, &object_type.name)
        })
    }

    /// The objects of other shards, as the transaction says they are: it is for those shards to say
    /// that it lies.
    fn elsewhere(&self, transaction: &Authorized) -> BTreeMap<ObjectId, Arc<Object>> {
        let openings = transaction.transaction().openings.iter();
        openings
            .filter(|object| object.home != self.shard)
            .map(|object| (object.id(), Arc::new(object.clone())))
            .collect()
    }
}

/// The active objects as one of several shards sees them.
struct Sight<'a> {
    here: &'a BTreeMap<ObjectId, Arc<Object>>,
    elsewhere: BTreeMap<ObjectId, Arc<Object>>,
}

impl ActiveSet for Sight<'_> {
    fn active(&self, id: &ObjectId) -> Option<Arc<Object>> {
        let found = self.here.get(id).or_else(|| self.elsewhere.get(id));
        found.cloned()
    }
}
