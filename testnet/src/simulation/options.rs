//! What kind of worlds to simulate. The seed draws one of that kind.

use model::Profile;

use super::disk::Outage;
use super::habits::Flaw;
use super::plan::Change;
use super::setting::CANDIDATES;
use crate::adversary::Casting;

/// What kind of world to simulate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many shards there are.
    pub shards: usize,
    /// How many members each shard has: four, seven, or any number from four on.
    pub nodes: usize,
    /// How transactions of several shards are decided.
    pub modes: Modes,
    /// How long things go wrong, in milliseconds of virtual time, before the network is calm.
    pub turmoil_ms: u64,
    /// How long users wait between two things that they do, in milliseconds, at most.
    pub pause_ms: u64,
    /// How many things users do when the network is calm.
    pub last_acts: u64,
    /// Whether the network loses, delays and doubles what it carries.
    pub weather: bool,
    /// Whether the network is cut in parts now and then.
    pub partitions: bool,
    /// How many times nodes crash, at most.
    pub crashes: u64,
    /// One node that crashes at one point, and no other.
    pub crash_at: Option<CrashPoint>,
    /// Whether disks fail and rot, clocks jump, partitions move and all nodes go down at once more
    /// often.
    pub faults: bool,
    /// How many times shards change their members, at most.
    pub changes: u64,
    /// The only way in which they do, if it is given.
    pub change: Option<Change>,
    /// Whether nodes forget what they signed.
    pub forgetting: Forgetting,
    /// Who lies. At most `f` members ever do.
    pub casting: Casting,
    /// What is wrong with honest nodes, to see whether anybody notices.
    pub flaw: Option<Flaw>,
    /// A judge that is dismissed, to see what the others notice without it.
    pub dismissed: Option<&'static str>,
}

/// How transactions of several shards are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modes {
    /// By all votes, as in the paper: `f + 1` members speak for a shard.
    AllVotes,
    /// By one shard: `2f + 1` members speak for a shard.
    Decider,
    /// Some by all votes and some by one shard: `2f + 1` members speak for a shard.
    Any,
}

impl Modes {
    /// How the network runs S-BAC.
    #[must_use]
    pub const fn profile(self) -> Profile {
        match self {
            Self::AllVotes => Profile::Paper,
            Self::Decider | Self::Any => Profile::Open,
        }
    }
}

/// One point in the life of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashPoint {
    /// The number of its seat; seats are numbered through all shards.
    pub node: usize,
    /// How many things that it does come before: records written, syncs, messages sent.
    pub after: u64,
    /// How it crashes.
    pub outage: Outage,
}

/// Whether nodes come back with an old disk, or with an empty one, and their keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgetting {
    /// None does.
    Never,
    /// Some do, and each is one of the `f` that need not keep their word: others that hold it may be
    /// out of reach.
    Forgiven,
    /// One does, and must keep its word nevertheless.
    Judged,
}

impl Options {
    /// Worlds of so many members in which everything goes wrong that may go wrong every day.
    #[must_use]
    pub const fn new(nodes: usize) -> Self {
        Self {
            shards: 1,
            nodes,
            modes: Modes::Any,
            turmoil_ms: 8_000,
            pause_ms: 250,
            last_acts: 10,
            weather: true,
            partitions: true,
            crashes: 6,
            crash_at: None,
            faults: false,
            changes: 0,
            change: None,
            forgetting: Forgetting::Never,
            casting: Casting::Any,
            flaw: None,
            dismissed: None,
        }
    }

    /// The same worlds with so many shards of this size.
    #[must_use]
    pub const fn across(self, shards: usize) -> Self {
        Self { shards, ..self }
    }

    /// The same worlds, in which shards change their members, so many times at most.
    #[must_use]
    pub const fn changing(self, changes: u64) -> Self {
        Self { changes, ..self }
    }

    /// How many nodes each shard has, those that may become members included.
    #[must_use]
    pub(super) const fn all_nodes(&self) -> usize {
        if self.changes > 0 {
            self.nodes + CANDIDATES
        } else {
            self.nodes
        }
    }

    /// Worlds of so many members in which everything goes wrong that may.
    #[must_use]
    pub const fn with_all_faults(nodes: usize) -> Self {
        Self {
            faults: true,
            forgetting: Forgetting::Forgiven,
            ..Self::new(nodes)
        }
    }

    /// Worlds of so many members in which nothing goes wrong.
    #[must_use]
    pub const fn quiet(nodes: usize) -> Self {
        Self {
            weather: false,
            partitions: false,
            crashes: 0,
            casting: Casting::Nobody,
            ..Self::new(nodes)
        }
    }
}
