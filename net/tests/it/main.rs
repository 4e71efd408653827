//! What the network promises, shown on real sockets of the loopback interface.
//!
//! No test waits for a time to pass: each waits for the event that it is about, and a guard ends
//! it with a message if the event never comes.
//!
//! Tests that are named `item_N` are those that the design of the network demands, by its number for
//! them.

mod dials;
mod discovery;
mod floods;
mod gossip;
mod links;
mod neighbours;
mod requests;
mod support;
mod views;
mod weather;
