//! The set of active objects, alpha, and how it grows along a transaction.
//!
//! Paper: Section III, "a context of active objects".

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::id::ObjectId;
use crate::object::Object;

/// alpha: the objects that are active.
pub trait ActiveSet {
    /// The object, if it is active.
    fn active(&self, id: &ObjectId) -> Option<Arc<Object>>;
}

/// An active set as it stands after some traces of a transaction: alpha'.
pub struct Overlay<'a, A: ?Sized> {
    below: &'a A,
    created: BTreeMap<ObjectId, Arc<Object>>,
    consumed: BTreeSet<ObjectId>,
}

/// What a valid transaction does to the active set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// The objects that were active before and are not any more.
    pub consumed: BTreeSet<ObjectId>,
    /// The objects that were not active before and are now.
    pub created: BTreeMap<ObjectId, Arc<Object>>,
}

impl<'a, A: ActiveSet + ?Sized> Overlay<'a, A> {
    /// `below`, with nothing consumed and nothing created yet.
    #[must_use]
    pub const fn new(below: &'a A) -> Self {
        Self {
            below,
            created: BTreeMap::new(),
            consumed: BTreeSet::new(),
        }
    }

    /// Makes an active object inactive.
    pub fn consume(&mut self, id: ObjectId) {
        if self.created.remove(&id).is_none() {
            self.consumed.insert(id);
        }
    }

    /// Makes an object active.
    pub fn create(&mut self, id: ObjectId, object: Arc<Object>) {
        self.created.insert(id, object);
    }

    /// The difference to the set below.
    #[must_use]
    pub fn into_effects(self) -> Effects {
        Effects {
            consumed: self.consumed,
            created: self.created,
        }
    }
}

impl<A: ActiveSet + ?Sized> ActiveSet for Overlay<'_, A> {
    fn active(&self, id: &ObjectId) -> Option<Arc<Object>> {
        if let Some(object) = self.created.get(id) {
            return Some(Arc::clone(object));
        }
        if self.consumed.contains(id) {
            return None;
        }
        self.below.active(id)
    }
}

impl ActiveSet for BTreeMap<ObjectId, Arc<Object>> {
    fn active(&self, id: &ObjectId) -> Option<Arc<Object>> {
        self.get(id).cloned()
    }
}
