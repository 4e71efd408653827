//! The greeting of a peer.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::doors::hello(bytes));
