//! The wallet: keys, a journal, and payments that are made once.
//!
//! A payment is one *intent* and one or more *attempts*, each a transaction. The first attempt is
//! written into the journal before it is sent. If its outcome stays unknown and the user gives the
//! same order again, the wallet takes the payment up where it stood:
//!
//! - While the attempt can still be decided, it is the one that is sent again. It is decided once,
//!   however often it arrives.
//! - If it is decided meanwhile, that decision is the answer: a commit ends the payment, and after an
//!   abort, which has changed nothing, a new attempt is made.
//! - If `f + 1` nodes of a shard say that the shard had not begun it by its deadline, it never will be
//!   committed, and a new attempt is made.
//! - If a shard has begun it, it is waited for, however long its deadline is over.
//! - If its deadline is over by the clock of this machine, and nobody can say what became of it, the
//!   new attempt consumes the very objects that the old one consumes. At most one of the two can
//!   commit, whatever the clock and the nodes say.
//!
//! An attempt that was aborted because an object was locked, or because a shard was too slow, is followed
//! by another one while there is time (see [`contention`]).
//!
//! An order that is the same as one that another process works on at the moment is a second payment:
//! nobody presses a key twice while the first command still runs without meaning it.
//!
//! Paper: Section VII; decisions D3 and D4.

mod attempt;
mod contention;
mod deed;
pub(crate) mod journal;
mod payment;
mod shard;
pub(crate) mod task;
#[cfg(test)]
mod tests;
mod transfer;

use std::path::Path;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use model::{ObjectId, PublicKey, ShardId, Time, TransactionId};
use serde::{Deserialize, Serialize};
use tokio::task::JoinError;

use crate::address::AddressError;
use crate::amount::Amount;
use crate::api::Api;
use crate::connection::{Client, Heights};
use crate::error::Error;
use crate::follow::Watch;
use crate::keys::Keystore;
use crate::network::Network;
use crate::outcome::{Settled, Verified};
use crate::read::Holdings;
use crate::shard_list::ShardList;
use journal::{Closed, Journal};

pub use journal::JournalError;
pub use task::{Founding, Moving, Objection, Updating};

/// What is to be paid. Two commands with the same order are the same command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Who pays.
    pub from: PublicKey,
    /// Who is paid.
    pub to: PublicKey,
    /// How much. More than nothing.
    pub amount: Amount,
    /// The only account to spend. `None`: the wallet chooses.
    pub using: Option<ObjectId>,
    /// The shard that the payee's account is to live in. `None`: where the money comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<ShardId>,
}

/// A wallet: it pays out of the accounts that it has keys for.
pub struct Wallet<A = Network> {
    client: Client<A>,
    keys: Box<dyn Keystore>,
    journal: Arc<Journal>,
    clock: Clock,
}

/// A clock. It is asked for deadlines, and safety does not depend on it.
pub type Clock = Arc<dyn Fn() -> Time + Send + Sync>;

fn system_time() -> Time {
    // A clock before 1970 is as wrong as one that stands at 1970.
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Time::from_ms(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

impl<A: Api> Wallet<A> {
    /// Opens the wallet whose journal is in `directory`, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`].
    pub fn open(
        client: Client<A>,
        keys: Box<dyn Keystore>,
        directory: &Path,
    ) -> Result<Self, Error> {
        Self::open_with_clock(client, keys, directory, Arc::new(system_time))
    }

    /// [`Wallet::open`] with another clock than that of the system.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`].
    pub fn open_with_clock(
        client: Client<A>,
        keys: Box<dyn Keystore>,
        directory: &Path,
        clock: Clock,
    ) -> Result<Self, Error> {
        let journal = Arc::new(Journal::open(directory, client.network())?);
        Ok(Self {
            client,
            keys,
            journal,
            clock,
        })
    }

    /// The client.
    #[must_use]
    pub const fn client(&self) -> &Client<A> {
        &self.client
    }

    /// Gives the client back, to shut it down.
    #[must_use]
    pub fn into_client(self) -> Client<A> {
        self.client
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &dyn Keystore {
        self.keys.as_ref()
    }

    /// Whom a text means: a name of the keystore, an address, or 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchAccount`], which lists the names, or [`Error::Address`] for what looks like an
    /// address and is none.
    pub fn party(&self, text: &str) -> Result<PublicKey, Error> {
        if let Some(key) = self.keys.public(text) {
            return Ok(key);
        }
        match self.client.addresses().parse_account(text) {
            Ok(key) => Ok(key),
            Err(AddressError::NotAnAddress { .. }) => Err(Error::NoSuchAccount {
                text: text.to_owned(),
                known: self.keys.names(),
            }),
            Err(error) => Err(error.into()),
        }
    }

    /// What the owner of a key has, not older than anything that this wallet has seen: after a
    /// payment, whichever node answers, the payment is in it.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`], [`Error::Unreachable`] or [`Error::WrongNetwork`].
    pub async fn holdings(&self, owner: &PublicKey) -> Result<Holdings, Error> {
        let seen = self.journaled(Journal::seen).await?;
        self.client.holdings(owner, &seen).await
    }

    /// The shards of the network, not older than anything that this wallet has seen.
    ///
    /// # Errors
    ///
    /// As [`Client::shard_list`], and [`Error::Journal`].
    pub async fn shard_list(&self) -> Result<ShardList, Error> {
        let seen = self.journaled(Journal::seen).await?;
        self.client.shard_list(&seen).await
    }

    /// A decided transaction; `None` if no node that answers knows it.
    ///
    /// # Errors
    ///
    /// As [`Client::transaction`].
    pub async fn show(&self, id: &TransactionId) -> Result<Option<Settled>, Error> {
        self.client.transaction(id).await
    }

    /// The decision on a transaction, waited for if there is none yet.
    ///
    /// # Errors
    ///
    /// [`Error::Unknown`] if the time is up, and [`Error::Expired`] if there never will be one.
    pub async fn wait(&self, id: &TransactionId, watch: &Watch<'_>) -> Result<Settled, Error> {
        let recorded = *id;
        let attempt = self
            .journaled(move |journal| journal.attempt(&recorded))
            .await?;
        let known = attempt.as_ref().map(|attempt| &attempt.transaction);
        let found = self.client.wait(id, known, watch).await;
        let closed = match &found {
            Ok(settled) => Some(Closed::of(settled)),
            Err(Error::Expired { .. }) => Some(Closed::Abandoned),
            Err(_) => None,
        };
        if let Some(closed) = closed {
            let decisions = found.as_ref().map_or(&[][..], |settled| &settled.decisions);
            self.close(Some((*id, closed)), decisions).await?;
        }
        found
    }

    /// Records what became of an attempt, and how far the shards are.
    async fn close(
        &self,
        closed: Option<(TransactionId, Closed)>,
        decisions: &[Verified],
    ) -> Result<(), Error> {
        let seen: Heights = decisions.iter().map(|d| (d.shard(), d.height())).collect();
        Ok(self
            .journaled(move |journal| journal.close(closed, &seen))
            .await?)
    }

    /// Works with the journal where waiting for a disk or another process holds nobody up.
    async fn journaled<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Journal) -> R + Send + 'static,
    ) -> R {
        let journal = Arc::clone(&self.journal);
        let working = tokio::task::spawn_blocking(move || work(&journal));
        match working.await.map_err(JoinError::try_into_panic) {
            Ok(done) => done,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // The runtime is being shut down, and this task with it.
            Err(Err(_)) => std::future::pending().await,
        }
    }
}
