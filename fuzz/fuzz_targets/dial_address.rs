//! An address to dial, as people type it.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::texts::dial_address(bytes));
