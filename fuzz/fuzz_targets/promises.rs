//! Promises of another shard, and whether they prove anything.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::decoders::promises(bytes));
