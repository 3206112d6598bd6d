//! Fuzz target: see `newroot_fuzz::guard`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::guard::check(bytes));
