//! Names of peers.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::texts::peer_name(bytes));
