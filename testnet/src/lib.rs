//! Breaking, driving and measuring Chainspace: the simulator with its adversaries and invariants,
//! and real networks of node processes on loopback.
//!
//! Paper: Section VII.

pub mod adversary;
pub mod invariants;
pub mod local;
pub mod simulation;
