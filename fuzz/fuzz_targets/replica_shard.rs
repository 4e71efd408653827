//! Three honest replicas and one liar.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::shard::together::target(bytes));
