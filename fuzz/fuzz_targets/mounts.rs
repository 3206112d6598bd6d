//! Fuzz target: see `newroot_fuzz::mounts`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::mounts::check(bytes));
