//! Fuzz target: see `newroot_fuzz::walk`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::walk::check(bytes));
