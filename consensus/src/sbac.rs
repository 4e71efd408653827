//! S-BAC: committing a transaction in all the shards that it concerns, or in none.
//!
//! Each shard is one deterministic machine, because its members agree on the order of what it hears
//! ([`crate::bft`]) and apply it with one function ([`crate::ledger`]). What a shard promises to others
//! are leaves under the head of the block in which it made the promise; `f + 1` or more signatures over
//! that head make the promise believed (`LocalPrepared`).
//!
//! ```text
//!            a shard that only votes               the shard that decides
//!   prepare(T)      lock, or not                        (rests until there is a vote)
//!                      |--- prepared(T, commit|abort) --->|  all votes, or the deadline
//!                      |                                  |  check, consume, create: decided
//!                      |<-- accept(T, commit|abort) ------|
//!   consume, create, or unlock                            |
//!                      |--- acknowledged ---------------->|  may be forgotten
//! ```
//!
//! In the mode of the paper ([`model::Mode::AllVotes`]) the votes go to all participants, and each of
//! them concludes from all votes what the decision is.
//!
//! A promise that nobody heard is made again ([`session`]); hearing one twice changes nothing. Whoever
//! moves promises between shards needs no secret and no trust, so every member may ([`courier`]).
//!
//! Paper: Section IV-C, Figures 3 and 4. Deviations: D-2 (decider), D-3 (witnesses), D-6 (leaves).

pub(crate) mod courier;
mod decider;
mod hearing;
pub(crate) mod inbox;
pub mod letter;
mod locks;
mod participant;
mod predicates;
pub mod session;
pub(crate) mod testimony;
#[cfg(test)]
mod testing;

pub use hearing::Hearing;
pub(crate) use locks::Locks;
