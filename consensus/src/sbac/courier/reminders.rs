//! When to remind those who have not voted: by transaction to end it, by time to find what is due, so
//! that neither costs a look at all transactions that are under way.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use model::{Time, TransactionId};

/// How long the shard that decides waits for a vote before it makes sure that those who have not voted
/// have the transaction, in milliseconds of the timer; doubled each time.
const REMIND_MS: u64 = 1_000;

/// How often it does so.
const REMINDERS: u32 = 6;

/// The transactions of which votes may be missing.
#[derive(Clone, Debug, Default)]
pub(super) struct Reminders {
    /// Of each, when to look whether votes have come, and how often that was done.
    by_transaction: BTreeMap<TransactionId, (Time, u32)>,
    /// The same times, ascending.
    by_time: BTreeSet<(Time, TransactionId)>,
}

impl Reminders {
    /// A transaction waits for votes. Nothing if it did before.
    pub(super) fn begin(&mut self, id: TransactionId, timer: Time) {
        if !self.by_transaction.contains_key(&id) {
            self.set(id, timer.plus_ms(REMIND_MS), 0);
        }
    }

    /// A transaction waits no more.
    pub(super) fn end(&mut self, id: &TransactionId) {
        if let Some((at, _)) = self.by_transaction.remove(id) {
            self.by_time.remove(&(at, *id));
        }
    }

    /// A transaction of which it is time to remind somebody, and how often that was done before. It
    /// will be time again later, but not for ever.
    pub(super) fn next(&mut self, timer: Time) -> Option<(TransactionId, u32)> {
        let (_, id) = *self.by_time.first().filter(|(at, _)| *at <= timer)?;
        let (_, before) = *self.by_transaction.get(&id)?;
        self.end(&id);
        let times = before + 1;
        if times < REMINDERS {
            self.set(id, timer.plus_ms(REMIND_MS << times), times);
        }
        Some((id, before))
    }

    /// When it is time for the first of them.
    pub(super) fn first(&self) -> Option<Time> {
        self.by_time.first().map(|(at, _)| *at)
    }

    fn set(&mut self, id: TransactionId, at: Time, times: u32) {
        self.by_transaction.insert(id, (at, times));
        self.by_time.insert((at, id));
    }
}
