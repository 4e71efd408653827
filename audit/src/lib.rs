//! Judges shards after the fact, from what the shards themselves have signed.
//!
//! "Fully and publicly audited" is the first claim of the paper. This crate does not link the code
//! that it judges: it sees the data model and the rules of validity, and restates everything else in
//! its own words, so that a mistake in the agreement or in the ledger cannot hide from it.
//!
//! [`Replay`] is the full audit of one shard: it goes through the chain from genesis, block by block,
//! and checks that each is final, well-formed and signed by its users, that what it heard of other
//! shards was promised to it, that its decisions and its promises are the ones that the rules demand,
//! and that the heads a quorum signed are the heads of this history. [`compatible`] lays two audited
//! chains side by side.
//!
//! Paper: Section IV-A (full audit) and Section V-B (Security Theorem 3).

mod account;
mod compatible;
mod finding;
mod replay;

pub use compatible::compatible;
pub use finding::{Finding, Problem};
pub use replay::Replay;
