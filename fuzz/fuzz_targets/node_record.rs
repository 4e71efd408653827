//! The record of a node, as nodes keep it for others.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::doors::node_record(bytes));
