//! Judges a shard after the fact, from what the shard itself has signed.
//!
//! "Fully and publicly audited" is the first claim of the paper. This crate does not link the code
//! that it judges: it sees the data model and the rules of validity, and restates everything else in
//! its own words, so that a mistake in the agreement or in the ledger cannot hide from it.
//!
//! [`Replay`] is the full audit of one shard: it goes through the chain from genesis, block by block,
//! and checks that each is final, well-formed and signed by its users, that the decisions are the
//! ones that the rules demand, and that the heads a quorum signed are the heads of this history.
//!
//! Paper: Section IV-A (full audit) and Section V-B.

mod finding;
mod replay;

pub use finding::{Finding, Problem};
pub use replay::Replay;
