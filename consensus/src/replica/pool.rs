//! What waits to be sequenced, as a leader proposes it and as a member passes it on.

use std::collections::BTreeSet;

use model::block::{EntryRef, encode_borrowed};
use model::bounds;
use model::encoding::Bytes;
use model::transaction::Authorized;
use model::{Time, TransactionId};

use crate::action::{Action, ActionKey};
use crate::bft::Work;
use crate::ledger::Ledger;
use crate::mempool::{Mempool, PAYLOAD_ROOM};
use crate::message::{Message, TRANSACTIONS_MAX};
use crate::sbac::inbox::Inbox;
use crate::sbac::letter::estimate;

/// The share of a payload that promises of other shards may take: transactions that have begun come
/// before those that have not, and must not keep them out.
const DELIVERIES_ROOM: usize = PAYLOAD_ROOM / 2;

/// Deliveries in one payload.
const DELIVERIES: usize = bounds::ENTRIES_MAX / 2;

/// What waits, as a leader sees it.
pub(super) struct Pool<'a> {
    pub(super) mempool: &'a mut Mempool,
    pub(super) inbox: &'a mut Inbox,
    pub(super) ledger: &'a Ledger,
    /// What the timer shows.
    pub(super) timer: Time,
}

impl Work for Pool<'_> {
    fn set_aside(&mut self, elsewhere: BTreeSet<ActionKey>) {
        self.inbox.set_aside(&elsewhere);
        let transactions = elsewhere.into_iter().filter_map(|key| match key {
            ActionKey::Transaction(id) => Some(id),
            ActionKey::Parcel(_) => None,
        });
        self.mempool
            .set_aside(transactions.collect::<BTreeSet<TransactionId>>());
    }

    fn waits(&self, time: Time) -> bool {
        let due = self.ledger.next_alarm().is_some_and(|alarm| alarm < time);
        due || self.inbox.is_urgent(self.timer)
            || self
                .mempool
                .ready()
                .any(|transaction| self.ledger.is_wanted(transaction, time))
    }

    fn payload(&self, time: Time) -> (Bytes, Vec<Action>) {
        let deliveries = self.inbox.payload(DELIVERIES_ROOM, DELIVERIES);
        let bytes = deliveries.iter().map(delivery_bytes).sum();
        let chosen = self.mempool.payload_beside(
            |transaction| self.ledger.is_wanted(transaction, time),
            deliveries.len(),
            bytes,
        );
        // Transactions come first: the votes on them may be among the deliveries.
        let mut actions: Vec<Action> = chosen.into_iter().map(Action::Prepare).collect();
        actions.extend(deliveries);
        let entries: Vec<EntryRef<'_>> = actions.iter().map(Action::as_entry).collect();
        (encode_borrowed(&entries), actions)
    }
}

fn delivery_bytes(action: &Action) -> usize {
    match action {
        Action::Deliver(delivery) => delivery.parcels().map(estimate).sum(),
        Action::Prepare(transaction) => transaction.encoded_len(),
    }
}

/// Messages that pass transactions on, none of them longer than a payload may be.
pub(super) fn pass_on(transactions: &[Authorized]) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut batch = Vec::new();
    let mut room = bounds::PAYLOAD_BYTES_MAX;
    for transaction in transactions {
        let bytes = transaction.encoded_len();
        if bytes > room || batch.len() == TRANSACTIONS_MAX {
            messages.push(Message::Transactions(std::mem::take(&mut batch)));
            room = bounds::PAYLOAD_BYTES_MAX;
        }
        room = room.saturating_sub(bytes);
        batch.push(transaction.transaction().clone());
    }
    if !batch.is_empty() {
        messages.push(Message::Transactions(batch));
    }
    messages
}
