//! Fuzz target: see `newroot_fuzz::compression`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::compression::check(bytes));
