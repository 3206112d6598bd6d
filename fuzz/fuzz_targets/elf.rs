//! Fuzz target: see `newroot_fuzz::elf`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| newroot_fuzz::elf::check(bytes));
