//! Fuzz target: see `newroot_fuzz::arguments`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::arguments::check(bytes));
