//! Fuzz target: see `newroot_fuzz::acl`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::acl::check(bytes));
