//! A transaction, up to what it does.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::decoders::transaction(bytes));
