//! S3: a transaction is decided at most once in a shard, and begun there in a block within its time.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use consensus::replica::AppliedBlock;
use model::statement::Height;
use model::{Outcome, TransactionId};

use super::{Judge, Sighting, What};

/// How long before its deadline a transaction may be begun, in milliseconds: sbac.md, 5.2.
const WINDOW_MS: u64 = 60_000;

/// See the module.
#[derive(Default)]
pub struct Decisions {
    /// The time of each block.
    times: BTreeMap<Height, u64>,
    decided: BTreeMap<TransactionId, (Height, Outcome)>,
}

impl Decisions {
    fn applied(&mut self, applied: &AppliedBlock) -> Result<(), String> {
        let header = &applied.block.header;
        let (height, time) = (header.height, header.time.as_ms());
        self.times.insert(height, time);
        let done = &applied.applied;
        for result in &done.results {
            let decision = (height, result.outcome);
            let id = result.transaction;
            let first = *self.decided.entry(id).or_insert(decision);
            if first != decision {
                return Err(format!(
                    "transaction {id} was decided {decision:?}, and {first:?} before"
                ));
            }
        }
        for (transaction, prepared) in &done.concluded {
            let until = transaction.body().valid_until.as_ms();
            let begun = self.times.get(prepared);
            let in_time = begun
                .is_some_and(|begun| (until.saturating_sub(WINDOW_MS)..=until).contains(begun));
            if !in_time {
                return Err(format!(
                    "transaction {} was begun at {begun:?}, it is valid until {until}",
                    transaction.body().id()
                ));
            }
        }
        Ok(())
    }
}

impl Judge for Decisions {
    fn rule(&self) -> &'static str {
        "decisions"
    }

    fn see(&mut self, sighting: &Sighting<'_>) -> Result<(), String> {
        match sighting.what {
            What::Applied(applied) => self.applied(applied),
            _ => Ok(()),
        }
    }
}
