//! What a member of the shard says, with the epoch in which it says it.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::epochs::said(bytes));
