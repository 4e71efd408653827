//! Which objects are held between a vote to commit and the decision, by whom, and for what.
//!
//! Paper: Figure 3, `locked`.

use std::collections::BTreeMap;

use model::placement::How;
use model::{ObjectId, TransactionId};

/// All that is held in the shard. Whoever holds an object is named under it, the lowest first.
#[derive(Default)]
pub(super) struct Locks {
    holders: BTreeMap<ObjectId, BTreeMap<TransactionId, Hold>>,
}

/// For what a transaction holds an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// For itself: it consumes the object, or the network locks what is read as it locks inputs.
    Alone,
    /// To read it, as others may.
    Shared,
}

impl Hold {
    /// What a transaction needs that does this to an object; nothing for one that does not exist yet.
    pub(super) const fn needed(how: How, readers_share: bool) -> Option<Self> {
        match how {
            How::Consumes => Some(Self::Alone),
            How::References if readers_share => Some(Self::Shared),
            How::References => Some(Self::Alone),
            How::Creates => None,
        }
    }
}

impl Locks {
    /// Who keeps a transaction from holding an object so.
    pub(super) fn obstacle(&self, object: &ObjectId, needed: Hold) -> Option<TransactionId> {
        let mut holders = self.holders.get(object)?.iter();
        let in_the_way = |held: &Hold| needed == Hold::Alone || *held == Hold::Alone;
        let (holder, _) = holders.find(|(_, held)| in_the_way(held))?;
        Some(*holder)
    }

    /// A transaction holds an object from now on.
    pub(super) fn hold(&mut self, object: ObjectId, holder: TransactionId, hold: Hold) {
        let holders = self.holders.entry(object).or_default();
        holders.insert(holder, hold);
    }

    /// A transaction holds none of these objects any more.
    pub(super) fn release(
        &mut self,
        objects: impl Iterator<Item = ObjectId>,
        holder: &TransactionId,
    ) {
        for object in objects {
            if let Some(holders) = self.holders.get_mut(&object) {
                holders.remove(holder);
                if holders.is_empty() {
                    self.holders.remove(&object);
                }
            }
        }
    }
}
