//! Outcomes: decisions whose proofs have been checked.
//!
//! Paper: Section IV-A, partial audit.

use std::time::Duration;

use model::key::Zip215;
use model::receipt::{CertifiedResult, Unproven};
use model::result::{AbortReason, Outcome};
use model::{Committee, Height, ShardId, Time, Transaction, TransactionId};
use tokio::time::Instant;

/// A shard's decision, proven: only [`Verified::check`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    result: CertifiedResult,
    members: usize,
}

/// Why a decision is not the one that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotVerified {
    /// It is about another transaction.
    #[error("the decision is about another transaction, {0}")]
    OtherTransaction(TransactionId),
    /// Its proof does not hold.
    #[error(transparent)]
    Unproven(#[from] Unproven),
}

impl Verified {
    /// Checks that the shard of `committee` made this decision, and about `transaction`.
    ///
    /// # Errors
    ///
    /// [`NotVerified`].
    pub fn check(
        result: CertifiedResult,
        transaction: &TransactionId,
        committee: &Committee,
    ) -> Result<Self, NotVerified> {
        let found = result.result.transaction;
        if found != *transaction {
            return Err(NotVerified::OtherTransaction(found));
        }
        result.verify(committee, &mut Zip215)?;
        Ok(Self {
            result,
            members: committee.size(),
        })
    }

    /// The decision with its proof.
    #[must_use]
    pub const fn result(&self) -> &CertifiedResult {
        &self.result
    }

    /// The decision.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        self.result.result.outcome
    }

    /// The shard that decided.
    #[must_use]
    pub const fn shard(&self) -> ShardId {
        self.result.shard()
    }

    /// The height of the block that decided.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.result.head.head.height
    }

    /// The block time of the decision.
    #[must_use]
    pub const fn time(&self) -> Time {
        self.result.head.head.time
    }

    /// How many members of the shard signed the head.
    #[must_use]
    pub fn signatures(&self) -> usize {
        self.result.head.certificate.signatures.len()
    }

    /// How many members the shard has.
    #[must_use]
    pub const fn members(&self) -> usize {
        self.members
    }
}

/// A decided transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Its identifier.
    pub id: TransactionId,
    /// The transaction.
    pub transaction: Transaction,
    /// The decision of each participant, in their order. Never empty. Of an aborted transaction some
    /// may be missing: the abort of one is the abort of all, and they may not have heard of it yet.
    pub decisions: Vec<Verified>,
    /// How long it took to submit the transaction and to see and check its decisions, in
    /// milliseconds.
    pub milliseconds: u64,
    /// Whether an earlier command had made the transaction, and this one took it up.
    pub resumed: bool,
}

impl Settled {
    /// A decided transaction that was asked for at `started`.
    pub(crate) fn new(
        id: TransactionId,
        transaction: Transaction,
        decisions: Vec<Verified>,
        started: Instant,
    ) -> Self {
        Self {
            id,
            transaction,
            decisions,
            milliseconds: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            resumed: false,
        }
    }

    /// The decision: an abort if any participant aborted.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let mut outcomes = self.decisions.iter().map(Verified::outcome);
        outcomes
            .find(|outcome| *outcome != Outcome::Committed)
            .unwrap_or(Outcome::Committed)
    }

    /// Why it was aborted, and by which shard: by one that refused it, rather than by one that only
    /// heard so. `None` if it was not.
    #[must_use]
    pub fn cause(&self) -> Option<(ShardId, AbortReason)> {
        cause(self.decisions.iter().map(Verified::result))
    }

    /// Whether some committed it and others aborted it, as honest shards never do.
    #[must_use]
    pub fn is_split(&self) -> bool {
        let committed = |decision: &&Verified| decision.outcome() == Outcome::Committed;
        let commits = self.decisions.iter().filter(committed).count();
        commits > 0 && commits < self.decisions.len()
    }

    /// Whether the decisions of all participants are there, so that a receipt can be made of them.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.decisions.len() == self.transaction.body.participants.len()
    }

    /// Whether all participants committed.
    #[must_use]
    pub fn is_committed(&self) -> bool {
        self.outcome() == Outcome::Committed
    }
}

/// Of the decisions on one transaction, the abort that says most about why.
pub(crate) fn cause<'a>(
    decisions: impl Iterator<Item = &'a CertifiedResult>,
) -> Option<(ShardId, AbortReason)> {
    let mut heard = None;
    for decision in decisions {
        match decision.result.outcome {
            Outcome::Committed => {}
            Outcome::Aborted(reason @ AbortReason::Refused { .. }) => {
                heard = heard.or(Some((decision.shard(), reason)));
            }
            Outcome::Aborted(reason) => return Some((decision.shard(), reason)),
        }
    }
    heard
}

/// Nobody could say in time what became of a transaction. It may still commit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no decision from shard {shard} after {} s ({answering} of {members} members answering, \
     {needed} needed)",
    .waited.as_secs_f64().round()
)]
pub struct OutcomeUnknown {
    /// The transaction.
    pub transaction: TransactionId,
    /// The shard that has not decided, or has not said so.
    pub shard: ShardId,
    /// How long it was waited for.
    pub waited: Duration,
    /// How many members of the shard answered.
    pub answering: usize,
    /// How many members the shard has.
    pub members: usize,
    /// How many must take part in a decision.
    pub needed: usize,
}
