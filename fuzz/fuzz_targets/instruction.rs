//! Fuzz target: see `newroot_fuzz::instruction`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::instruction::check(bytes));
