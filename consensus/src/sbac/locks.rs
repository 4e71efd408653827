//! Locks: which transaction holds which object between its vote and the decision.
//!
//! Paper: Figure 3. An input is held by one transaction; a reference may be held by many, unless the
//! network runs the profile of the paper, which locks references as it locks inputs.

use std::collections::{BTreeMap, BTreeSet};

use model::{ObjectId, TransactionId};

use crate::injected::{self, Mistake};

/// Who holds an object.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Lock {
    /// One transaction, to consume it.
    Exclusive(TransactionId),
    /// Transactions that read it; never none.
    Shared(BTreeSet<TransactionId>),
}

/// The locks of a shard. They follow from its sessions: exactly those that are prepared hold locks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Locks {
    locks: BTreeMap<ObjectId, Lock>,
}

impl Locks {
    /// Who keeps others from consuming the object.
    pub(crate) fn against_consuming(&self, object: &ObjectId) -> Option<TransactionId> {
        match self.locks.get(object)? {
            Lock::Exclusive(holder) => Some(*holder),
            Lock::Shared(holders) => holders.first().copied(),
        }
    }

    /// Who keeps others from reading the object.
    pub(crate) fn against_reading(&self, object: &ObjectId) -> Option<TransactionId> {
        match self.locks.get(object)? {
            Lock::Exclusive(holder) => Some(*holder),
            Lock::Shared(_) => None,
        }
    }

    /// Locks an object that nobody holds.
    pub(crate) fn lock(&mut self, object: ObjectId, holder: TransactionId) {
        let before = self.locks.insert(object, Lock::Exclusive(holder));
        let free = before.is_none() || injected::makes(Mistake::IgnoresLocks);
        assert!(free, "{object:?} was held by {before:?}");
    }

    /// Locks an object that nobody is about to consume, together with others who read it.
    pub(crate) fn share(&mut self, object: ObjectId, holder: TransactionId) {
        let lock = self
            .locks
            .entry(object)
            .or_insert_with(|| Lock::Shared(BTreeSet::new()));
        match lock {
            Lock::Shared(holders) => drop(holders.insert(holder)),
            Lock::Exclusive(other) => assert_eq!(*other, holder, "{object:?} is to be consumed"),
        }
    }

    /// Lets go of what `holder` holds of an object, and of nothing that others hold.
    pub(crate) fn release(&mut self, object: &ObjectId, holder: &TransactionId) {
        match self.locks.get_mut(object) {
            Some(Lock::Exclusive(other))
                if other == holder || injected::makes(Mistake::UnlocksForOthers) =>
            {
                self.locks.remove(object);
            }
            Some(Lock::Shared(holders)) => {
                holders.remove(holder);
                if holders.is_empty() {
                    self.locks.remove(object);
                }
            }
            Some(Lock::Exclusive(_)) | None => {}
        }
    }

    /// Each object that is held, with those who hold it, and whether one of them is to consume it.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ObjectId, Vec<TransactionId>, bool)> {
        self.locks.iter().map(|(object, lock)| match lock {
            Lock::Exclusive(holder) => (*object, vec![*holder], true),
            Lock::Shared(holders) => (*object, holders.iter().copied().collect(), false),
        })
    }
}
