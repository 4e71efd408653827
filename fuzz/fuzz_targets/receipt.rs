//! A receipt, and whether it proves anything.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::decoders::receipt(bytes));
