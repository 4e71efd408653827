//! The log of a node, written and then damaged.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::log::damaged(bytes));
