//! What is sent: transactions that were built and signed before the clock started.

use model::{Transaction, TransactionId};

/// A transaction that is ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) id: TransactionId,
    pub(crate) transaction: Transaction,
}

/// Transactions in lanes. Of each lane one is under way at a time: the next one may spend what it makes.
pub(crate) trait Load {
    /// How many lanes there are.
    fn lanes(&self) -> usize;

    /// Takes the next transaction of a lane. `None`: it has no more.
    fn next(&mut self, lane: usize) -> Option<Ready>;
}
