//! What is to be done to which node, and when: a function of a seed.

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::simulation::Random;

/// How long a fault lasts, in milliseconds.
const LASTS_MS: RangeInclusive<u64> = 1_000..=6_000;

/// How long a shard is left alone between two faults of the same hand, in milliseconds.
const PAUSE_MS: RangeInclusive<u64> = 200..=3_000;

/// By how much a node is delayed, in milliseconds.
const DELAY_MS: RangeInclusive<u64> = 50..=800;

/// What is done to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// It is killed with signal 9, and started again.
    Kill,
    /// It is stopped from running, and runs again.
    Pause,
    /// It is cut off from all others, and is not any more.
    Cut,
    /// It hears everything so many milliseconds late, and does not any more.
    Delay(u32),
}

/// Something that is done to a node and undone again. Times count from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// The number of the node.
    pub(super) node: usize,
    pub(super) kind: Kind,
    pub(super) begins: Duration,
    pub(super) ends: Duration,
}

/// A beginning or an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) at: Duration,
    pub(super) node: usize,
    pub(super) kind: Kind,
    /// Whether the fault begins.
    pub(super) begins: bool,
}

/// How often each was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Nodes that were killed.
    pub kills: u64,
    /// Nodes that were paused.
    pub pauses: u64,
    /// Nodes that were cut off.
    pub cuts: u64,
    /// Nodes that were delayed.
    pub delays: u64,
}

impl Counts {
    pub(super) const fn add(&mut self, kind: Kind) {
        let count = match kind {
            Kind::Kill => &mut self.kills,
            Kind::Pause => &mut self.pauses,
            Kind::Cut => &mut self.cuts,
            Kind::Delay(_) => &mut self.delays,
        };
        *count += 1;
    }

    /// All of them.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.kills + self.pauses + self.cuts + self.delays
    }
}

/// The faults of a network with so many shards of so many nodes each, within a time. In each shard as many
/// hands are at work as it survives faults, each at one node at a time.
pub(super) fn plan(seed: u64, shards: u32, nodes: usize, duration: Duration) -> Vec<Fault> {
    let mut random = Random::new(seed);
    let survives = nodes.saturating_sub(1) / 3;
    let mut faults = Vec::new();
    for shard in 0..shards as usize {
        // Each hand has nodes of its own, so that no two are ever at one.
        let mut members: Vec<usize> = (shard * nodes..(shard + 1) * nodes).collect();
        random.shuffle(&mut members);
        for hand in 0..survives {
            let own: Vec<usize> = members
                .iter()
                .copied()
                .skip(hand)
                .step_by(survives)
                .collect();
            let mut random = random.fork();
            faults.extend(at_work(&mut random, &own, duration));
        }
    }
    faults
}

/// What one hand does to its nodes, one after the other.
fn at_work(random: &mut Random, nodes: &[usize], duration: Duration) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut ends = Duration::ZERO;
    loop {
        let begins = ends + Duration::from_millis(random.within(&PAUSE_MS));
        ends = begins + Duration::from_millis(random.within(&LASTS_MS));
        if ends > duration {
            return faults;
        }
        faults.push(Fault {
            node: *random.pick(nodes),
            kind: kind(random),
            begins,
            ends,
        });
    }
}

fn kind(random: &mut Random) -> Kind {
    match random.below(4) {
        0 => Kind::Kill,
        1 => Kind::Pause,
        2 => Kind::Cut,
        _ => {
            let ms = random.within(&DELAY_MS);
            Kind::Delay(u32::try_from(ms).unwrap_or(u32::MAX))
        }
    }
}

/// The beginnings and ends of faults in their order; of those at one time, ends come first.
pub(super) fn steps(faults: &[Fault]) -> Vec<Step> {
    let both = faults.iter().flat_map(|fault| {
        let step = |at, begins| Step {
            at,
            node: fault.node,
            kind: fault.kind,
            begins,
        };
        [step(fault.begins, true), step(fault.ends, false)]
    });
    let mut steps: Vec<Step> = both.collect();
    steps.sort_by_key(|step| (step.at, step.begins));
    steps
}
