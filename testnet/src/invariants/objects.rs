//! S4, S5, S9: an object appears once and disappears at most once, nothing else is active, and the
//! supply of CSCoin is what genesis says.
//!
//! The set of active objects is kept here by walking the traces of committed transactions; the state
//! of every honest node is compared with it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use consensus::Ledger;
use consensus::replica::AppliedBlock;
use model::encoding;
use model::statement::Height;
use model::{Genesis, NetworkId, Object, ObjectId, Outcome, PublicKey, Trace};

use super::{Judge, Sighting, What};
use crate::simulation::SHARD;

/// See the module.
pub struct Objects {
    network: NetworkId,
    /// What is active after the highest block that anybody applied.
    active: BTreeSet<ObjectId>,
    /// What was active after each block: what the block added and what it took away.
    changes: BTreeMap<Height, (BTreeSet<ObjectId>, BTreeSet<ObjectId>)>,
    /// The highest block that anybody applied.
    highest: Height,
    ever: BTreeSet<ObjectId>,
    consumed: BTreeSet<ObjectId>,
    /// What each account holds; identifiers bind contents.
    balances: BTreeMap<ObjectId, u64>,
    supply: u64,
}

impl Objects {
    /// What is active at the beginning.
    #[must_use]
    pub fn new(genesis: &Genesis) -> Self {
        let objects = genesis.objects_of(SHARD);
        let active: BTreeSet<ObjectId> = objects.keys().copied().collect();
        let balances: BTreeMap<ObjectId, u64> = objects
            .iter()
            .map(|(id, object)| (*id, balance(object)))
            .collect();
        Self {
            network: genesis.network(),
            ever: active.clone(),
            active,
            changes: BTreeMap::new(),
            highest: Height::ZERO,
            consumed: BTreeSet::new(),
            supply: balances.values().sum(),
            balances,
        }
    }

    /// The first node to get to a height shows what happened there.
    fn applied(&mut self, applied: &AppliedBlock) -> Result<(), String> {
        let height = applied.block.header.height;
        if height <= self.highest {
            return Ok(());
        }
        self.highest = height;
        let before = self.active.clone();
        let done = &applied.applied;
        if done.transactions.len() != done.results.len() {
            return Err(format!(
                "height {height} has not one result for each transaction"
            ));
        }
        for (transaction, result) in done.transactions.iter().zip(&done.results) {
            if transaction.body().id() != result.transaction {
                return Err(format!("height {height} has results in another order"));
            }
            if result.outcome == Outcome::Committed {
                for trace in &transaction.body().traces {
                    self.walk(trace)?;
                }
            }
        }
        let added = self.active.difference(&before).copied().collect();
        let taken = before.difference(&self.active).copied().collect();
        self.changes.insert(height, (added, taken));
        Ok(())
    }

    /// A trace was accepted: its inputs disappear and its outputs appear, dependencies first.
    fn walk(&mut self, trace: &Trace) -> Result<(), String> {
        for dependency in &trace.dependencies {
            self.walk(dependency)?;
        }
        for input in &trace.inputs {
            if !self.consumed.insert(*input) {
                return Err(format!("object {input} was consumed twice"));
            }
            if !self.active.remove(input) {
                return Err(format!("object {input} was consumed and never created"));
            }
        }
        for object in trace.objects(trace.id(&self.network)) {
            let id = object.id();
            if !self.ever.insert(id) {
                return Err(format!("object {id} was created twice"));
            }
            self.active.insert(id);
            self.balances.insert(id, balance(&object));
        }
        Ok(())
    }

    /// What should be active after the block at `height`.
    fn active_at(&self, height: Height) -> BTreeSet<ObjectId> {
        let mut active = self.active.clone();
        for (_, (added, taken)) in self.changes.range(height.next()..).rev() {
            active.retain(|id| !added.contains(id));
            active.extend(taken);
        }
        active
    }

    fn stands(&self, ledger: &Ledger) -> Result<(), String> {
        let height = ledger.tip.height;
        let expected = self.active_at(height);
        if !ledger.objects.keys().eq(&expected) {
            return Err(format!(
                "other objects are active at height {height} than should be"
            ));
        }
        let held: Option<u64> = expected
            .iter()
            .map(|id| self.balances.get(id).copied())
            .sum();
        if held != Some(self.supply) {
            return Err(format!(
                "the accounts at height {height} hold {held:?}, not {}",
                self.supply
            ));
        }
        Ok(())
    }
}

impl Judge for Objects {
    fn rule(&self) -> &'static str {
        "objects"
    }

    fn see(&mut self, sighting: &Sighting<'_>) -> Result<(), String> {
        match sighting.what {
            What::Applied(applied) => self.applied(applied),
            What::Stands(ledger) => self.stands(ledger),
            _ => Ok(()),
        }
    }
}

/// What an account holds: an account is its owner's key and a number.
fn balance(object: &Object) -> u64 {
    let content = &object.content;
    encoding::decode::<(PublicKey, u64)>(content, content.len()).map_or(0, |(_, balance)| balance)
}
