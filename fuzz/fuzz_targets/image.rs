//! Fuzz target: see `newroot_fuzz::image`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::image::check(bytes));
