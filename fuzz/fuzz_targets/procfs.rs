//! Fuzz target: see `newroot_fuzz::procfs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::procfs::check(bytes));
