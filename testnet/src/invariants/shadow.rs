//! S17: a shard that forgets what has ended says and does what it would have if it never forgot, but for
//! acknowledging again, and denying what nobody waits for.
//!
//! The shadow is a ledger of the same shard to which everything that it forgets is given back. That a
//! denial hurts nobody is the business of [`super::promises`].

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use consensus::ledger::Decided;
use consensus::message::entries_of_final;
use consensus::replica::AppliedBlock;
use consensus::{Ledger, Shards};
use model::{Checkers, EpochChange, Leaf, Promise, TransactionId};

use super::{Judge, Sighting, What};
use crate::simulation::Setting;

/// See the module.
pub struct Shadow {
    ledger: Ledger,
    shards: Shards,
    checkers: Arc<dyn Checkers>,
    /// All that has ever ended.
    records: BTreeMap<TransactionId, Decided>,
    /// Whether there is anything to compare: a shard alone says nothing to anybody.
    alone: bool,
}

impl Shadow {
    /// The shadow of a shard at the beginning.
    #[must_use]
    pub fn new(setting: &Setting) -> Self {
        Self {
            ledger: setting.ledger(),
            shards: setting.shards.clone(),
            checkers: Arc::clone(&setting.checkers),
            records: BTreeMap::new(),
            alone: setting.genesis.shards.len() == 1,
        }
    }

    fn entered(&mut self, change: &EpochChange) {
        let change = Arc::new(change.clone());
        if self.shards.directory_mut().follow(&change) == Ok(true) && self.shards.enter() {
            self.ledger.scope.epoch = change.next.epoch;
        }
    }

    fn applied(&mut self, applied: &AppliedBlock) -> Result<(), String> {
        let (block, done) = (&applied.block, &applied.applied);
        if self.alone || block.header.height <= self.ledger.tip.height {
            return Ok(());
        }
        let actions =
            entries_of_final(block, &self.shards).map_err(|refused| refused.to_string())?;
        let shadow = self.ledger.apply(block, &actions, &*self.checkers);
        for (id, record) in &shadow.decided {
            match record {
                Some(record) => drop(self.records.insert(*id, *record)),
                None => {
                    let record = self.records.get(id).copied();
                    let again = record.map(|record| (*id, record));
                    self.ledger.state.decided.extend(again);
                }
            }
        }
        if (&shadow.results, &shadow.sessions) != (&done.results, &done.sessions)
            || (&shadow.consumed, &shadow.created) != (&done.consumed, &done.created)
        {
            return Err("does what it would not do if it forgot nothing".to_owned());
        }
        let differs = |leaf: &&Leaf| match leaf.promise {
            Promise::Acknowledged => false,
            Promise::NoDecision => {
                shadow.outbox.contains(leaf) != done.outbox.contains(leaf)
                    && !self.records.contains_key(&leaf.transaction)
            }
            Promise::Prepared(_) | Promise::Accept(_) => {
                shadow.outbox.contains(leaf) != done.outbox.contains(leaf)
            }
        };
        match shadow.outbox.iter().chain(&done.outbox).find(differs) {
            Some(leaf) => Err(format!("differs in {leaf:?} from one that forgets nothing")),
            None => Ok(()),
        }
    }
}

impl Judge for Shadow {
    fn rule(&self) -> &'static str {
        "shadow"
    }

    fn see(&mut self, sighting: &Sighting<'_>) -> Result<(), String> {
        match sighting.what {
            What::Applied(applied) => self.applied(applied),
            What::Entered(change) => {
                self.entered(change);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
