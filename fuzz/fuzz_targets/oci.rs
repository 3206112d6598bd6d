//! Fuzz target: see `newroot_fuzz::oci`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::oci::check(bytes));
