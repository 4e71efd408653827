//! What kind of worlds to simulate. The seed draws one of that kind.

use super::habits::Flaw;
use crate::adversary::Casting;

/// What kind of world to simulate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many members the shard has: four, seven, or any number from four on.
    pub nodes: usize,
    /// How long things go wrong, in milliseconds of virtual time, before the network is calm.
    pub turmoil_ms: u64,
    /// How long users wait between two things that they do, in milliseconds, at most.
    pub pause_ms: u64,
    /// Whether the network is cut in parts now and then.
    pub partitions: bool,
    /// How many times nodes crash, at most.
    pub crashes: u64,
    /// Who lies. At most `f` members ever do.
    pub casting: Casting,
    /// What is wrong with honest nodes, to see whether anybody notices.
    pub flaw: Option<Flaw>,
    /// A judge that is dismissed, to see what the others notice without it.
    pub dismissed: Option<&'static str>,
}

impl Options {
    /// Worlds of so many members in which everything goes wrong that may.
    #[must_use]
    pub const fn new(nodes: usize) -> Self {
        Self {
            nodes,
            turmoil_ms: 8_000,
            pause_ms: 250,
            partitions: true,
            crashes: 6,
            casting: Casting::Any,
            flaw: None,
            dismissed: None,
        }
    }
}
