//! The contract environment: what every contract is written in, and what runs it.
//!
//! A contract has two halves. Its procedures run on the machines of users, may hold secrets and make
//! traces; its checker runs on nodes, holds nothing and judges traces. [`environment`] is what both
//! halves are made of. [`simulator`] is the contract with which networks are measured.
//!
//! The crate has no clock, no randomness, no thread, no socket, no file and no log line, and it keeps
//! nothing in a collection of arbitrary order.
//!
//! Paper: Sections II-A and III.

pub mod environment;
pub mod simulator;

pub use environment::builder::{Called, Calls, Draft, Terms};
pub use environment::composition;
pub use environment::content::{self, Content};
pub use environment::contract::Contract;
pub use environment::procedure::{Arguments, Procedure, Returned, Secret};
pub use environment::registry::Registry;
