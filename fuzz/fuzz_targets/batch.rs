//! What a neighbour tells.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::doors::batch(bytes));
