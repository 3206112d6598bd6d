//! Fuzz target: see `newroot_fuzz::session`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::session::check(bytes));
