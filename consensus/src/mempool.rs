//! Transactions that wait to be proposed, oldest first.

use std::collections::{BTreeMap, BTreeSet};

use model::transaction::Authorized;
use model::{Time, TransactionId, bounds};

/// Transactions that wait at one node. At 5,000 a second this is four seconds of work; a node whose
/// pool is full answers busy, and nothing that it had accepted is lost.
pub const POOL_TRANSACTIONS_MAX: usize = 20_000;

/// Bytes of transactions that wait at one node.
pub const POOL_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A waiting transaction.
#[derive(Clone, Debug)]
struct Waiting {
    transaction: Authorized,
    bytes: usize,
    arrival: u64,
    /// Until when it rests, if nobody rouses it.
    rests: Option<Time>,
}

/// The pool. It holds each transaction once.
#[derive(Clone, Debug)]
pub struct Mempool {
    waiting: BTreeMap<TransactionId, Waiting>,
    /// Those that may be proposed, by arrival.
    ready: BTreeMap<u64, TransactionId>,
    /// Those that blocks short of final hold already, whether they are here or not.
    aside: BTreeSet<TransactionId>,
    /// Those that rest, by the time until which they do.
    resting: BTreeSet<(Time, TransactionId)>,
    arrivals: u64,
    bytes: usize,
    entries_max: usize,
}

impl Default for Mempool {
    fn default() -> Self {
        Self {
            waiting: BTreeMap::new(),
            ready: BTreeMap::new(),
            aside: BTreeSet::new(),
            resting: BTreeSet::new(),
            arrivals: 0,
            bytes: 0,
            entries_max: bounds::ENTRIES_MAX,
        }
    }
}

/// Why a transaction was not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// It is waiting already.
    Known,
    /// The pool is full.
    Full,
}

impl Mempool {
    /// From now on a payload has at most so many transactions, and never more than
    /// [`bounds::ENTRIES_MAX`].
    pub fn limit_payload(&mut self, entries_max: usize) {
        self.entries_max = entries_max.min(bounds::ENTRIES_MAX);
    }

    /// Takes a transaction in, behind all others.
    ///
    /// # Errors
    ///
    /// [`NotTaken`] if it is there already, or there is no room.
    pub fn insert(&mut self, transaction: Authorized) -> Result<(), NotTaken> {
        self.take_in(transaction, None)
    }

    /// Takes a transaction in that is not proposed until somebody rouses it, or until the timer shows
    /// `until`.
    ///
    /// # Errors
    ///
    /// As [`Mempool::insert`].
    pub fn insert_resting(&mut self, transaction: Authorized, until: Time) -> Result<(), NotTaken> {
        self.take_in(transaction, Some(until))
    }

    fn take_in(&mut self, transaction: Authorized, rests: Option<Time>) -> Result<(), NotTaken> {
        let id = transaction.id();
        if self.waiting.contains_key(&id) {
            return Err(NotTaken::Known);
        }
        let bytes = transaction.encoded_len();
        if self.waiting.len() >= POOL_TRANSACTIONS_MAX || self.bytes + bytes > POOL_BYTES_MAX {
            return Err(NotTaken::Full);
        }
        self.arrivals += 1;
        self.bytes += bytes;
        if let Some(until) = rests {
            self.resting.insert((until, id));
        } else if !self.aside.contains(&id) {
            self.ready.insert(self.arrivals, id);
        }
        let waiting = Waiting {
            transaction,
            bytes,
            arrival: self.arrivals,
            rests,
        };
        self.waiting.insert(id, waiting);
        Ok(())
    }

    /// Takes a transaction out, because it is decided or never will be.
    pub fn remove(&mut self, id: &TransactionId) {
        if let Some(waiting) = self.waiting.remove(id) {
            self.bytes -= waiting.bytes;
            self.ready.remove(&waiting.arrival);
            if let Some(until) = waiting.rests {
                self.resting.remove(&(until, *id));
            }
        }
    }

    /// A transaction that rests may be proposed now.
    pub fn rouse(&mut self, id: &TransactionId) {
        let Some(waiting) = self.waiting.get_mut(id) else {
            return;
        };
        if let Some(until) = waiting.rests.take() {
            self.resting.remove(&(until, *id));
            if !self.aside.contains(id) {
                self.ready.insert(waiting.arrival, *id);
            }
        }
    }

    /// Rouses all that have rested long enough when the timer shows `now`.
    pub fn rouse_rested(&mut self, now: Time) {
        while let Some((until, id)) = self.resting.first().copied() {
            if until > now {
                break;
            }
            self.rouse(&id);
        }
    }

    /// When to call [`Mempool::rouse_rested`] next.
    #[must_use]
    pub fn next_rouse(&self) -> Option<Time> {
        self.resting.first().map(|(until, _)| *until)
    }

    /// The transaction with this identifier, if it waits here.
    #[must_use]
    pub fn get(&self, id: &TransactionId) -> Option<&Authorized> {
        self.waiting.get(id).map(|waiting| &waiting.transaction)
    }

    /// Takes out what can never be decided any more: its deadline was before `time`.
    pub fn drop_expired(&mut self, time: Time) {
        let expired: Vec<TransactionId> = self
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.transaction.body().valid_until < time)
            .map(|(id, _)| *id)
            .collect();
        for id in expired {
            self.remove(&id);
        }
    }

    /// Lets these transactions rest, and those wait again that rested before and are not among them.
    pub fn set_aside(&mut self, aside: BTreeSet<TransactionId>) {
        for id in std::mem::take(&mut self.aside) {
            if let Some(waiting) = self.waiting.get(&id).filter(|held| held.rests.is_none()) {
                self.ready.insert(waiting.arrival, id);
            }
        }
        for id in &aside {
            if let Some(waiting) = self.waiting.get(id) {
                self.ready.remove(&waiting.arrival);
            }
        }
        self.aside = aside;
    }

    /// Those that may be proposed, oldest first.
    pub fn ready(&self) -> impl Iterator<Item = &Authorized> {
        self.ready
            .values()
            .filter_map(|id| self.waiting.get(id))
            .map(|waiting| &waiting.transaction)
    }

    /// The oldest that may be proposed and that `choose` takes, as many as fit into a payload.
    pub fn payload(&self, choose: impl Fn(&Authorized) -> bool) -> Vec<Authorized> {
        self.payload_beside(choose, 0, 0)
    }

    /// As [`Mempool::payload`], beside `others` entries of `taken` bytes.
    pub(crate) fn payload_beside(
        &self,
        choose: impl Fn(&Authorized) -> bool,
        others: usize,
        taken: usize,
    ) -> Vec<Authorized> {
        let mut room = PAYLOAD_ROOM.saturating_sub(taken);
        let entries_max = self.entries_max.min(bounds::ENTRIES_MAX - others);
        let mut chosen = Vec::new();
        for waiting in self.ready.values().filter_map(|id| self.waiting.get(id)) {
            if chosen.len() >= entries_max || waiting.bytes > room {
                break;
            }
            if choose(&waiting.transaction) {
                room -= waiting.bytes;
                chosen.push(waiting.transaction.clone());
            }
        }
        chosen
    }

    /// Whether the transaction waits here.
    #[must_use]
    pub fn contains(&self, id: &TransactionId) -> bool {
        self.waiting.contains_key(id)
    }

    /// How many transactions wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether there is no room for more.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= POOL_TRANSACTIONS_MAX || self.bytes >= POOL_BYTES_MAX
    }
}

/// The bytes that a payload has beside its entries: the head of the list, and for each entry the
/// tag of its kind. Generous, so that a payload never exceeds its limit by them.
const PAYLOAD_OVERHEAD: usize = 16 + 4 * bounds::ENTRIES_MAX;

/// The bytes of transactions that fit into one payload.
pub(crate) const PAYLOAD_ROOM: usize = bounds::PAYLOAD_BYTES_MAX - PAYLOAD_OVERHEAD;
