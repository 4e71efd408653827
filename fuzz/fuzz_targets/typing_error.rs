//! Addresses with a few wrong characters.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::texts::typing_error(bytes));
