//! Questions and answers: one request and one response, each on a stream of its own.
//!
//! The requester opens the stream, writes a frame, and reads a frame; then the stream is dropped by
//! both. Dropping it earlier says everything else: a requester that has lost interest drops it, and
//! so does a node that does not answer. Requests and responses are opaque here.
//!
//! libp2p's own request-response is not used: it queues without bound, knows one timeout for all
//! requests, and takes every answer through the network task. Here each exchange is a task, both
//! sides count what is in flight, and bytes in memory are counted too.

mod ask;
mod greet;
mod serve;

pub(crate) use ask::ask;
pub(crate) use greet::{Greeting, answer, greet, hear};
pub(crate) use serve::{Desk, serve};
