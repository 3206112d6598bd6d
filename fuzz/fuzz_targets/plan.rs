//! Fuzz target: see `newroot_fuzz::plan`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::plan::check(bytes));
