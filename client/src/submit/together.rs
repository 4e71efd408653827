//! What the shards that a transaction concerns say about it, put together.
//!
//! They commit it together or not at all, so less than all of them may be enough to know:
//!
//! - One proven abort is the abort of all. A shard aborts because it voted against the transaction, or
//!   because another one did, or because nobody will decide it; in none of these cases does any shard
//!   commit. The others may not have heard of it yet, and may hold its objects until they have.
//! - A shard that is past the deadline and has neither decided nor begun the transaction has not voted
//!   on it and never will, and without its vote nobody commits. Other shards may have voted, and will
//!   record an abort when they hear of it, or have recorded one already.
//! - One proven commit is a commit that the others have yet to carry out. Whoever says anything else is
//!   not believed, and until they have it is not called committed either.
//!
//! Paper: Section V-A, Security Theorem 3, atomicity.

use model::result::Outcome;
use model::{ShardId, TransactionId};
use tokio::time::Instant;

use super::Fate;
use crate::api::Api;
use crate::connection::Client;
use crate::error::Error;
use crate::outcome::{OutcomeUnknown, Verified};

/// What has been heard of the shards so far.
#[derive(Default)]
pub(crate) struct Together {
    decisions: Vec<Verified>,
    never: bool,
    out_of_time: bool,
    under_way: bool,
    /// Whether the transaction may be with a node.
    sent: bool,
    /// The shard of which least is known.
    open: Option<(OutcomeUnknown, Option<Error>)>,
}

impl Together {
    /// One shard has decided, and nothing is known of the others.
    pub(crate) fn with(decision: Verified) -> Self {
        let mut together = Self::default();
        together.hear(Fate::Decided(decision));
        together
    }

    /// A shard says this.
    pub(crate) fn hear(&mut self, fate: Fate<Verified>) {
        match fate {
            Fate::Decided(decision) => {
                self.decisions.push(decision);
                self.sent = true;
            }
            Fate::Never => self.never = true,
            Fate::OutOfTime => {
                self.out_of_time = true;
                self.sent = true;
            }
            Fate::Open {
                unknown,
                unsent,
                under_way,
            } => {
                self.sent |= unsent.is_none();
                self.under_way |= under_way;
                let fewest = self.open.as_ref().map(|(known, _)| known.answering);
                if fewest.is_none_or(|fewest| unknown.answering < fewest) {
                    self.open = Some((unknown, unsent));
                }
            }
        }
    }

    /// Whether the decision of a shard is known.
    pub(super) fn knows(&self, shard: ShardId) -> bool {
        self.decisions.iter().any(|known| known.shard() == shard)
    }

    fn is_decided(&self, committed: bool) -> bool {
        let mut outcomes = self.decisions.iter().map(Verified::outcome);
        outcomes.any(|outcome| (outcome == Outcome::Committed) == committed)
    }

    /// Whether it is known that no shard commits the transaction.
    pub(crate) fn cannot_commit(&self) -> bool {
        (self.never || self.is_decided(false)) && !self.is_decided(true)
    }

    /// What all of it comes to, for a transaction that concerns these shards. `unknown` is asked of a
    /// shard that has said nothing of use.
    pub(crate) fn conclude(
        mut self,
        participants: &[ShardId],
        unknown: impl Fn(ShardId) -> OutcomeUnknown,
    ) -> Fate<Vec<Verified>> {
        self.decisions.sort_by_key(Verified::shard);
        let missing = participants.iter().find(|shard| !self.knows(**shard));
        let Some(missing) = missing.copied() else {
            return Fate::Decided(self.decisions);
        };
        let begun = self.is_decided(true);
        if self.is_decided(false) && !begun {
            return Fate::Decided(self.decisions);
        }
        if self.never && !begun {
            return Fate::Never;
        }
        if self.out_of_time && !begun && self.open.is_none() {
            return Fate::OutOfTime;
        }
        let (unknown, unsent) = self.open.unwrap_or_else(|| (unknown(missing), None));
        Fate::Open {
            unknown,
            unsent: unsent.filter(|_| !self.sent),
            under_way: self.under_way || begun,
        }
    }
}

impl<A: Api> Client<A> {
    /// That a shard has not said what it decided, although it was asked since `started`.
    pub(crate) fn unknown(
        &self,
        transaction: TransactionId,
        shard: ShardId,
        started: Instant,
        answering: usize,
    ) -> OutcomeUnknown {
        let committee = self.committee(shard).ok();
        OutcomeUnknown {
            transaction,
            shard,
            waited: started.elapsed(),
            answering,
            members: committee.as_ref().map_or(0, model::Committee::size),
            needed: committee.as_ref().map_or(0, model::Committee::quorum),
        }
    }
}
