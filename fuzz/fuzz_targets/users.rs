//! Fuzz target: see `newroot_fuzz::users`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::users::check(bytes));
