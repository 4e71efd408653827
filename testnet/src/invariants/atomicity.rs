//! S1, S17: whatever one shard does with a transaction, no other shard does the opposite, and none does
//! anything with it a second time.
//!
//! Nothing is ever forgotten here, unlike in the shards. Paper: Section V-A, S-BAC Theorem 2.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use consensus::replica::AppliedBlock;
use consensus::sbac::session::Stage;
use model::{Outcome, ShardId, TransactionId};

use super::firsts::Firsts;
use super::{Judge, Sighting, What};

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
    places: BTreeMap<(TransactionId, ShardId), Place>,
    /// How each transaction has ended, and where it was the first time.
    ends: BTreeMap<TransactionId, (ShardId, bool)>,
}

impl Atomicity {
    fn applied(&mut self, shard: ShardId, applied: &AppliedBlock) -> Result<(), String> {
        if !self.firsts.is_first(shard, applied) {
            return Ok(());
        }
        let done = &applied.applied;
        for (id, session) in &done.sessions {
            let stage = session.as_ref().map(|session| &session.stage);
            if let Some(Stage::Prepared(_)) = stage {
                self.prepared(*id, shard)?;
            }
        }
        for ((transaction, _), result) in done.concluded.iter().zip(&done.results) {
            let participants = &transaction.body().participants;
            if participants.len() > 1 {
                let committed = result.outcome == Outcome::Committed;
                self.ended(result.transaction, shard, committed, participants)?;
            }
        }
        Ok(())
    }

    fn prepared(&mut self, id: TransactionId, shard: ShardId) -> Result<(), String> {
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
        participants: &[ShardId],
    ) -> Result<(), String> {
        let place = Place::Ended { committed };
        if let Some(Place::Ended { .. }) = self.places.insert((id, shard), place) {
            return Err(format!("ended {id} again"));
        }
        let (first, commits) = *self.ends.entry(id).or_insert((shard, committed));
        if commits != committed {
            return Err(format!(
                "{} {id}, which shard {first} {}",
                words(committed),
                words(commits)
            ));
        }
        let others = participants.iter().filter(|other| **other != shard);
        for other in others.filter(|_| committed) {
            let place = self.places.get(&(id, *other));
            if place.is_none() {
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
