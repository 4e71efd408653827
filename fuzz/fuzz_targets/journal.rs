//! The journal of a wallet.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::doors::journal(bytes));
