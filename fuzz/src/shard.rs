//! A shard of four that a string of bytes drives: what the fuzz targets of the replica have in common.
//!
//! ```text
//!   bytes ---> Choices ---> what happens next, and what a Liar says
//!                                 |
//!                                 v
//!              Member: a real replica, its log, its crashes
//!                                 |
//!                                 v
//!              Judge: has it ever signed two things that conflict?
//! ```
//!
//! In [`alone`] one member is among three liars, more than the agreement is made for: whatever they
//! say, it must not panic and must not contradict itself. In [`together`] three members are honest and
//! one is a liar, who also rules the links: then no two members may ever disagree.

pub mod alone;
pub mod judge;
pub mod liar;
pub mod member;
mod notary;
#[cfg(test)]
mod tests;
pub mod together;
pub mod world;
