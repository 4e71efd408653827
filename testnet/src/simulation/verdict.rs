//! How a simulated world ended.

use std::collections::BTreeSet;
use std::fmt;

use super::fault::Faults;

/// A world in which every rule held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The seed.
    pub seed: u64,
    /// The height of the last block; of all shards together.
    pub height: u64,
    /// How many epochs began after the first ones.
    pub epochs: u64,
    /// Transactions that committed.
    pub committed: usize,
    /// Transactions that aborted.
    pub aborted: usize,
    /// Crashes of honest nodes.
    pub crashes: u64,
    /// Members that lied.
    pub liars: usize,
    /// How often they did what no honest member does.
    pub lies: u64,
    /// Members of which honest nodes have records of malpractice.
    pub named: usize,
    /// How much happened.
    pub events: u64,
    /// How long it took until everything was settled, in milliseconds of virtual time since calm
    /// began.
    pub settled_ms: u64,
    /// A number that two runs share only if the same happened in both.
    pub fingerprint: u64,
    /// What went wrong, and how often.
    pub faults: Faults,
    /// How many things each honest node had done, and could have crashed after, when the network
    /// became calm.
    pub deeds: Vec<u64>,
    /// The states that nodes were in, as numbers.
    pub states: BTreeSet<u64>,
}

/// A world in which a rule was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The seed.
    pub seed: u64,
    /// How many shards there were.
    pub shards: usize,
    /// How many members each shard had.
    pub nodes: usize,
    /// When the rule was broken, in milliseconds of virtual time.
    pub at_ms: u64,
    /// The rule.
    pub rule: &'static str,
    /// How it was broken.
    pub how: String,
    /// Where each member stood.
    pub stands: Vec<String>,
    /// What happened last, one line each.
    pub trace: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.trace.iter().chain(&self.stands) {
            writeln!(f, "{line}")?;
        }
        write!(
            f,
            "seed {} with {}{} nodes, at {} ms: {}: {}",
            self.seed,
            match self.shards {
                1 => String::new(),
                shards => format!("{shards} shards of "),
            },
            self.nodes,
            self.at_ms,
            self.rule,
            self.how
        )
    }
}

impl std::error::Error for Failure {}
