//! Making a payment, or doing whatever else a user wants: attempt after attempt, until one is decided.
//!
//! The rules are those of [`super`]. Every attempt is in the journal before it is sent, and what is
//! learned about an attempt is in the journal before it is told to the user.

use std::collections::BTreeSet;
use std::time::Duration;

use model::{Time, Transaction, TransactionId, bounds};
use tokio::time::Instant;

use super::contention::Contention;
use super::journal::{Attempt, Claim, Closed};
use super::task::{Founding, Moving, Objection, Task, Updating};
use super::{Order, Wallet};
use crate::amount::{Amount, AmountError};
use crate::api::Api;
use crate::error::Error;
use crate::find::Survey;
use crate::follow::{Event, Watch};
use crate::outcome::Settled;
use crate::submit::{Fate, Subject};

/// How far the clock here may be ahead of block time when it says that a deadline is over, in
/// milliseconds: both may be as wrong as a voter's clock.
const OVER_MS: u64 = 2 * bounds::CLOCK_TOLERANCE_MS;

/// A payment that is being worked on.
pub(super) struct Job {
    pub(super) task: Task,
    /// The right to work on it, from the first attempt on.
    pub(super) claim: Option<Claim>,
    /// The attempts that may still commit, oldest first. They consume an object in common.
    pub(super) open: Vec<Attempt>,
    /// The attempts that earlier commands made.
    earlier: BTreeSet<TransactionId>,
    /// The attempts that no node takes any more.
    late: BTreeSet<TransactionId>,
    /// Who was in the way of earlier attempts.
    pub(super) contention: Contention,
    /// The last attempt that was aborted.
    aborted: Option<Settled>,
}

impl<A: Api> Wallet<A> {
    /// Pays. Returns when the payment is decided: committed or aborted, see [`Settled::outcome`].
    ///
    /// # Errors
    ///
    /// Those of [`Class::Unknown`], such as [`Error::Unknown`] when the time is up: the payment may
    /// still commit, and the same order again takes it up. After every other error no attempt of
    /// this command can commit any more.
    ///
    /// [`Class::Unknown`]: crate::Class::Unknown
    pub async fn send(&self, order: &Order, watch: &Watch<'_>) -> Result<Settled, Error> {
        if order.amount == Amount::default() {
            return Err(AmountError::Zero.into());
        }
        if let Some(home) = order.home {
            self.client.committee_of(home).await?;
        }
        self.work(Task::Pay(*order), watch).await
    }

    /// Takes all that somebody has to one shard, as many accounts as fit into one transaction. As
    /// [`Wallet::send`], also in its errors.
    ///
    /// # Errors
    ///
    /// [`Error::CannotRun`] if there is nothing to move.
    pub async fn move_accounts(
        &self,
        moving: &Moving,
        watch: &Watch<'_>,
    ) -> Result<Settled, Error> {
        self.client.committee_of(moving.home).await?;
        self.work(Task::Move(*moving), watch).await
    }

    /// Founds a shard. As [`Wallet::send`], also in its errors: the same founding again takes it up. Who
    /// finds that another shard was founded meanwhile begins again with the next number.
    ///
    /// # Errors
    ///
    /// [`Error::NotAgreed`] if a node does not agree, and [`Error::CannotManage`] if there cannot be such
    /// a shard.
    pub async fn found(&self, founding: Founding, watch: &Watch<'_>) -> Result<Settled, Error> {
        self.work(Task::Found(founding), watch).await
    }

    /// Excludes a node that lied. As [`Wallet::send`], also in its errors.
    ///
    /// # Errors
    ///
    /// [`Error::CannotManage`] if the evidence proves nothing, or not that.
    pub async fn object(&self, objection: Objection, watch: &Watch<'_>) -> Result<Settled, Error> {
        self.work(Task::Object(Box::new(objection)), watch).await
    }

    /// Records on the ledger who follows in a shard. As [`Wallet::send`], also in its errors. The members
    /// do so themselves; this is for when they do not.
    ///
    /// # Errors
    ///
    /// [`Error::CannotManage`] if the ledger has a record already that this list does not follow.
    pub async fn update(&self, updating: Updating, watch: &Watch<'_>) -> Result<Settled, Error> {
        self.work(Task::Update(Box::new(updating)), watch).await
    }

    /// Does what is wanted.
    async fn work(&self, task: Task, watch: &Watch<'_>) -> Result<Settled, Error> {
        self.keys.secret(&task.payer())?;
        let until = self.client.deadline();
        let mut job = self.take_up(task, watch).await?;
        loop {
            let attempt = match self.attempt(&mut job, until, watch).await {
                Ok(Step::Settled(settled)) => return Ok(*settled),
                Ok(Step::Attempt(attempt)) => *attempt,
                // Whatever holds the money has been in the way all the time.
                Err(error @ Error::Held { .. }) => return job.aborted.ok_or(error),
                Err(error) => return Err(error),
            };
            if let Some(settled) = self.pursue(&mut job, &attempt, until, watch).await? {
                return Ok(settled);
            }
        }
    }

    /// An earlier payment with this order whose outcome stayed unknown, or a new one.
    async fn take_up(&self, task: Task, watch: &Watch<'_>) -> Result<Job, Error> {
        let intent = task.intent();
        let earlier = self
            .journaled(move |journal| journal.resume(&intent))
            .await?;
        let (claim, open) = earlier.map_or((None, Vec::new()), |(claim, open)| (Some(claim), open));
        for attempt in &open {
            watch.tell(Event::Resumed {
                transaction: attempt.id,
                created: attempt.created,
            });
        }
        let contention = Contention::of(task.is_contended());
        Ok(Job {
            task,
            claim,
            earlier: open.iter().map(|attempt| attempt.id).collect(),
            late: BTreeSet::new(),
            open,
            contention,
            aborted: None,
        })
    }

    /// The attempt to pursue: the newest one while it can be decided, or else a new one.
    async fn attempt(
        &self,
        job: &mut Job,
        until: Instant,
        watch: &Watch<'_>,
    ) -> Result<Step, Error> {
        if let Some(newest) = job.open.last()
            && !self.is_over(&newest.transaction)
            && !job.late.contains(&newest.id)
        {
            return Ok(Step::Attempt(Box::new(newest.clone())));
        }
        if let Some(settled) = self.survey(job).await? {
            return Ok(Step::Settled(Box::new(settled)));
        }
        let attempt = match job.open.last() {
            // It may have committed, or may yet. The new one consumes what it consumes.
            Some(newest) => self.again(job, newest.clone(), watch).await?,
            None => self.anew(job, until, watch).await?,
        };
        Ok(Step::Attempt(Box::new(attempt)))
    }

    /// Pursues an attempt. `None` if another one is needed.
    async fn pursue(
        &self,
        job: &mut Job,
        attempt: &Attempt,
        until: Instant,
        watch: &Watch<'_>,
    ) -> Result<Option<Settled>, Error> {
        let (id, transaction) = (attempt.id, &attempt.transaction);
        let over = self.over_at(transaction).min(until);
        let mut fate = self.client.settle(transaction, id, over, watch).await;
        if let Ok(Fate::Open {
            under_way: true, ..
        }) = fate
            && over < until
        {
            // Another attempt would find its objects locked by this one.
            fate = self.client.settle(transaction, id, until, watch).await;
        }
        match fate {
            Ok(Fate::Decided(settled)) => self.decided(job, settled, until, watch).await,
            Ok(Fate::Never) => {
                self.abandon(job, &id).await?;
                self.expected(attempt)?;
                Ok(None)
            }
            Ok(Fate::OutOfTime) => {
                self.expected(attempt)?;
                job.late.insert(id);
                Ok(None)
            }
            Ok(Fate::Open {
                unsent: Some(error),
                unknown: _,   // what was not sent is known well enough
                under_way: _, // nowhere
            }) => {
                // An earlier command may have sent it all the same.
                if !job.is_earlier(&id) {
                    self.abandon(job, &id).await?;
                }
                Err(error)
            }
            Ok(Fate::Open { .. }) if Instant::now() < until && self.is_over(transaction) => {
                Ok(None)
            }
            Ok(Fate::Open { unknown, .. }) => Err(unknown.into()),
            Err(error @ Error::Refused { .. }) => {
                self.abandon(job, &id).await?;
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Makes of a decision what it means for the payment. `None` if another attempt is needed.
    async fn decided(
        &self,
        job: &mut Job,
        settled: Settled,
        until: Instant,
        watch: &Watch<'_>,
    ) -> Result<Option<Settled>, Error> {
        let settled = self.conclude(job, settled).await?;
        if settled.is_committed() {
            return Ok(Some(settled));
        }
        if settled.resumed {
            // The abort of an earlier command's attempt is no answer to this one.
            return Ok(None);
        }
        if let Some(committed) = self.outlast(job, until, watch).await? {
            return Ok(Some(committed));
        }
        if self
            .may_pass(&mut job.contention, &settled, until, watch)
            .await
        {
            job.aborted = Some(settled);
            return Ok(None);
        }
        Ok(Some(settled))
    }

    /// Asks what became of the open attempts, and forgets those that cannot commit. A commit ends
    /// the payment. Of those that nobody can say anything about, nothing is assumed.
    async fn survey(&self, job: &mut Job) -> Result<Option<Settled>, Error> {
        for attempt in job.open.clone() {
            match self.client.survey(&attempt.id, &attempt.transaction).await {
                Survey::Decided(settled) => {
                    let settled = self.conclude(job, *settled).await?;
                    if settled.is_committed() {
                        return Ok(Some(settled));
                    }
                }
                Survey::Never => self.abandon(job, &attempt.id).await?,
                Survey::Open => {}
            }
        }
        Ok(None)
    }

    /// Waits until it is known of all open attempts that they cannot commit, or that one did: the
    /// newest attempt was aborted, perhaps because an older one had committed.
    async fn outlast(
        &self,
        job: &mut Job,
        until: Instant,
        watch: &Watch<'_>,
    ) -> Result<Option<Settled>, Error> {
        if let Some(committed) = self.survey(job).await? {
            return Ok(Some(committed));
        }
        while let Some(older) = job.open.last().cloned() {
            let started = Instant::now();
            let subject = Subject {
                id: older.id,
                submit: None,
                valid_until: Some(older.transaction.body.valid_until),
            };
            let shards = &older.transaction.body.participants;
            match self
                .client
                .follow_all(&subject, shards, until, watch)
                .await?
            {
                Fate::Decided(decisions) => {
                    let settled = Settled::new(older.id, older.transaction, decisions, started);
                    let settled = self.conclude(job, settled).await?;
                    if settled.is_committed() {
                        return Ok(Some(settled));
                    }
                }
                Fate::Never => self.abandon(job, &older.id).await?,
                Fate::OutOfTime => {
                    return Err(Error::Clock {
                        transaction: self.client.addresses().name(older.id),
                    });
                }
                Fate::Open { unknown, .. } => return Err(unknown.into()),
            }
        }
        Ok(None)
    }

    /// Records the decision on an attempt. After a commit no other attempt can commit any more.
    pub(super) async fn conclude(
        &self,
        job: &mut Job,
        mut settled: Settled,
    ) -> Result<Settled, Error> {
        settled.resumed = job.is_earlier(&settled.id);
        job.forget(&settled.id);
        let closed = Some((settled.id, Closed::of(&settled)));
        match self.close(closed, &settled.decisions).await {
            Ok(()) => Ok(settled),
            Err(Error::Journal(reason)) => Err(Error::Unrecorded {
                transaction: self.client.addresses().name(settled.id),
                reason,
            }),
            Err(error) => Err(error),
        }
    }

    /// Records that an attempt can never be committed.
    pub(super) async fn abandon(&self, job: &mut Job, id: &TransactionId) -> Result<(), Error> {
        job.forget(id);
        self.close(Some((*id, Closed::Abandoned)), &[]).await
    }
}

/// What a payment needs next.
enum Step {
    /// Nothing: it is committed.
    Settled(Box<Settled>),
    /// That this attempt is decided.
    Attempt(Box<Attempt>),
}

impl Job {
    fn is_earlier(&self, id: &TransactionId) -> bool {
        self.earlier.contains(id)
    }

    fn forget(&mut self, id: &TransactionId) {
        self.open.retain(|attempt| attempt.id != *id);
    }
}

impl<A: Api> Wallet<A> {
    /// The nodes find an attempt out of time. The clock of this machine has to say so too, or has
    /// to have been set back since: otherwise the next attempt would fare no better.
    fn expected(&self, attempt: &Attempt) -> Result<(), Error> {
        let now = (self.clock)();
        if now > attempt.transaction.body.valid_until || now < attempt.created {
            return Ok(());
        }
        let transaction = self.client.addresses().name(attempt.id);
        Err(Error::Clock { transaction })
    }

    /// Whether the deadline of a transaction is over by the clock of this machine.
    pub(super) fn is_over(&self, transaction: &Transaction) -> bool {
        (self.clock)() > last_moment(transaction)
    }

    /// When the deadline of a transaction is over by the clock of this machine.
    pub(super) fn over_at(&self, transaction: &Transaction) -> Instant {
        let left_ms = last_moment(transaction).since_ms((self.clock)());
        Instant::now() + Duration::from_millis(left_ms.saturating_add(1))
    }
}

/// The last moment at which a transaction may be decided, however wrong the clocks are.
pub(super) const fn last_moment(transaction: &Transaction) -> Time {
    transaction.body.valid_until.plus_ms(OVER_MS)
}
