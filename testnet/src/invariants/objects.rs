//! S4, S5: an object appears once and disappears at most once, and nothing else is active.
//!
//! The set of active objects of a shard is kept here by walking the traces of the transactions that
//! committed there; the state of every honest node is compared with it.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use consensus::Ledger;
use consensus::replica::AppliedBlock;
use model::statement::Height;
use model::transaction::Authorized;
use model::{Genesis, NetworkId, ObjectId, Outcome, ShardId, Trace};

use system_contracts::cscoin;

use super::{Judge, Sighting, What};
use crate::simulation::Trust;

/// See the module.
pub struct Objects {
    network: NetworkId,
    shard: ShardId,
    trust: Trust,
    /// What is active after the highest block that anybody applied.
    active: BTreeSet<ObjectId>,
    /// What was active after each block: what the block added and what it took away.
    changes: BTreeMap<Height, (BTreeSet<ObjectId>, BTreeSet<ObjectId>)>,
    /// The highest block that anybody applied.
    highest: Height,
    ever: BTreeSet<ObjectId>,
    consumed: BTreeSet<ObjectId>,
}

impl Objects {
    /// What is active in a shard at the beginning.
    #[must_use]
    pub fn new(genesis: &Genesis, shard: ShardId, trust: Trust) -> Self {
        let active: BTreeSet<ObjectId> = genesis.objects_of(shard).into_keys().collect();
        Self {
            network: genesis.network(),
            shard,
            trust,
            ever: active.clone(),
            active,
            changes: BTreeMap::new(),
            highest: Height::ZERO,
            consumed: BTreeSet::new(),
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
        if done.concluded.len() != done.results.len() {
            return Err(format!(
                "height {height} has not one result for each transaction"
            ));
        }
        for ((transaction, _), result) in done.concluded.iter().zip(&done.results) {
            if transaction.body().id() != result.transaction {
                return Err(format!("height {height} has results in another order"));
            }
            if result.outcome == Outcome::Committed {
                self.commit(transaction)?;
            }
        }
        let added = self.active.difference(&before).copied().collect();
        let taken = before.difference(&self.active).copied().collect();
        self.changes.insert(height, (added, taken));
        Ok(())
    }

    fn commit(&mut self, transaction: &Authorized) -> Result<(), String> {
        let openings = transaction.transaction().openings.iter();
        let here = openings.filter(|object| object.home == self.shard);
        let mut here: BTreeSet<ObjectId> = here.map(model::Object::id).collect();
        self.excuse(transaction);
        let mut traces = transaction.body().traces.iter();
        traces.try_for_each(|trace| self.walk(trace, &mut here))
    }

    /// A dishonest shard may vouch for an input twice, if the contract trusts it; what is made of the input
    /// is then made twice, and what is made of that.
    fn excuse(&mut self, transaction: &Authorized) {
        for trace in &transaction.body().traces {
            if self.trust.is_isolated() && trace.contract == cscoin::id() {
                continue;
            }
            for object in trace.objects(trace.id(&self.network)) {
                self.ever.remove(&object.id());
                self.consumed.remove(&object.id());
            }
        }
    }

    /// A trace was accepted: its inputs that live `here` disappear and its outputs that do appear,
    /// dependencies first.
    fn walk(&mut self, trace: &Trace, here: &mut BTreeSet<ObjectId>) -> Result<(), String> {
        for dependency in &trace.dependencies {
            self.walk(dependency, here)?;
        }
        for input in trace.inputs.iter().filter(|input| here.contains(input)) {
            if !self.consumed.insert(*input) {
                return Err(format!("object {input} was consumed twice"));
            }
            if !self.active.remove(input) {
                return Err(format!("object {input} was consumed and never created"));
            }
        }
        let created = trace.objects(trace.id(&self.network));
        for object in created.filter(|object| object.home == self.shard) {
            let id = object.id();
            if !self.ever.insert(id) {
                return Err(format!("object {id} was created twice"));
            }
            self.active.insert(id);
            here.insert(id);
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
        if !ledger.state.objects.keys().eq(&expected) {
            return Err(format!(
                "other objects are active at height {height} than should be"
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
