//! Fuzz target: see `newroot_fuzz::index`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::index::check(bytes));
