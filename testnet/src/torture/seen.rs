//! What the wallets have seen proven, to be compared with what the nodes have on their disks.

use std::collections::{BTreeMap, BTreeSet};

use client::Event;
use model::{AbortReason, Invalid, Outcome, TransactionId};

/// What the wallets know.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Every decision whose proof was checked.
    pub(super) decided: BTreeMap<TransactionId, Outcome>,
    /// Transactions that one shard committed and another aborted.
    pub(super) split: BTreeSet<TransactionId>,
}

impl Seen {
    /// Notes what a wallet is told.
    pub(super) fn hear(&mut self, event: &Event) {
        if let Event::Verified {
            transaction,
            outcome,
            ..
        } = event
        {
            self.decide(*transaction, *outcome);
        }
    }

    /// Notes a decision: of several that abort, the one that says why.
    pub(super) fn decide(&mut self, transaction: TransactionId, outcome: Outcome) {
        let known = self.decided.entry(transaction).or_insert(outcome);
        let committed = |outcome: &Outcome| *outcome == Outcome::Committed;
        if committed(known) != committed(&outcome) {
            self.split.insert(transaction);
        }
        if let Outcome::Aborted(AbortReason::Refused { .. }) = known {
            *known = outcome;
        }
    }

    /// Committed transactions, and aborted ones by reason.
    pub(super) fn count(&self) -> (u64, BTreeMap<&'static str, u64>) {
        let mut committed = 0;
        let mut aborted = BTreeMap::new();
        for outcome in self.decided.values() {
            match outcome {
                Outcome::Committed => committed += 1,
                Outcome::Aborted(reason) => *aborted.entry(word(reason)).or_default() += 1,
            }
        }
        (committed, aborted)
    }
}

/// A reason in a word or two.
const fn word(reason: &AbortReason) -> &'static str {
    match reason {
        AbortReason::Invalid(Invalid::NotActive { .. }) => "spent before",
        AbortReason::Invalid(_) => "not valid",
        AbortReason::Locked { .. } => "locked",
        AbortReason::Home { .. } => "wrong home",
        AbortReason::Decider { .. } => "wrong decider",
        AbortReason::Deadline => "deadline",
        AbortReason::Refused { .. } => "refused elsewhere",
    }
}
