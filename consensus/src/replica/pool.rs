//! The waiting transactions, as a leader proposes them and as a member passes them on.

use std::collections::BTreeSet;

use model::block::encode_prepared;
use model::bounds;
use model::encoding::Bytes;
use model::transaction::Authorized;
use model::{Time, TransactionId};

use crate::bft::Work;
use crate::ledger::Ledger;
use crate::mempool::Mempool;
use crate::message::{Message, TRANSACTIONS_MAX};

/// The pool, as a leader sees it.
pub(super) struct Pool<'a> {
    pub(super) mempool: &'a mut Mempool,
    pub(super) ledger: &'a Ledger,
}

impl Work for Pool<'_> {
    fn set_aside(&mut self, elsewhere: BTreeSet<TransactionId>) {
        self.mempool.set_aside(elsewhere);
    }

    fn waits(&self, time: Time) -> bool {
        self.mempool
            .ready()
            .any(|transaction| self.ledger.is_open(transaction, time))
    }

    fn payload(&self, time: Time) -> (Bytes, Vec<Authorized>) {
        let chosen = self
            .mempool
            .payload(|transaction| self.ledger.is_open(transaction, time));
        let payload = encode_prepared(chosen.iter().map(Authorized::transaction));
        (payload, chosen)
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
