//! Clients that wait for something to happen: a decision, or a block.
//!
//! Waiters are woken by what they wait for and by nothing else, so that a thousand of them cost
//! nothing while they wait.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::{Height, TransactionId};
use tokio::sync::watch;
use tokio::time::timeout;

/// What is waited for.
type Decisions = HashMap<TransactionId, Awaited>;

/// A decision that somebody waits for.
#[derive(Debug)]
struct Awaited {
    /// Whether it has come.
    decided: watch::Sender<bool>,
    /// How many wait for it.
    interests: usize,
}

/// Those who wait.
#[derive(Debug)]
pub(crate) struct Waiters {
    decisions: Mutex<Decisions>,
    height: watch::Sender<Height>,
    head: watch::Sender<Height>,
}

/// A client's interest in a transaction. While there is one, the registry has an entry.
pub(crate) struct Interest<'a> {
    waiters: &'a Waiters,
    transaction: TransactionId,
    decided: watch::Receiver<bool>,
}

impl Waiters {
    /// Nobody waits, the block at `height` is the last one, and `head` the last certified head.
    pub(crate) fn new(height: Height, head: Height) -> Self {
        Self {
            decisions: Mutex::default(),
            height: watch::Sender::new(height),
            head: watch::Sender::new(head),
        }
    }

    /// The block at `height` has been applied.
    pub(crate) fn applied(&self, height: Height) {
        self.height.send_replace(height);
    }

    /// A quorum has signed the head at `height`, and so the decisions on these transactions.
    pub(crate) fn certified<'a>(
        &self,
        height: Height,
        transactions: impl Iterator<Item = &'a TransactionId>,
    ) {
        // Those who wait are told of a head that was certified after a higher one, too.
        self.head
            .send_modify(|highest| *highest = height.max(*highest));
        let decisions = self.decisions();
        if decisions.is_empty() {
            return;
        }
        for transaction in transactions {
            if let Some(awaited) = decisions.get(transaction) {
                awaited.decided.send_replace(true);
            }
        }
    }

    /// Waits at most `patience` for the block at `height`. Whether it has been applied.
    pub(crate) async fn height(&self, height: Height, patience: Duration) -> bool {
        let mut heights = self.height.subscribe();
        let reached = heights.wait_for(|applied| *applied >= height);
        matches!(timeout(patience, reached).await, Ok(Ok(_)))
    }

    /// The highest head that a quorum has signed. It changes, perhaps to itself, whenever a quorum has
    /// signed one.
    pub(crate) fn heads(&self) -> watch::Receiver<Height> {
        self.head.subscribe()
    }

    /// Announces that somebody is about to wait for a decision.
    pub(crate) fn interest(&self, transaction: TransactionId) -> Interest<'_> {
        let mut decisions = self.decisions();
        let awaited = decisions.entry(transaction).or_insert_with(|| Awaited {
            decided: watch::Sender::new(false),
            interests: 0,
        });
        awaited.interests += 1;
        Interest {
            waiters: self,
            transaction,
            decided: awaited.decided.subscribe(),
        }
    }

    fn decisions(&self) -> MutexGuard<'_, Decisions> {
        self.decisions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interest<'_> {
    /// Waits at most `patience` until the transaction is decided. It counts from the moment that the
    /// interest was announced, so whoever looks after that and finds nothing misses nothing.
    pub(crate) async fn decided(&self, patience: Duration) {
        let mut decided = self.decided.clone();
        // Whether it is decided or the time is over, the caller looks once more.
        let _ = timeout(patience, decided.wait_for(|decided| *decided)).await;
    }
}

impl Drop for Interest<'_> {
    fn drop(&mut self) {
        let mut decisions = self.waiters.decisions();
        if let Entry::Occupied(mut awaited) = decisions.entry(self.transaction) {
            awaited.get_mut().interests -= 1;
            if awaited.get().interests == 0 {
                awaited.remove();
            }
        }
    }
}
