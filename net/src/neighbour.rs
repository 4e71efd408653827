//! What nodes of different shards tell each other.
//!
//! A neighbour is a member of another shard. There are too many of them for a link with each, and
//! what they say is repeated by whoever needs an answer. So a neighbour is *told* frames: they go
//! one way, gathered into requests, and the empty response says no more than that they were taken.
//!
//! For each neighbour there is one [`Courier`]. It sends at once when nothing is under way and
//! gathers meanwhile, so that a quiet network is fast and a busy one is cheap, and no timer decides
//! between them. What it waits for is the response, which waits for room in the neighbour's
//! [`Door`], which waits for the rest of the neighbour: one that is slow fills a queue of its own.
//!
//! A frame is never kept for a neighbour that is not connected. By the time that one is back the
//! frame is old, a newer one would have been dropped for it, and what still matters is repeated.

mod batch;
mod courier;
mod door;
mod route;

#[cfg(feature = "fuzzing")]
pub(crate) use batch::{Batch, split};
pub(crate) use courier::Courier;
pub(crate) use door::Door;
pub(crate) use route::{Candidate, choose};
