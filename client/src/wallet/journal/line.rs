//! The lines of the journal, as they are in the file.

use model::encoding::Bytes;
use model::{Height, NetworkId, PublicKey, ShardId, Time, Transaction, TransactionId};
use model::{bounds, encoding};
use serde::{Deserialize, Serialize};

use super::state::Attempt;
use crate::outcome::Settled;
use crate::wallet::Order;
use crate::wallet::task::{Founded, Moving, Objected, Updated};

/// The version of the file.
pub(super) const VERSION: u32 = 1;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Line {
    /// The first line, and only the first.
    Journal {
        /// [`VERSION`].
        version: u32,
        /// The network of everything in the file.
        network: NetworkId,
    },
    /// A transaction is made, and is about to be sent.
    Begun {
        /// The transaction.
        id: TransactionId,
        /// The first transaction of the payment that this one is an attempt at.
        payment: TransactionId,
        /// What the user wants.
        intent: Intent,
        /// When it was made, by the clock of this machine.
        created: Time,
        /// The encoding of the transaction.
        transaction: Bytes,
    },
    /// It is known what became of a transaction.
    Closed {
        /// The transaction.
        id: TransactionId,
        /// What became of it.
        state: Closed,
    },
    /// The proof of a block has been seen.
    Seen {
        /// The shard.
        shard: ShardId,
        /// The height of the block.
        height: Height,
    },
}

/// What the user wants: the fingerprint of a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Intent {
    /// A payment.
    Pay(Order),
    /// One account of many, for their owner.
    Merge(PublicKey),
    /// All accounts of an owner in one shard.
    Move(Moving),
    /// A new shard.
    Found(Founded),
    /// The exclusion of a node.
    Object(Objected),
    /// A new list of nodes.
    Update(Updated),
}

impl Intent {
    /// Who signs.
    pub(crate) const fn owner(&self) -> PublicKey {
        match self {
            Self::Pay(order) => order.from,
            Self::Merge(owner) => *owner,
            Self::Move(moving) => moving.owner,
            Self::Found(founded) => founded.payer(),
            Self::Object(objected) => objected.payer(),
            Self::Update(updated) => updated.payer(),
        }
    }
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Closed {
    /// It is committed.
    Committed,
    /// It is aborted.
    Aborted,
    /// It can never be decided any more: it was not sent, its deadline is over, or another attempt
    /// has consumed its inputs.
    Abandoned,
}

impl Closed {
    /// What a decision makes of a transaction.
    pub(crate) fn of(settled: &Settled) -> Self {
        if settled.is_committed() {
            Self::Committed
        } else {
            Self::Aborted
        }
    }
}

impl Line {
    /// The line that records a new attempt.
    pub(super) fn begun(attempt: &Attempt) -> Self {
        Self::Begun {
            id: attempt.id,
            payment: attempt.payment,
            intent: attempt.intent.clone(),
            created: attempt.created,
            transaction: encoding::encode(&attempt.transaction).into(),
        }
    }
}

/// The transaction with this identifier that the bytes of a line are.
pub(super) fn transaction(id: &TransactionId, bytes: &[u8]) -> Result<Transaction, String> {
    let transaction: Transaction = encoding::decode(bytes, bounds::TRANSACTION_BYTES_MAX)
        .map_err(|reason| reason.to_string())?;
    if transaction.body.id() == *id {
        Ok(transaction)
    } else {
        Err("the transaction has another identifier".to_owned())
    }
}
