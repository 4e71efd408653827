//! How one node goes about its work: what differs between nodes without harm, and the flaws that
//! a test gives a node to see whether anybody notices.

use std::ops::RangeInclusive;

use super::random::Random;

/// How one node goes about its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Habits {
    /// How long its disk takes to make things durable, in milliseconds. It goes on working
    /// meanwhile. At zero it waits for the disk.
    pub sync_ms: RangeInclusive<u64>,
    /// Whether it writes all records of a turn before it sends anything, in place of one after the
    /// other.
    pub in_batches: bool,
    /// How many of a thousand times it keeps a snapshot when it could.
    pub snapshots: u64,
    /// How many final blocks one of its answers has, unless it takes more to reach a certificate.
    pub answer_blocks: usize,
    /// How long it waits for an answer, in milliseconds.
    pub patience_ms: u64,
    /// What is wrong with it.
    pub flaw: Option<Flaw>,
}

/// What can be wrong with an honest node. Each must be caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It sends before it makes durable what must be durable.
    SendsFirst,
    /// It sends before it writes at all.
    WritesLast,
    /// Its disk says that things are durable that are not.
    LyingDisk,
    /// It comes back from a crash with an empty disk.
    EmptyDisk,
}

impl Habits {
    /// Any habits, with this flaw.
    pub fn any(random: &mut Random, flaw: Option<Flaw>) -> Self {
        let slow = random.chance(500);
        Self {
            sync_ms: if slow {
                1..=random.within(&(1..=30))
            } else {
                0..=0
            },
            in_batches: random.chance(500),
            snapshots: *random.pick(&[0, 100, 500, 1_000]),
            answer_blocks: *random.pick(&[1, 2, 8, 512]),
            patience_ms: random.within(&(500..=4_000)),
            flaw,
        }
    }
}
