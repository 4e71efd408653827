//! What waits to be sequenced, as a leader proposes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::block::{EntryRef, encode_borrowed};
use model::bounds;
use model::encoding::Bytes;
use model::{Epoch, ShardId, ShardRecord, Time, TransactionId};

use crate::action::{Action, ActionKey};
use crate::bft::Work;
use crate::ledger::Ledger;
use crate::mempool::{Mempool, PAYLOAD_ROOM};
use crate::message::CHANGES_MAX;
use crate::sbac::inbox::Inbox;
use crate::sbac::letter::estimate;
use crate::shards::Shards;
use crate::succession::Succession;

/// The share of a payload that promises of other shards may take: transactions that have begun come
/// before those that have not, and must not keep them out.
const DELIVERIES_ROOM: usize = PAYLOAD_ROOM / 2;

/// Deliveries in one payload.
const DELIVERIES: usize = bounds::ENTRIES_MAX / 2;

/// Bytes for the signatures that go with a list of nodes: [`bounds::MEMBERS_MAX`] of each of two kinds.
const SIGNATURES: usize = 2 * 80 * bounds::MEMBERS_MAX;

/// How long a member that learned of a founded shard leaves the others to learn of it, too, in
/// milliseconds of the timer.
pub(super) const FOUND_AFTER_MS: u64 = 3_000;

/// What waits, as a leader sees it.
pub(super) struct Pool<'a> {
    pub(super) mempool: &'a mut Mempool,
    pub(super) inbox: &'a mut Inbox,
    pub(super) ledger: &'a Ledger,
    pub(super) succession: &'a mut Succession,
    /// Changes of other shards that rest.
    pub(super) changes_aside: &'a mut BTreeSet<(ShardId, Epoch)>,
    pub(super) shards: &'a Shards,
    /// When this member learned of shards that were founded.
    pub(super) founded: &'a BTreeMap<ShardId, Time>,
    /// What the timer shows.
    pub(super) timer: Time,
}

impl Work for Pool<'_> {
    fn set_aside(&mut self, elsewhere: BTreeSet<ActionKey>) {
        self.inbox.set_aside(&elsewhere);
        let epochs = elsewhere.iter().filter_map(|key| match key {
            ActionKey::Epoch(shard, epoch) => Some((*shard, *epoch)),
            ActionKey::Transaction(_) | ActionKey::Parcel(_) => None,
        });
        *self.changes_aside = epochs.collect();
        let ours = self.ledger.shard();
        let ends = self.changes_aside.iter().any(|(shard, _)| *shard == ours);
        self.succession.set_aside(ends);
        let transactions = elsewhere.into_iter().filter_map(|key| match key {
            ActionKey::Transaction(id) => Some(id),
            ActionKey::Parcel(_) | ActionKey::Epoch(..) => None,
        });
        self.mempool
            .set_aside(transactions.collect::<BTreeSet<TransactionId>>());
    }

    fn waits(&self, time: Time) -> bool {
        let due = self.ledger.next_alarm().is_some_and(|alarm| alarm < time);
        due || self.inbox.is_urgent(self.timer)
            || self.founded().next().is_some()
            || self.changes().next().is_some()
            || self.ending().is_some()
            || self
                .mempool
                .ready()
                .any(|transaction| self.ledger.is_wanted(transaction, time))
    }

    fn payload(&self, time: Time) -> (Bytes, Vec<Action>) {
        let deliveries = self.inbox.payload(DELIVERIES_ROOM, DELIVERIES);
        let changes: Vec<Action> = self.founded().chain(self.changes()).collect();
        let ending = self.ending();
        let beside = deliveries.iter().chain(&changes).chain(&ending);
        let bytes = beside.map(bytes).sum();
        let chosen = self.mempool.payload_beside(
            |transaction| self.ledger.is_wanted(transaction, time),
            deliveries.len() + changes.len() + 1,
            bytes,
        );
        // What is promised in an epoch comes after the change that begins it.
        let mut actions = changes;
        // Transactions come first: the votes on them may be among the deliveries.
        actions.extend(chosen.into_iter().map(Action::Prepare));
        actions.extend(deliveries);
        actions.extend(ending);
        let entries: Vec<EntryRef<'_>> = actions.iter().map(Action::as_entry).collect();
        (encode_borrowed(&entries), actions)
    }
}

impl Pool<'_> {
    /// The shards that were founded and that the ledger has not heard of, once all other members can be
    /// expected to know them: one that does not votes for no block that names them.
    fn founded(&self) -> impl Iterator<Item = Action> {
        let others = self
            .shards
            .others()
            .map(|committee| committee.scope().shard);
        let news = others.filter(|shard| !self.ledger.knows(*shard));
        let ripe = news.filter(|shard| {
            let since = self.founded.get(shard).copied().unwrap_or(Time::ZERO);
            !self.changes_aside.contains(&(*shard, Epoch::ZERO))
                && self.timer >= since.plus_ms(FOUND_AFTER_MS)
        });
        let directory = self.shards.directory();
        let records = ripe.filter_map(|shard| directory.record(shard, Epoch::ZERO));
        records
            .take(CHANGES_MAX)
            .map(|record| Action::Found(Arc::new(record.clone())))
    }

    /// The epochs of other shards that have begun and that the ledger has not heard of.
    fn changes(&self) -> impl Iterator<Item = Action> {
        let directory = self.shards.directory();
        let lagging = self.shards.others().filter_map(|committee| {
            let scope = committee.scope();
            let heard = self.ledger.epoch_of(scope.shard);
            (heard < scope.epoch).then_some((scope.shard, heard))
        });
        let changes = lagging.flat_map(|(shard, heard)| directory.changes(shard, heard));
        let known = |next: &ShardRecord| self.changes_aside.contains(&(next.shard, next.epoch));
        let news = changes.filter(move |change| !known(&change.next));
        news.take(CHANGES_MAX)
            .map(|change| Action::Change(Arc::clone(change)))
    }

    fn ending(&self) -> Option<Action> {
        self.succession.ending(self.shards.ours().quorum())
    }
}

/// Estimates what an action takes in a payload.
fn bytes(action: &Action) -> usize {
    match action {
        Action::Change(_) | Action::End(_) | Action::Found(_) => {
            bounds::SHARD_RECORD_BYTES_MAX + SIGNATURES
        }
        Action::Deliver(delivery) => delivery.parcels().map(estimate).sum(),
        Action::Prepare(transaction) => transaction.encoded_len(),
    }
}
