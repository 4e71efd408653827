//! S6: what is locked in a shard is what the transactions use there that it has voted to commit, and
//! nothing else, and all of it is active. L5: what has ended is remembered until its deadline.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use consensus::Ledger;
use consensus::ledger::{Decided, Role};
use consensus::sbac::session::Stage;
use model::{Object, ObjectId, Trace, TransactionId};

use super::{Judge, Sighting, What};

/// Who holds an object, and whether to consume it.
type Holders = BTreeMap<ObjectId, (BTreeSet<TransactionId>, bool)>;

/// See the module.
#[derive(Default)]
pub struct Locks;

impl Judge for Locks {
    fn rule(&self) -> &'static str {
        "locks"
    }

    fn see(&mut self, sighting: &Sighting<'_>) -> Result<(), String> {
        let What::Stands(ledger) = sighting.what else {
            return Ok(());
        };
        let should = prepared(ledger)?;
        let are: Holders = ledger
            .locked()
            .map(|(object, holders, consumes)| (object, (holders.into_iter().collect(), consumes)))
            .collect();
        if let Some(object) = are.keys().find(|object| !should.contains_key(object)) {
            return Err(format!(
                "object {object} is locked and nobody prepared uses it"
            ));
        }
        if let Some((object, holders)) = should.iter().find(|(id, held)| are.get(id) != Some(held))
        {
            return Err(format!("object {object} is not held by {holders:?}"));
        }
        let active = &ledger.state.objects;
        if let Some(object) = are.keys().find(|object| !active.contains_key(object)) {
            return Err(format!("object {object} is locked and not active"));
        }
        forgotten(ledger)
    }
}

/// What the transactions that the shard has voted to commit use of it.
fn prepared(ledger: &Ledger) -> Result<Holders, String> {
    let mut holders = Holders::new();
    for (id, session) in &ledger.state.sessions {
        if !matches!(session.stage, Stage::Prepared(_)) {
            continue;
        }
        let transaction = session.transaction.transaction();
        let mut inputs = BTreeSet::new();
        collect_inputs(&transaction.body.traces, &mut inputs);
        let here = |object: &&Object| object.home == ledger.scope.shard;
        for object in transaction.openings.iter().filter(here) {
            let object = object.id();
            let consumes = inputs.contains(&object);
            let (held_by, exclusive) = holders.entry(object).or_default();
            held_by.insert(*id);
            *exclusive |= consumes;
            if *exclusive && held_by.len() > 1 {
                return Err(format!(
                    "object {object} is to be consumed by one of {held_by:?}"
                ));
            }
        }
    }
    Ok(holders)
}

fn collect_inputs(traces: &[Trace], inputs: &mut BTreeSet<ObjectId>) {
    for trace in traces {
        collect_inputs(&trace.dependencies, inputs);
        inputs.extend(&trace.inputs);
    }
}

/// No record is older than it must be: sbac.md, 5.11. What ends after its deadline is remembered for one
/// block.
fn forgotten(ledger: &Ledger) -> Result<(), String> {
    let tip = &ledger.tip;
    let is_over = |record: &Decided| {
        let stays = matches!(record.role, Role::Peer { .. });
        !stays && record.valid_until < tip.time && record.height < tip.height
    };
    let mut decided = ledger.state.decided.iter();
    match decided.find(|(_, record)| is_over(record)) {
        Some((id, _)) => Err(format!("remembers {id}, whose time is over")),
        None => Ok(()),
    }
}
