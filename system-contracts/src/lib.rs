//! The system contracts: the parts of Chainspace that are contracts themselves.
//!
//! They exist on every network from the start and are checked natively (decision D16). Each has the
//! same three files: what exists (`types`), what a user runs (`procedures`), what a node checks
//! (`checker`).
//!
//! Paper: Section VI-A.

pub mod cscoin;
pub mod genesis;
pub mod manage_shards;

use contracts::Registry;

/// The checkers of all system contracts.
#[must_use]
pub fn checkers() -> Registry {
    Registry::new()
        .with(cscoin::contract())
        .with(manage_shards::contract())
}
