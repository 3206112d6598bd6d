//! Fuzz target: see `newroot_fuzz::entries`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::entries::check(bytes));
