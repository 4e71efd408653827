//! What other shards have promised and this shard has not sequenced yet.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use model::{Delivery, Epoch, Leaf, Parcel, Promise, ShardId, Time, TransactionId, Verdict};

use super::hearing::Hearing;
use super::letter::estimate;
use crate::action::{Action, ActionKey, ParcelKey};
use crate::ledger::Ledger;

/// Bytes of deliveries of one shard that wait. What does not fit is repeated by its sender.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// Parcels of one shard that were sequenced and are not taken in again, nor any that is older than all
/// of them. An old one is a replay, or another member's copy: a promise that is made again has a new
/// head.
const SEEN: usize = 4_096;

/// How long a delivery waits to be sequenced, in milliseconds of the timer. What comes to one member
/// alone waits in vain unless that member leads, and what matters in it is promised again.
const PATIENCE_MS: u64 = 10_000;

/// How long what nobody waits for waits for company, in milliseconds of the timer.
const SOON_MS: u64 = 250;

/// A delivery that waits.
#[derive(Clone, Debug)]
struct Waiting {
    delivery: Arc<Delivery>,
    /// The most urgent of its leaves.
    hearing: Hearing,
    /// If it has been sequenced: the transactions on which it brought votes too early.
    early: Option<BTreeSet<TransactionId>>,
    /// Since when it has been as urgent as it is.
    since: Time,
    bytes: usize,
}

/// Deliveries of one shard.
#[derive(Clone, Debug, Default)]
struct Source {
    bytes: usize,
    seen: BTreeSet<ParcelKey>,
}

/// The deliveries that wait.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inbox {
    waiting: BTreeMap<ParcelKey, Waiting>,
    sources: BTreeMap<ShardId, Source>,
    /// The deliveries that wait for a transaction.
    awaiting: BTreeMap<TransactionId, BTreeSet<ParcelKey>>,
    /// Those that blocks short of final hold already.
    aside: BTreeSet<ParcelKey>,
}

impl Inbox {
    /// Whether a delivery brings nothing that is not here or was not sequenced before.
    ///
    /// Whoever carries or proposes a decision to commit can leave out the votes beside it, without which
    /// nothing comes of it. So where it still makes a difference, whoever has them all is heard.
    pub(crate) fn knows(&self, delivery: &Delivery, ledger: &Ledger) -> bool {
        let key = ParcelKey::of(delivery);
        if let Some(held) = self.waiting.get(&key) {
            return *held.delivery == *delivery
                || justified(delivery, ledger) <= justified(&held.delivery, ledger);
        }
        let source = self.sources.get(&key.from);
        source.is_some_and(|source| source.has_seen(&key)) && justified(delivery, ledger) == 0
    }

    /// Takes a delivery in, unless nothing would come of it. The transactions that it waits for, and
    /// those whose votes it brings.
    pub(crate) fn insert(
        &mut self,
        delivery: Arc<Delivery>,
        ledger: &Ledger,
        has: impl Fn(&TransactionId) -> bool,
        time: Time,
        since: Time,
    ) -> Arrived {
        let key = ParcelKey::of(&delivery);
        let mut arrived = Arrived::default();
        if self.knows(&delivery, ledger) {
            return arrived;
        }
        self.remove(&key);
        let bytes = delivery.parcels().map(estimate).sum();
        let source = self.sources.entry(key.from).or_default();
        if source.bytes + bytes > BYTES_MAX {
            return arrived;
        }
        let mut most = Hearing::Never;
        for leaf in &delivery.parcel.leaves {
            let mut hearing = ledger.hearing(&delivery, leaf, time);
            if hearing == Hearing::Later {
                self.awaiting
                    .entry(leaf.transaction)
                    .or_default()
                    .insert(key);
                if has(&leaf.transaction) {
                    hearing = Hearing::Now;
                    arrived.voted_on.push(leaf.transaction);
                } else {
                    arrived.lacking.push(leaf.transaction);
                }
            }
            most = most.max(hearing);
        }
        if most == Hearing::Never {
            return Arrived::default();
        }
        source.bytes += bytes;
        let waiting = Waiting {
            delivery,
            hearing: most,
            early: None,
            since,
            bytes,
        };
        self.waiting.insert(key, waiting);
        arrived
    }

    /// A transaction is here now. Whether votes on it waited.
    pub(crate) fn rouse(&mut self, transaction: &TransactionId, now: Time) -> bool {
        let Some(keys) = self.awaiting.get(transaction) else {
            return false;
        };
        for key in keys {
            if let Some(waiting) = self.waiting.get_mut(key) {
                waiting.becomes(Hearing::Now, now);
            }
        }
        true
    }

    /// A block has been applied that had these deliveries: looks at all that wait anew.
    pub(crate) fn applied<'a>(
        &mut self,
        sequenced: impl Iterator<Item = &'a ParcelKey>,
        ledger: &Ledger,
        has: impl Fn(&TransactionId) -> bool,
        now: Time,
    ) {
        let sequenced: BTreeSet<ParcelKey> = sequenced.copied().collect();
        let mut done = Vec::new();
        for (key, waiting) in &mut self.waiting {
            // What was sequenced has had its effect, except for votes that came too early.
            if sequenced.contains(key) {
                waiting.early = Some(waiting.early(ledger));
            }
            let hearing = waiting.look(ledger, &has);
            waiting.becomes(hearing, now);
            if hearing == Hearing::Never {
                done.push(*key);
            }
        }
        for key in &done {
            self.remove(key);
        }
        for key in &sequenced {
            if !self.waiting.contains_key(key) {
                self.sources.entry(key.from).or_default().see(*key);
            }
        }
    }

    /// Drops what has waited in vain for too long.
    pub(crate) fn drop_stale(&mut self, now: Time) {
        let is_stale = |waiting: &Waiting| {
            waiting.hearing > Hearing::Later && now.since_ms(waiting.since) >= PATIENCE_MS
        };
        let stale = self.waiting.iter().filter(|(_, waiting)| is_stale(waiting));
        let stale: Vec<ParcelKey> = stale.map(|(key, _)| *key).collect();
        for key in &stale {
            self.remove(key);
        }
    }

    /// A shard was found to have ended an epoch in two ways, and the next one is another than was believed here:
    /// drops what it said around that time, whoever shows it. Other members would refuse it.
    pub(crate) fn drop_since(&mut self, shard: ShardId, epoch: Epoch) {
        let is_of = |parcel: &Parcel| {
            let scope = parcel.head.head.scope;
            scope.shard == shard && scope.epoch.next() >= epoch
        };
        let doubtful = self
            .waiting
            .iter()
            .filter(|(_, waiting)| waiting.delivery.parcels().any(is_of));
        let doubtful: Vec<ParcelKey> = doubtful.map(|(key, _)| *key).collect();
        for key in &doubtful {
            self.remove(key);
        }
    }

    fn remove(&mut self, key: &ParcelKey) {
        let Some(waiting) = self.waiting.remove(key) else {
            return;
        };
        let source = self.sources.entry(key.from).or_default();
        source.bytes -= waiting.bytes;
        for leaf in &waiting.delivery.parcel.leaves {
            if let Some(keys) = self.awaiting.get_mut(&leaf.transaction) {
                keys.remove(key);
                if keys.is_empty() {
                    self.awaiting.remove(&leaf.transaction);
                }
            }
        }
    }

    /// Lets these deliveries rest, and those wait again that rested before and are not among them.
    pub(crate) fn set_aside(&mut self, elsewhere: &BTreeSet<ActionKey>) {
        self.aside = elsewhere
            .iter()
            .filter_map(|key| match key {
                ActionKey::Parcel(key) => Some(*key),
                ActionKey::Transaction(_) | ActionKey::Epoch(..) => None,
            })
            .collect();
    }

    /// Whether anything is to be sequenced, the timer showing `now`.
    pub(crate) fn is_urgent(&self, now: Time) -> bool {
        let mut ready = self.ready();
        ready.any(|waiting| match waiting.hearing {
            Hearing::Now => true,
            Hearing::Soon => now.since_ms(waiting.since) >= SOON_MS,
            Hearing::Later | Hearing::Never => false,
        })
    }

    /// When something is to be sequenced that is not urgent yet.
    pub(crate) fn deadline(&self) -> Option<Time> {
        let soon = self
            .ready()
            .filter(|waiting| waiting.hearing == Hearing::Soon);
        soon.map(|waiting| waiting.since.plus_ms(SOON_MS)).min()
    }

    /// What to sequence, as much as fits into `room` bytes and `entries` entries. Shards take turns, so
    /// that one which has much to say does not keep the others waiting.
    pub(crate) fn payload(&self, mut room: usize, entries: usize) -> Vec<Action> {
        let mut by_shard: BTreeMap<ShardId, VecDeque<&Waiting>> = BTreeMap::new();
        for waiting in self.ready().filter(|one| one.hearing >= Hearing::Soon) {
            let from = waiting.delivery.parcel.from();
            by_shard.entry(from).or_default().push_back(waiting);
        }
        let mut chosen = Vec::new();
        while !by_shard.is_empty() && chosen.len() < entries {
            by_shard.retain(|_, queue| {
                let next = queue.pop_front().filter(|next| next.bytes <= room);
                if let Some(next) = next {
                    room -= next.bytes;
                    chosen.push(Action::Deliver(Arc::clone(&next.delivery)));
                }
                next.is_some()
            });
        }
        chosen.truncate(entries);
        chosen
    }

    fn ready(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting
            .iter()
            .filter(|(key, _)| !self.aside.contains(key))
            .map(|(_, waiting)| waiting)
    }

    /// How many deliveries wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }
}

/// What came with a delivery.
#[derive(Debug, Default)]
pub(crate) struct Arrived {
    /// Transactions that it brings votes on and that are here.
    pub(crate) voted_on: Vec<TransactionId>,
    /// Transactions that it brings votes on and that are not here.
    pub(crate) lacking: Vec<TransactionId>,
}

/// Whether a leaf decides to commit what this shard waits to hear the decision on.
fn is_to_commit(leaf: &Leaf, ledger: &Ledger) -> bool {
    leaf.promise == Promise::Accept(Verdict::Commit) && ledger.is_prepared(&leaf.transaction)
}

/// How many decisions to commit a delivery has that this shard waits for and that come with all votes
/// they need.
fn justified(delivery: &Delivery, ledger: &Ledger) -> usize {
    let leaves = delivery.parcel.leaves.iter();
    let decisions = leaves.filter(|leaf| is_to_commit(leaf, ledger));
    let time = ledger.tip.time.plus_ms(1);
    decisions
        .filter(|leaf| ledger.hearing(delivery, leaf, time) == Hearing::Now)
        .count()
}

impl Source {
    fn has_seen(&self, key: &ParcelKey) -> bool {
        let is_old = self.seen.len() >= SEEN && self.seen.first().is_some_and(|first| key < first);
        is_old || self.seen.contains(key)
    }

    fn see(&mut self, key: ParcelKey) {
        self.seen.insert(key);
        while self.seen.len() > SEEN {
            self.seen.pop_first();
        }
    }
}

impl Waiting {
    /// The most urgent leaf of it that has not had its effect, for the next block.
    fn look(&self, ledger: &Ledger, has: impl Fn(&TransactionId) -> bool) -> Hearing {
        let time = ledger.tip.time.plus_ms(1);
        let leaves = self.delivery.parcel.leaves.iter();
        let open = leaves.filter(|leaf| self.is_open(leaf) || is_to_commit(leaf, ledger));
        let hearings = open.map(|leaf| match ledger.hearing(&self.delivery, leaf, time) {
            Hearing::Later if has(&leaf.transaction) => Hearing::Now,
            hearing => hearing,
        });
        hearings.max().unwrap_or(Hearing::Never)
    }

    /// Whether a leaf may not have had its effect.
    fn is_open(&self, leaf: &Leaf) -> bool {
        let Some(early) = &self.early else {
            return true;
        };
        matches!(leaf.promise, Promise::Prepared(_)) && early.contains(&leaf.transaction)
    }

    /// The transactions of which the block that was just applied did not know when it heard votes on
    /// them. After the deadline it has said so to those who voted, and there is nothing to wait for.
    fn early(&self, ledger: &Ledger) -> BTreeSet<TransactionId> {
        let leaves = self.delivery.parcel.leaves.iter();
        let early = leaves.filter(|leaf| {
            matches!(leaf.promise, Promise::Prepared(_))
                && self.is_open(leaf)
                && ledger.is_unknown(&leaf.transaction)
                && ledger.tip.time <= leaf.valid_until
        });
        early.map(|leaf| leaf.transaction).collect()
    }

    fn becomes(&mut self, hearing: Hearing, now: Time) {
        if self.hearing != hearing {
            self.hearing = hearing;
            self.since = now;
        }
    }
}
