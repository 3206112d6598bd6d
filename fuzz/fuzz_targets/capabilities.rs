//! Fuzz target: see `newroot_fuzz::capabilities`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::capabilities::check(bytes));
