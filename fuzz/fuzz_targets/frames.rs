//! A stream of bytes, cut into frames.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::doors::frames(bytes));
