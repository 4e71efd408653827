//! What strangers say of who is in which shard.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::epochs::changes(bytes));
