//! The configuration of a node.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::texts::config(bytes));
