//! What has changed since the tables were last written: net, so that an object which came and went
//! in between leaves no trace.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use consensus::ledger::{self, Applied, Decided};
use consensus::sbac::session::Session;
use model::api::Exhibit;
use model::{Certificate, Hash, Head, HeadCertificate, Height, Object, ObjectId};
use model::{TransactionId, TransactionResult};
use serde::{Deserialize, Serialize};

use super::log::Position;
use crate::labels::Labels;

/// A block as the tables know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockRow {
    /// Where the log has the block.
    pub position: Position,
    /// The head of the chain after it.
    pub head: Head,
    /// The finalization of this very block, if there is one.
    pub certificate: Option<Certificate>,
    /// The decisions it made, in their order.
    pub results: Vec<TransactionResult>,
}

/// Where a decision is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The height of the block.
    pub height: Height,
    /// The index of the decision among the results of the block.
    pub index: u32,
    /// The height of the block that has the transaction: an earlier one, if several shards are
    /// concerned.
    pub prepared: Height,
}

/// Changes to the tables. `None` stands for what is to be removed.
#[derive(Debug, Default, PartialEq)]
pub struct Changes {
    /// Active objects.
    pub(super) objects: BTreeMap<ObjectId, Option<Arc<Object>>>,
    /// Decided transactions whose deadlines are not over.
    pub(super) decided: BTreeMap<TransactionId, Option<Decided>>,
    /// Transactions that several shards have begun and not finished.
    pub(super) sessions: BTreeMap<TransactionId, Option<Arc<Session>>>,
    /// Which objects a label lists.
    pub(super) labels: BTreeMap<(Hash, ObjectId), Option<()>>,
    /// Blocks.
    pub(super) blocks: BTreeMap<Height, BlockRow>,
    /// Heads with the signatures of a quorum.
    pub(super) heads: BTreeMap<Height, HeadCertificate>,
    /// Decided transactions, for ever.
    pub(super) transactions: BTreeMap<TransactionId, Place>,
    /// The acts of the shard by number, for ever.
    pub(super) acts: BTreeMap<u32, TransactionId>,
    /// Proofs of lies by number, for ever.
    pub(super) evidence: BTreeMap<u32, Exhibit>,
}

/// Removes an entry that the tables have, or forgets one that they never had.
fn remove<K: Ord, V>(changes: &mut BTreeMap<K, Option<V>>, key: K) {
    match changes.remove(&key) {
        // It was made since the tables were written, and nothing is ever made twice.
        Some(Some(_)) => {}
        Some(None) | None => {
            changes.insert(key, None);
        }
    }
}

/// Removes an entry that may have been changed since it was made. `made` is the height at which an
/// entry was made, and `first` that of the first block since the tables were written.
fn forget<K: Ord, V>(
    changes: &mut BTreeMap<K, Option<V>>,
    key: K,
    made: impl Fn(&V) -> Height,
    first: Height,
) {
    match changes.remove(&key) {
        Some(Some(entry)) if made(&entry) >= first => {}
        Some(_) | None => {
            changes.insert(key, None);
        }
    }
}

impl Changes {
    /// An object becomes active.
    pub(super) fn create(&mut self, id: ObjectId, object: &Arc<Object>, labels: &dyn Labels) {
        for label in labels.labels(object) {
            self.labels.insert((label, id), Some(()));
        }
        self.objects.insert(id, Some(Arc::clone(object)));
    }

    /// An active object becomes inactive.
    pub(super) fn consume(&mut self, id: ObjectId, object: &Object, labels: &dyn Labels) {
        for label in labels.labels(object) {
            remove(&mut self.labels, (label, id));
        }
        remove(&mut self.objects, id);
    }

    /// All that a state says of transactions is new.
    pub(super) fn remember(&mut self, state: &ledger::State) {
        let decided = state.decided.iter();
        self.decided
            .extend(decided.map(|(id, record)| (*id, Some(*record))));
        let sessions = state.sessions.iter();
        self.sessions
            .extend(sessions.map(|(id, session)| (*id, Some(Arc::clone(session)))));
    }

    /// A block decides transactions, goes on with others, and forgets old ones.
    pub(super) fn decide(&mut self, block: BlockRow, applied: &Applied) {
        let height = block.head.height;
        let decisions = (0_u32..).zip(&applied.results).zip(&applied.concluded);
        for ((index, result), (_, prepared)) in decisions {
            let place = Place {
                height,
                index,
                prepared: *prepared,
            };
            self.transactions.insert(result.transaction, place);
        }
        self.blocks.insert(height, block);
        let first = *self.blocks.first_key_value().expect("inserted above").0;
        for (id, record) in &applied.decided {
            match record {
                Some(record) => drop(self.decided.insert(*id, Some(*record))),
                None => forget(&mut self.decided, *id, |record| record.height, first),
            }
        }
        for (id, session) in &applied.sessions {
            match session {
                Some(session) => drop(self.sessions.insert(*id, Some(Arc::clone(session)))),
                None => forget(&mut self.sessions, *id, |session| session.prepared, first),
            }
        }
    }

    /// What has changed about the objects with `label` that come after `after`.
    pub(super) fn labelled(
        &self,
        label: Hash,
        after: Option<ObjectId>,
    ) -> impl Iterator<Item = (ObjectId, Option<&Arc<Object>>)> {
        let first = match after {
            Some(id) => Bound::Excluded((label, id)),
            None => Bound::Included((label, ObjectId::from_bytes([0; 32]))),
        };
        self.labels
            .range((first, Bound::Unbounded))
            .take_while(move |((of, _), _)| *of == label)
            .map(|((_, id), _)| (*id, self.objects.get(id).and_then(Option::as_ref)))
    }
}
