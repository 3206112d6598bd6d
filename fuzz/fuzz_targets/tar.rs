//! Fuzz target: see `newroot_fuzz::tar`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::tar::check(bytes));
