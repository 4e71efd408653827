//! What a block does, while it is being done and when it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::head::Head;
use model::result::TransactionResult;
use model::transaction::Authorized;
use model::{Checkers, Height, Leaf, Object, ObjectId, ShardRecord, Time, TransactionId};

use super::{Decided, State};
use crate::sbac::session::Session;

/// What a block did.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The head of the chain after it.
    pub head: Head,
    /// The decisions, in the order in which they were made.
    pub results: Vec<TransactionResult>,
    /// The decided transactions, in the same order, each with the height of the block that has it.
    pub concluded: Vec<(Authorized, Height)>,
    /// What it says to other shards, ascending.
    pub outbox: Vec<Leaf>,
    /// If the epoch ends with it: the record that follows.
    pub next: Option<Arc<ShardRecord>>,
    /// If its head commits to the state: that state, for those who begin with it.
    pub state: Option<Arc<State>>,
    /// The objects that became inactive, and were active before the block.
    pub consumed: BTreeMap<ObjectId, Arc<Object>>,
    /// The objects that became active, and still are at the end of the block.
    pub created: BTreeMap<ObjectId, Arc<Object>>,
    /// The records that were made or changed; `None` for those that were forgotten.
    pub decided: BTreeMap<TransactionId, Option<Decided>>,
    /// The sessions that were begun or changed; `None` for those that were ended.
    pub sessions: BTreeMap<TransactionId, Option<Arc<Session>>>,
}

/// The block that is being applied.
pub(crate) struct Turn<'a> {
    /// Its time.
    pub(crate) time: Time,
    /// Its height.
    pub(crate) height: Height,
    pub(crate) checkers: &'a dyn Checkers,
    pub(crate) results: Vec<TransactionResult>,
    pub(crate) concluded: Vec<(Authorized, Height)>,
    pub(crate) outbox: Vec<Leaf>,
    pub(crate) next: Option<Arc<ShardRecord>>,
    consumed: BTreeMap<ObjectId, Arc<Object>>,
    created: BTreeMap<ObjectId, Arc<Object>>,
    decided: BTreeMap<TransactionId, Option<Decided>>,
    sessions: BTreeMap<TransactionId, Option<Arc<Session>>>,
}

impl<'a> Turn<'a> {
    pub(super) const fn new(time: Time, height: Height, checkers: &'a dyn Checkers) -> Self {
        Self {
            time,
            height,
            checkers,
            results: Vec::new(),
            concluded: Vec::new(),
            outbox: Vec::new(),
            next: None,
            consumed: BTreeMap::new(),
            created: BTreeMap::new(),
            decided: BTreeMap::new(),
            sessions: BTreeMap::new(),
        }
    }

    pub(super) fn consumed(&mut self, id: ObjectId, object: Option<Arc<Object>>) {
        if self.created.remove(&id).is_none() {
            self.consumed.extend(object.map(|object| (id, object)));
        }
    }

    pub(super) fn created(&mut self, id: ObjectId, object: Arc<Object>) {
        self.created.insert(id, object);
    }

    pub(crate) fn decided(&mut self, id: TransactionId, record: Decided) {
        self.decided.insert(id, Some(record));
    }

    pub(super) fn forgotten(&mut self, id: TransactionId) {
        self.decided.insert(id, None);
    }

    pub(super) fn session(&mut self, id: TransactionId, session: Option<Arc<Session>>) {
        self.sessions.insert(id, session);
    }

    pub(super) fn into_applied(self, head: Head, state: Option<Arc<State>>) -> Applied {
        Applied {
            head,
            results: self.results,
            concluded: self.concluded,
            outbox: self.outbox,
            next: self.next,
            state,
            consumed: self.consumed,
            created: self.created,
            decided: self.decided,
            sessions: self.sessions,
        }
    }
}
