//! What is asserted about bytes of strangers, whatever they are: one function for each door they come
//! in through, and two that take bytes as choices and drive real replicas with them.
//!
//! A property is stated once and as strictly as it holds: bytes that are refused are fine, bytes that
//! panic, that are read as a value that others would write differently, or that make a node forget
//! what it promised, are not.
//!
//! The same functions are driven in two ways. Under cargo-fuzz each is a binary, one line in
//! `fuzz_targets/`, and a fuzzer that sees which branches are taken looks for bytes that break it. In
//! `cargo test`, which needs no tool, each replays the seeds and changes of them from a seeded
//! generator. README.md says how to run both.

pub mod canonical;
pub mod choices;
pub mod decoders;
pub mod disk;
pub mod doors;
pub mod epochs;
pub mod log;
pub mod mutation;
pub mod seeds;
pub mod shard;
pub mod texts;

/// A target: any bytes are fine, what breaks a property panics.
pub type Target = fn(&[u8]);

/// All targets by the names of their binaries.
pub const TARGETS: &[(&str, Target)] = &[
    ("address", texts::address),
    ("amount", texts::amount),
    ("batch", doors::batch),
    ("blocks", decoders::blocks),
    ("sync_request", decoders::sync_request),
    ("changes", epochs::changes),
    ("config", texts::config),
    ("dial_address", texts::dial_address),
    ("entries", decoders::entries),
    ("frames", doors::frames),
    ("genesis", decoders::genesis),
    ("hello", doors::hello),
    ("journal", doors::journal),
    ("log_damaged", log::damaged),
    ("log_strange", log::strange),
    ("message", decoders::message),
    ("node_record", doors::node_record),
    ("peer_name", texts::peer_name),
    ("promises", decoders::promises),
    ("receipt", decoders::receipt),
    ("record", decoders::record),
    ("replica_shard", shard::together::target),
    ("replica_step", shard::alone::target),
    ("request", decoders::request),
    ("response", decoders::response),
    ("said", epochs::said),
    ("transaction", decoders::transaction),
    ("typing_error", texts::typing_error),
];
