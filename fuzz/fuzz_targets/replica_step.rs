//! One replica among three liars.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::shard::alone::target(bytes));
