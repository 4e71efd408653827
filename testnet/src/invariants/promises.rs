//! S2, S3: a shard promises one vote on a transaction and one shard one decision, however often they
//! are asked; and nobody who waits for the decision to commit is told that there will be none.
//!
//! Paper: Section IV-C.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use consensus::replica::AppliedBlock;
use consensus::sbac::session::Stage;
use model::{Leaf, Outcome, Promise, ShardId, TransactionId};

use super::firsts::Firsts;
use super::{Judge, Sighting, What};

/// See the module.
#[derive(Default)]
pub struct Promises {
    firsts: Firsts,
    /// Whether each shard voted to commit.
    votes: BTreeMap<(TransactionId, ShardId), bool>,
    /// Who decided, and whether to commit.
    decisions: BTreeMap<TransactionId, (ShardId, bool)>,
    /// Who has voted to commit and does not know the end.
    prepared: BTreeSet<(TransactionId, ShardId)>,
    committed: BTreeSet<TransactionId>,
}

impl Promises {
    fn applied(&mut self, shard: ShardId, applied: &AppliedBlock) -> Result<(), String> {
        if !self.firsts.is_first(shard, applied) {
            return Ok(());
        }
        let done = &applied.applied;
        for (id, session) in &done.sessions {
            let stage = session.as_ref().map(|session| &session.stage);
            if let Some(Stage::Prepared(_)) = stage {
                self.prepared.insert((*id, shard));
            }
        }
        for result in &done.results {
            self.prepared.remove(&(result.transaction, shard));
            if result.outcome == Outcome::Committed {
                self.committed.insert(result.transaction);
            }
        }
        let mut leaves = done.outbox.iter();
        leaves.try_for_each(|leaf| self.promised(shard, leaf))
    }

    fn promised(&mut self, shard: ShardId, leaf: &Leaf) -> Result<(), String> {
        let id = leaf.transaction;
        match &leaf.promise {
            Promise::Prepared(vote) => {
                let vote = vote.is_commit();
                if *self.votes.entry((id, shard)).or_insert(vote) != vote {
                    return Err(format!("votes both ways on {id}"));
                }
            }
            Promise::Accept(verdict) => {
                let decision = (shard, verdict.is_commit());
                let first = *self.decisions.entry(id).or_insert(decision);
                if first != decision {
                    return Err(format!(
                        "decides {id} {decision:?}, it was {first:?} before"
                    ));
                }
            }
            Promise::NoDecision => {
                let waits = self.prepared.contains(&(id, leaf.to));
                if waits && self.committed.contains(&id) {
                    return Err(format!(
                        "denies that {id} was decided, to shard {}, which waits for it",
                        leaf.to
                    ));
                }
            }
            Promise::Acknowledged => {
                if self.prepared.contains(&(id, shard)) {
                    return Err(format!("acknowledges {id} and holds its locks"));
                }
            }
        }
        Ok(())
    }
}

impl Judge for Promises {
    fn rule(&self) -> &'static str {
        "promises"
    }

    fn see(&mut self, sighting: &Sighting<'_>) -> Result<(), String> {
        match sighting.what {
            What::Applied(applied) => self.applied(sighting.shard, applied),
            _ => Ok(()),
        }
    }
}
