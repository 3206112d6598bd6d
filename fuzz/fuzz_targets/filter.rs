//! Fuzz target: see `newroot_fuzz::filter`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::filter::check(bytes));
