//! Transactions that wait: how they come to this member, and how it passes them on to the others.

use std::sync::Arc;

use model::bounds;
use model::transaction::Authorized;

use super::letters::REST_MS;
use super::{Output, Replica};
use crate::message::{Message, TRANSACTIONS_MAX};
use crate::time::Now;

impl Replica {
    /// Users' transactions go to all members, so that whoever leads next can propose them.
    ///
    /// Paper: Section IV-C, Initial Broadcast.
    pub(super) fn on_submitted(
        &mut self,
        now: Now,
        transactions: Vec<Authorized>,
        out: &mut Vec<Output>,
    ) {
        let taken: Vec<Authorized> = transactions
            .into_iter()
            .filter(|transaction| self.take_in(now, transaction))
            .collect();
        for message in pass_on(&taken) {
            out.push(Output::Broadcast(Arc::new(message)));
        }
    }

    /// Takes a transaction into the pool. Whether it is new there.
    pub(super) fn take_in(&mut self, now: Now, transaction: &Authorized) -> bool {
        // A block a little later may decide what a block now would not.
        let soon = now.clock.plus_ms(bounds::CLOCK_TOLERANCE_MS);
        let open = [now.clock, soon]
            .iter()
            .any(|time| self.ledger.is_wanted(transaction, *time));
        if !open {
            return false;
        }
        let id = transaction.id();
        let rests = self.ledger.decides(transaction) && !self.inbox.rouse(&id, now.timer);
        let transaction = transaction.clone();
        let taken = if rests {
            let until = now.timer.plus_ms(REST_MS);
            self.mempool.insert_resting(transaction, until)
        } else {
            self.mempool.insert(transaction)
        };
        taken.is_ok()
    }

    /// Messages that pass on the transactions that have waited longest, so many at most.
    pub(super) fn oldest(&self, count: usize) -> Vec<Message> {
        let waiting: Vec<_> = self.mempool.ready().take(count).cloned().collect();
        pass_on(&waiting)
    }
}

/// Messages that pass transactions on, none of them longer than a payload may be.
fn pass_on(transactions: &[Authorized]) -> Vec<Message> {
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
