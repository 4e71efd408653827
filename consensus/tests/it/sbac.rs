//! S-BAC over the ledger: what several shards do together, by hand and without agreement, with all
//! that was ever promised at hand to be shown to anybody at any time.
//!
//! The names of the tests begin with the rows of the scenario matrix in the design of S-BAC (A: replays,
//! B: dishonest shards, D: clocks and partitions, G: contracts and contention). Where a test is about
//! the attacks that others suffered, `weakened` shows that each succeeds against a ledger that makes
//! the mistake it lives on.

mod bench;
mod setting;

mod clocks;
mod contracts;
mod dishonest;
mod founding;
mod locks;
mod replays;
mod tables;
mod unproven;
#[cfg(feature = "injected-bugs")]
mod weakened;
