//! Fuzz target: see `newroot_fuzz::record`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::record::check(bytes));
