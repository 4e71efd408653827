//! S1, S17: whatever one shard does with a transaction, no other shard does the opposite, and none does
//! anything with it a second time. S14: dishonest shards change nothing about that, unless a transaction
//! is theirs to decide; even then nobody commits it before all honest shards that it concerns have voted
//! for it.
//!
//! Nothing is ever forgotten here, unlike in the shards. Paper: Section V-A, S-BAC Theorem 2.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use consensus::replica::AppliedBlock;
use consensus::sbac::session::Stage;
use model::transaction::TransactionBody;
use model::{Outcome, Promise, ShardId, TransactionId, Verdict};

use super::firsts::Firsts;
use super::{Judge, Sighting, What};
use crate::simulation::Trust;

/// How far a shard is with a transaction of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It has voted to commit.
    Prepared,
    /// It has committed or aborted.
    Ended {
        /// Which of the two.
        committed: bool,
    },
}

/// See the module.
#[derive(Default)]
pub struct Atomicity {
    firsts: Firsts,
    trust: Trust,
    places: BTreeMap<(TransactionId, ShardId), Place>,
    /// Who has voted to commit at some time.
    prepared: BTreeSet<(TransactionId, ShardId)>,
    /// How each transaction has ended, and where it was the first time.
    ends: BTreeMap<TransactionId, (ShardId, bool)>,
}

impl Atomicity {
    /// Some of the shards may be dishonest, and nobody looks at these.
    #[must_use]
    pub fn new(trust: Trust) -> Self {
        Self {
            trust,
            ..Self::default()
        }
    }

    fn applied(&mut self, shard: ShardId, applied: &AppliedBlock) -> Result<(), String> {
        if !self.firsts.is_first(shard, applied) {
            return Ok(());
        }
        let done = &applied.applied;
        // One block may prepare a transaction and end it; the vote is made all the same.
        let votes = done.outbox.iter();
        let commits = votes.filter(|leaf| leaf.promise == Promise::Prepared(Verdict::Commit));
        self.prepared
            .extend(commits.map(|leaf| (leaf.transaction, shard)));
        for (id, session) in &done.sessions {
            let stage = session.as_ref().map(|session| &session.stage);
            if let Some(Stage::Prepared(_)) = stage {
                self.prepared(*id, shard)?;
            }
        }
        for ((transaction, _), result) in done.concluded.iter().zip(&done.results) {
            let body = transaction.body();
            if body.participants.len() > 1 {
                let committed = result.outcome == Outcome::Committed;
                self.ended(result.transaction, shard, committed, body)?;
            }
        }
        Ok(())
    }

    fn prepared(&mut self, id: TransactionId, shard: ShardId) -> Result<(), String> {
        self.prepared.insert((id, shard));
        match self.places.insert((id, shard), Place::Prepared) {
            Some(Place::Ended { .. }) => Err(format!("prepared {id} again, which had ended here")),
            Some(Place::Prepared) | None => Ok(()),
        }
    }

    fn ended(
        &mut self,
        id: TransactionId,
        shard: ShardId,
        committed: bool,
        body: &TransactionBody,
    ) -> Result<(), String> {
        let place = Place::Ended { committed };
        if let Some(Place::Ended { .. }) = self.places.insert((id, shard), place) {
            return Err(format!("ended {id} again"));
        }
        let (first, commits) = *self.ends.entry(id).or_insert((shard, committed));
        if commits != committed && !self.trust.is_bribed(body) {
            return Err(format!(
                "{} {id}, which shard {first} {}",
                words(committed),
                words(commits)
            ));
        }
        let others = body.participants.iter().filter(|other| **other != shard);
        let honest = others.filter(|other| !self.trust.is_dishonest(**other));
        for other in honest.filter(|_| committed) {
            let decided = self.places.get(&(id, *other)) == Some(&Place::Ended { committed });
            if !decided && !self.prepared.contains(&(id, *other)) {
                return Err(format!("committed {id}, and shard {other} is not prepared"));
            }
        }
        Ok(())
    }
}

impl Judge for Atomicity {
    fn rule(&self) -> &'static str {
        "atomicity"
    }

    fn see(&mut self, sighting: &Sighting<'_>) -> Result<(), String> {
        match sighting.what {
            What::Applied(applied) => self.applied(sighting.shard, applied),
            _ => Ok(()),
        }
    }
}

const fn words(committed: bool) -> &'static str {
    if committed { "committed" } else { "aborted" }
}
