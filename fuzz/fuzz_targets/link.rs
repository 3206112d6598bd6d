//! Fuzz target: see `newroot_fuzz::link`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::link::check(bytes));
