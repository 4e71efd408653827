//! Streams to peers, without a say in what they are for.
//!
//! A libp2p behaviour that does two things: it hands every stream that a peer opens to the network
//! task, and it gives out [`Opener`]s, with which any task can open streams on one connection
//! without a detour through the network task. Everything the peers of this project say to each
//! other, greetings, links and requests, goes over these streams.
//!
//! Nothing waits here without a bound: an opener's queue is short, what does not fit waits with
//! whoever asked, and negotiated streams are handed on before the connection negotiates more.

mod behaviour;
mod handler;

pub(crate) use behaviour::{Behaviour, Inbound};
pub(crate) use handler::{OpenError, Opener};
