//! Breaking, driving and measuring Chainspace: the simulator with its adversaries and invariants, the
//! exploration of all that can happen in a small bound, and real networks of node processes on
//! loopback.
//!
//! Paper: Section VII.

pub mod adversary;
pub mod bench;
pub mod exploration;
#[cfg(feature = "injected-bugs")]
pub mod gate;
pub mod invariants;
pub mod local;
pub mod simulation;
pub mod torture;
