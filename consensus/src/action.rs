//! Actions: what a block tells the ledger to do, checked.

use std::sync::Arc;

use model::block::{Entry, EntryRef};
use model::transaction::Authorized;
use model::{Delivery, Ending, Epoch, EpochChange, Height, ShardId, ShardRecord, TransactionId};

/// An entry of a block, whose form and signatures have been checked. A clone shares it.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// See [`Entry::Prepare`].
    Prepare(Authorized),
    /// See [`Entry::Deliver`].
    Deliver(Arc<Delivery>),
    /// See [`Entry::Change`].
    Change(Arc<EpochChange>),
    /// See [`Entry::End`].
    End(Arc<Ending>),
    /// See [`Entry::Found`].
    Found(Arc<ShardRecord>),
}

/// What tells the actions of a shard apart, so that none is proposed twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ActionKey {
    /// The transaction.
    Transaction(TransactionId),
    /// The leaves: whose, under which head, and where they begin.
    Parcel(ParcelKey),
    /// The shard that begins an epoch, and the epoch: another one, or ours.
    Epoch(ShardId, Epoch),
}

/// What tells the parcels of all shards apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ParcelKey {
    /// The shard that speaks.
    pub from: ShardId,
    /// The height of the head.
    pub height: Height,
    /// The index of the first leaf.
    pub first: u64,
}

impl ParcelKey {
    /// The key of a delivery's parcel.
    #[must_use]
    pub const fn of(delivery: &Delivery) -> Self {
        let parcel = &delivery.parcel;
        Self {
            from: parcel.from(),
            height: parcel.head.head.height,
            first: parcel.proof.first,
        }
    }
}

impl Action {
    /// What tells it apart from others.
    #[must_use]
    pub fn key(&self) -> ActionKey {
        match self {
            Self::Prepare(transaction) => ActionKey::Transaction(transaction.id()),
            Self::Deliver(delivery) => ActionKey::Parcel(ParcelKey::of(delivery)),
            Self::Change(change) => epoch_key(&change.next),
            Self::End(ending) => epoch_key(&ending.plan.next),
            Self::Found(record) => epoch_key(record),
        }
    }

    /// The entry, to be encoded.
    #[must_use]
    pub fn as_entry(&self) -> EntryRef<'_> {
        match self {
            Self::Prepare(transaction) => EntryRef::Prepare(transaction.transaction()),
            Self::Deliver(delivery) => EntryRef::Deliver(delivery),
            Self::Change(change) => EntryRef::Change(change),
            Self::End(ending) => EntryRef::End(ending),
            Self::Found(record) => EntryRef::Found(record),
        }
    }

    /// The transaction that it prepares.
    #[must_use]
    pub const fn prepares(&self) -> Option<&Authorized> {
        match self {
            Self::Prepare(transaction) => Some(transaction),
            Self::Deliver(_) | Self::Change(_) | Self::End(_) | Self::Found(_) => None,
        }
    }

    /// The entry, copied.
    #[must_use]
    pub fn to_entry(&self) -> Entry {
        match self {
            Self::Prepare(transaction) => Entry::Prepare(transaction.transaction().clone()),
            Self::Deliver(delivery) => Entry::Deliver((**delivery).clone()),
            Self::Change(change) => Entry::Change((**change).clone()),
            Self::End(ending) => Entry::End((**ending).clone()),
            Self::Found(record) => Entry::Found((**record).clone()),
        }
    }
}

const fn epoch_key(next: &ShardRecord) -> ActionKey {
    ActionKey::Epoch(next.shard, next.epoch)
}
