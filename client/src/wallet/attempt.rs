//! Making the next attempt at a payment: what it consumes, and that it is recorded before it is sent.

use std::convert::Infallible;

use model::{Nonce, Object, TransactionId};
use system_contracts::cscoin::CannotRun;
use tokio::time::Instant;

use super::deed::{self, Deed, Terms};
use super::journal::{Attempt, Claim, Closed, Intent, Journal, State};
use super::payment::{Job, last_moment};
use super::task::{Moving, Task};
use super::transfer::{self, Obstacle};
use super::{Order, Wallet};
use crate::api::Api;
use crate::error::Error;
use crate::follow::{Event, Watch};
use crate::outcome::Settled;
use crate::submit::{Fate, Subject};

/// Chooses what to consume, given what is recorded. It is asked under the lock of the journal.
type Choose = Box<dyn FnOnce(&State) -> Result<Vec<Object>, Obstacle> + Send>;

/// How to choose, and why some of what there is to choose from could not be read.
type Chooser = (Choose, Option<Error>);

impl<A: Api> Wallet<A> {
    /// A new attempt that consumes what an older one consumes.
    pub(super) async fn again(
        &self,
        job: &mut Job,
        older: Attempt,
        watch: &Watch<'_>,
    ) -> Result<Attempt, Error> {
        let inputs = older.transaction.openings;
        self.begin_with(job, inputs, Some(older.id), watch).await
    }

    /// A new attempt that consumes what is best consumed now.
    pub(super) async fn anew(
        &self,
        job: &mut Job,
        until: Instant,
        watch: &Watch<'_>,
    ) -> Result<Attempt, Error> {
        loop {
            let (deed, choose, unread) = match &job.task {
                Task::Pay(order) => {
                    let (choose, unread) = self.chooser(job, order).await?;
                    (Deed::Pay(*order), choose, unread)
                }
                Task::Move(moving) => {
                    let (choose, unread) = self.mover(job, moving).await?;
                    (Deed::Move(moving.home), choose, unread)
                }
                Task::Found(_) | Task::Object(_) | Task::Update(_) => {
                    let Some(inputs) = self.shared_input(job, until, watch).await? else {
                        continue;
                    };
                    return self.begin_with(job, inputs, None, watch).await;
                }
            };
            match self.begin(job, deed, choose, None, watch).await? {
                Ok(attempt) => return Ok(attempt),
                Err(Obstacle::Scattered(accounts)) => {
                    self.merge(job, accounts, until, watch).await?;
                }
                Err(Obstacle::Held(transaction)) => {
                    let contention = &mut job.contention;
                    let found = self
                        .wait_for_lock(contention, transaction, until, watch)
                        .await?;
                    if found.is_none() {
                        self.wait_for_holder(transaction, until, watch).await?;
                    }
                }
                Err(Obstacle::Nothing(home)) => {
                    let nothing = CannotRun::NothingToMove(home).into();
                    return Err(unread.unwrap_or(nothing));
                }
                Err(Obstacle::Short { have, need }) => {
                    let short = Error::InsufficientFunds { have, need };
                    return Err(unread.unwrap_or(short));
                }
            }
        }
    }

    /// How to choose for an order, with what has to be read for it. Some of it may not be readable: a
    /// shard that does not answer holds nobody up who has enough in another one.
    async fn chooser(&self, job: &Job, order: &Order) -> Result<Chooser, Error> {
        let Order {
            from,
            to: _, // whoever is paid, the money is the same
            amount,
            using,
            home,
        } = *order;
        let locked = job.contention.held();
        if let Some(object) = using {
            let account = self.client.account(&object).await?;
            if account.owner != from {
                return Err(Error::NotAnAccount {
                    object: self.client.addresses().name(object),
                });
            }
            let choose: Choose = Box::new(move |_| match locked.get(&object) {
                Some(holder) => Err(Obstacle::Held(*holder)),
                None => Ok(vec![account.object]),
            });
            return Ok((choose, None));
        }
        let seen = self.journaled(Journal::seen).await?;
        let (holdings, unread) = self.client.holdings_in_reach(&from, &seen).await;
        let now = (self.clock)();
        let choose: Choose = Box::new(move |state| {
            let mut held = state.held(|transaction| now > last_moment(transaction));
            held.extend(locked);
            transfer::choose(&holdings.accounts, &held, amount, home)
        });
        Ok((choose, unread))
    }

    /// How to choose what is to be moved, as [`Wallet::chooser`].
    async fn mover(&self, job: &Job, moving: &Moving) -> Result<Chooser, Error> {
        let (locked, home) = (job.contention.held(), moving.home);
        let seen = self.journaled(Journal::seen).await?;
        let (holdings, unread) = self.client.holdings_in_reach(&moving.owner, &seen).await;
        let now = (self.clock)();
        let choose: Choose = Box::new(move |state| {
            let mut held = state.held(|transaction| now > last_moment(transaction));
            held.extend(locked);
            transfer::away(&holdings.accounts, &held, home)
        });
        Ok((choose, unread))
    }

    /// Makes, records and announces an attempt that consumes just these objects.
    async fn begin_with(
        &self,
        job: &mut Job,
        inputs: Vec<Object>,
        replaces: Option<TransactionId>,
        watch: &Watch<'_>,
    ) -> Result<Attempt, Error> {
        let deed = self.deed(&job.task, &inputs, watch).await?;
        let choose = move |_: &State| Ok::<_, Infallible>(inputs);
        match self.begin(job, deed, choose, replaces, watch).await? {
            Ok(attempt) => Ok(attempt),
            Err(impossible) => match impossible {},
        }
    }

    /// Makes, records and announces the next attempt of a job.
    async fn begin<R: Send + 'static>(
        &self,
        job: &mut Job,
        deed: Deed,
        choose: impl FnOnce(&State) -> Result<Vec<Object>, R> + Send + 'static,
        replaces: Option<TransactionId>,
        watch: &Watch<'_>,
    ) -> Result<Result<Attempt, R>, Error> {
        let payment = job.claim.as_ref().map(Claim::payment);
        let intent = job.task.intent();
        match self
            .record(intent, deed, payment, choose, replaces, watch)
            .await?
        {
            Ok((attempt, claim)) => {
                job.claim = claim.or(job.claim.take());
                job.open.push(attempt.clone());
                Ok(Ok(attempt))
            }
            Err(obstacle) => Ok(Err(obstacle)),
        }
    }

    /// Makes and signs a transaction, records it, and announces it.
    async fn record<R: Send + 'static>(
        &self,
        intent: Intent,
        deed: Deed,
        payment: Option<TransactionId>,
        choose: impl FnOnce(&State) -> Result<Vec<Object>, R> + Send + 'static,
        replaces: Option<TransactionId>,
        watch: &Watch<'_>,
    ) -> Result<Result<(Attempt, Option<Claim>), R>, Error> {
        let terms = Terms {
            network: self.client.network(),
            profile: self.client.genesis().profile,
            nonce: fresh_nonce()?,
            created: (self.clock)(),
        };
        let secret = self.keys.secret(&intent.owner())?;
        let made = terms.created;
        let make = move |state: &State| match choose(state) {
            Ok(inputs) => deed::make(&deed, inputs, terms, &secret).map(Ok),
            Err(obstacle) => Ok(Err(obstacle)),
        };
        let recording = move |journal: &Journal| journal.begin(intent, payment, made, make);
        let recorded = self.journaled(recording).await?;
        if let Ok((attempt, _)) = &recorded {
            watch.tell(recorded_event(attempt, replaces));
        }
        Ok(recorded)
    }

    /// Merges accounts of the payer into one. If somebody else spends one of them meanwhile, nothing
    /// is merged, and that is well: whoever needs the merge looks again.
    async fn merge(
        &self,
        job: &mut Job,
        accounts: Vec<Object>,
        until: Instant,
        watch: &Watch<'_>,
    ) -> Result<(), Error> {
        watch.tell(Event::Merging {
            accounts: accounts.len(),
        });
        let intent = Intent::Merge(job.task.payer());
        let choose = move |_: &State| Ok::<_, Infallible>(accounts);
        let (attempt, _claim) = match self
            .record(intent, Deed::Merge, None, choose, None, watch)
            .await?
        {
            Ok(recorded) => recorded,
            Err(impossible) => match impossible {},
        };
        let (id, transaction) = (attempt.id, &attempt.transaction);
        match self.client.settle(transaction, id, until, watch).await? {
            Fate::Decided(settled) => {
                let closed = Closed::of(&settled);
                self.close(Some((id, closed)), &settled.decisions).await?;
                self.may_pass(&mut job.contention, &settled, until, watch)
                    .await;
                Ok(())
            }
            Fate::Never => self.close(Some((id, Closed::Abandoned)), &[]).await,
            Fate::OutOfTime => Err(Error::Clock {
                transaction: self.client.addresses().name(id),
            }),
            Fate::Open {
                unknown,
                unsent: None,
                ..
            } => Err(unknown.into()),
            Fate::Open {
                unsent: Some(error),
                ..
            } => {
                self.close(Some((id, Closed::Abandoned)), &[]).await?;
                Err(error)
            }
        }
    }

    /// Waits until the payment that holds the money is decided. A commit is recorded by whoever made
    /// it, or tells them if they ask again; everything else sets the money free.
    async fn wait_for_holder(
        &self,
        id: TransactionId,
        until: Instant,
        watch: &Watch<'_>,
    ) -> Result<(), Error> {
        watch.tell(Event::Waiting { transaction: id });
        let holder = self.journaled(move |journal| journal.attempt(&id)).await?;
        let Some(Attempt { transaction, .. }) = holder else {
            return Ok(());
        };
        let subject = Subject {
            id,
            submit: None,
            valid_until: Some(transaction.body.valid_until),
        };
        let shards = &transaction.body.participants;
        match self
            .client
            .follow_all(&subject, shards, until, watch)
            .await?
        {
            Fate::Decided(decisions) => {
                let settled = Settled::new(id, transaction.clone(), decisions, Instant::now());
                let closed = match Closed::of(&settled) {
                    Closed::Committed => None,
                    other => Some((id, other)),
                };
                self.close(closed, &settled.decisions).await
            }
            Fate::Never => self.close(Some((id, Closed::Abandoned)), &[]).await,
            Fate::OutOfTime | Fate::Open { .. } => Err(Error::Held {
                transaction: self.client.addresses().name(id),
            }),
        }
    }
}

fn fresh_nonce() -> Result<Nonce, Error> {
    let mut nonce = Nonce::default();
    getrandom::fill(&mut nonce).map_err(Error::internal)?;
    Ok(nonce)
}

fn recorded_event(attempt: &Attempt, replaces: Option<TransactionId>) -> Event {
    let mut outputs = 0;
    for trace in &attempt.transaction.body.traces {
        trace.depth_first(&mut |trace| outputs += trace.outputs.len());
    }
    Event::Recorded {
        transaction: attempt.id,
        inputs: attempt.transaction.openings.len(),
        outputs,
        shards: attempt.transaction.body.participants.clone(),
        replaces,
    }
}
