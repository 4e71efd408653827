//! Promises of a node, through its public surface: real processes' parts on loopback.

mod gossip;
mod http;
mod network;
mod open;
mod peers;
mod restart;
