//! Histories of several shards, honest and not, laid before the auditor.
//!
//! The honest ones are made by the ledger that shards run, which the auditor itself does not know: that
//! both come to the same heads is the point. Those that are not honest are the same with one lie, which
//! a quorum signs.

mod epochs;
mod honest;
mod lies;
mod network;
mod pairs;
mod traffic;
