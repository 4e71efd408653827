//! The limit that this machine sets: what it could do if it did nothing but the work that cannot be
//! left out.
//!
//! A payment costs what all `n` members of its shard spend on it: each reads it, checks its form and
//! its signature, applies it and keeps it. A block costs what the members spend to agree on it: one
//! proposal, of each member two votes and a head, and of each member three times the check of the
//! other members of a quorum; and each member writes it to its log. A payment that concerns several
//! shards costs that in each of them, and the votes, decisions and acknowledgements between them: the
//! certificate and the path of each parcel are checked by each member. What one part of a payment costs is
//! measured with payments of one input, so the limit for several inputs is a little higher than it could be.
//! Moving bytes between processes
//! and threads is not in it, nor is whoever sends the payments, although it runs on the same machine.

#[cfg(test)]
mod tests;

use std::num::NonZero;
use std::thread;
use std::time::Duration;

use super::costs::Costs;

/// The limit, and what it is made of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limit {
    /// Payments per second: the smaller one of the two below.
    pub per_second: f64,
    /// Payments per second if only the processors count.
    pub cpu_per_second: f64,
    /// Payments per second if only the syncs of the disk count, one for each block at each node.
    pub sync_per_second: f64,
    /// Processor time of all nodes for one payment.
    pub cpu: Duration,
    /// Processors of the machine.
    pub processors: usize,
    /// Payments in a block.
    pub entries: usize,
    /// Shards that a payment concerns, on average.
    pub shards: f64,
    /// What the parts cost.
    pub costs: Costs,
}

impl Limit {
    /// The limit of shards of `nodes` members on this machine, with blocks that decide `entries` payments
    /// each which concern so many `shards` on average. A block that decides nothing is not counted.
    pub(crate) fn of(costs: Costs, nodes: usize, entries: usize, shards: f64) -> Self {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let cpu = cpu(&costs, nodes, entries, shards);
        let cpu_per_second = processors as f64 / cpu.as_secs_f64();
        let sync_per_second = costs.syncs_per_second * entries as f64 / nodes as f64;
        Self {
            per_second: cpu_per_second.min(sync_per_second),
            cpu_per_second,
            sync_per_second,
            cpu,
            processors,
            entries,
            shards,
            costs,
        }
    }
}

/// The processor time of all members for one payment.
fn cpu(costs: &Costs, nodes: usize, entries: usize, shards: f64) -> Duration {
    let members = u32::try_from(nodes).unwrap_or(u32::MAX);
    let alone =
        costs.decode + costs.form + costs.verify_of_block + costs.apply + costs.note + costs.flush;
    let payment = (alone + costs.crossing).mul_f64(shards);
    let agreement = costs.sign * (3 * members + 1)
        + costs.verify * (members - 1)
        + costs.verify_quorum * (3 * members);
    let block = agreement + costs.log * members;
    payment * members + block / u32::try_from(entries).unwrap_or(u32::MAX)
}
