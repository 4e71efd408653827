//! S3: a transaction is decided at most once, in a block within its time.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use consensus::replica::AppliedBlock;
use model::statement::Height;
use model::{Outcome, TransactionId};

use super::{Judge, Sighting, What};

/// How long before its deadline a transaction may be decided, in milliseconds: sbac.md, 5.2.
const WINDOW_MS: u64 = 60_000;

/// See the module.
#[derive(Default)]
pub struct Decisions {
    decided: BTreeMap<TransactionId, (Height, Outcome)>,
}

impl Decisions {
    fn applied(&mut self, applied: &AppliedBlock) -> Result<(), String> {
        let header = &applied.block.header;
        let (height, time) = (header.height, header.time.as_ms());
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
        for transaction in &done.transactions {
            let until = transaction.body().valid_until.as_ms();
            if !(until.saturating_sub(WINDOW_MS)..=until).contains(&time) {
                return Err(format!(
                    "transaction {} was decided at {time}, it is valid until {until}",
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
