//! Finding a transaction by its identifier: decided already, or waited for.

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use model::{ShardId, Transaction, TransactionId};
use tokio::time::{Instant, timeout};

use crate::api::Api;
use crate::connection::{ANSWER, Client};
use crate::error::Error;
use crate::follow::Watch;
use crate::lookup::Lookup;
use crate::outcome::{Settled, Verified};
use crate::submit::{Fate, Subject, Together};

impl<A: Api> Client<A> {
    /// A decided transaction; `None` if no node that answers knows it.
    ///
    /// # Errors
    ///
    /// [`Error::Unreachable`] or [`Error::WrongNetwork`], and [`Error::Unknown`] if only some of the
    /// shards that it concerns can say what they decided.
    pub async fn transaction(&self, id: &TransactionId) -> Result<Option<Settled>, Error> {
        let started = Instant::now();
        let looking = self.shards().into_iter();
        let looking = looking.map(async |shard| (shard, self.lookup_in_reach(shard, id).await));
        let mut looking: FuturesUnordered<_> = looking.collect();
        let mut failed = None;
        while let Some((shard, found)) = looking.next().await {
            match found {
                Ok(Lookup::Found(transaction, decision)) => {
                    let settled = self.complete(*id, *transaction, *decision, started).await?;
                    return Ok(Some(settled));
                }
                Ok(Lookup::Absent { never: _ }) => {}
                // It need not be running at all.
                Err(_) if self.is_stranger(shard) => {}
                // Another shard may know it all the same.
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(None), Err)
    }

    /// Looks in a shard. Anybody may found one, and need not run it honestly: one that the network did not begin
    /// with has no more time than an answer and its proof take.
    async fn lookup_in_reach(&self, shard: ShardId, id: &TransactionId) -> Result<Lookup, Error> {
        let looking = self.lookup(shard, id, None);
        if !self.is_stranger(shard) {
            return looking.await;
        }
        let found = timeout(2 * ANSWER, looking).await;
        found.unwrap_or_else(|_| Err(self.unreachable(shard, [])))
    }

    /// The decision on a transaction, waited for if there is none yet. `known` is the transaction,
    /// if the caller has it.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`] if the time is up, and [`Error::Expired`] if it is known that there never
    /// will be a decision.
    pub async fn wait(
        &self,
        id: &TransactionId,
        known: Option<&Transaction>,
        watch: &Watch<'_>,
    ) -> Result<Settled, Error> {
        let started = Instant::now();
        if let Some(settled) = self.transaction(id).await? {
            return Ok(settled);
        }
        let Some(transaction) = known else {
            let (shard, decision) = self.wait_anywhere(id, watch).await?;
            return match self.lookup(shard, id, None).await? {
                Lookup::Found(transaction, _) => {
                    self.complete(*id, *transaction, decision, started).await
                }
                Lookup::Absent { never: _ } => Err(Error::Withheld {
                    transaction: self.addresses().name(*id),
                }),
            };
        };
        let subject = Subject {
            id: *id,
            submit: None,
            valid_until: Some(transaction.body.valid_until),
        };
        let shards = &transaction.body.participants;
        match self
            .follow_all(&subject, shards, self.deadline(), watch)
            .await?
        {
            Fate::Decided(decisions) => {
                Ok(Settled::new(*id, transaction.clone(), decisions, started))
            }
            Fate::Never => Err(Error::Expired {
                transaction: self.addresses().name(*id),
            }),
            Fate::OutOfTime => Err(Error::Clock {
                transaction: self.addresses().name(*id),
            }),
            Fate::Open {
                unknown, unsent, ..
            } => Err(unsent.unwrap_or(unknown.into())),
        }
    }

    /// Waits until any shard has decided: nothing is known of the transaction but its name.
    async fn wait_anywhere(
        &self,
        id: &TransactionId,
        watch: &Watch<'_>,
    ) -> Result<(ShardId, Verified), Error> {
        let subject = Subject {
            id: *id,
            submit: None,
            valid_until: None,
        };
        let until = self.deadline();
        let following = self
            .shards()
            .into_iter()
            .map(|shard| self.follow(&subject, shard, until, watch));
        let mut following: FuturesUnordered<_> = following.collect();
        let mut failed = None;
        while let Some(fate) = following.next().await {
            match fate? {
                Fate::Decided(decision) => return Ok((decision.shard(), decision)),
                Fate::Never | Fate::OutOfTime => {}
                Fate::Open {
                    unknown, unsent, ..
                } => {
                    failed.get_or_insert(unsent.unwrap_or(unknown.into()));
                }
            }
        }
        Err(failed.unwrap_or(Error::Expired {
            transaction: self.addresses().name(*id),
        }))
    }

    /// What became of a transaction whose participants and deadline are known, without waiting.
    pub(crate) async fn survey(&self, id: &TransactionId, transaction: &Transaction) -> Survey {
        let started = Instant::now();
        let participants = &transaction.body.participants;
        let valid_until = Some(transaction.body.valid_until);
        let mut together = Together::default();
        for shard in participants {
            match self.lookup(*shard, id, valid_until).await {
                Ok(Lookup::Found(_, decision)) => together.hear(Fate::Decided(*decision)),
                Ok(Lookup::Absent { never: true }) => together.hear(Fate::Never),
                // Of a shard that says nothing, nothing is assumed.
                Ok(Lookup::Absent { never: false }) | Err(_) => {}
            }
        }
        let unknown = |shard| self.unknown(*id, shard, started, 0);
        match together.conclude(participants, unknown) {
            Fate::Decided(decisions) => {
                let settled = Settled::new(*id, transaction.clone(), decisions, started);
                Survey::Decided(Box::new(settled))
            }
            Fate::Never => Survey::Never,
            Fate::OutOfTime | Fate::Open { .. } => Survey::Open,
        }
    }

    /// A transaction of which one shard's decision is known, with those of the others.
    async fn complete(
        &self,
        id: TransactionId,
        transaction: Transaction,
        decision: Verified,
        started: Instant,
    ) -> Result<Settled, Error> {
        let subject = Subject {
            id,
            submit: None,
            valid_until: Some(transaction.body.valid_until),
        };
        let shards = &transaction.body.participants;
        let (known, nobody) = (Together::with(decision), Watch::nobody());
        let until = self.deadline();
        match self
            .follow_rest(&subject, shards, known, until, &nobody)
            .await?
        {
            Fate::Decided(decisions) => Ok(Settled::new(id, transaction, decisions, started)),
            Fate::Never | Fate::OutOfTime => Err(Error::Withheld {
                transaction: self.addresses().name(id),
            }),
            Fate::Open {
                unknown, unsent, ..
            } => Err(unsent.unwrap_or(unknown.into())),
        }
    }
}

/// What became of a transaction, as far as can be said at once.
pub(crate) enum Survey {
    /// It is decided.
    Decided(Box<Settled>),
    /// It can never be committed.
    Never,
    /// It may be decided yet.
    Open,
}
