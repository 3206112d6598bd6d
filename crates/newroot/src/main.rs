//! The program `newroot`.
//!
//! It has the C library's entry point, not Rust's: Rust's runtime would ignore SIGPIPE and open
//! /dev/null in the place of closed standard descriptors before anything of ours runs, and
//! the command that this process becomes would inherit that.
//!
//! Unsafe is allowed for the attribute that names the entry point.
#![no_main]
#![allow(unsafe_code)]

use std::ffi::{OsString, c_char, c_int};

#[global_allocator]
static ALLOCATOR: newroot::memory::Allocator = newroot::memory::Allocator::new();

// SAFETY: the name is the one the C library's start-up code calls, with these arguments; no
// other object of this program defines it.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    let argv: Vec<OsString> = std::env::args_os().collect();
    c_int::from(newroot::run(&argv))
}
