//! The program `newroot`.
//!
//! It has the C library's entry point, not Rust's. Before `main`, Rust's runtime ignores SIGPIPE
//! and opens /dev/null in place of closed standard descriptors. The command that this process
//! becomes would inherit both.
//!
//! Unsafe is allowed for the attribute that names the entry point.
#![no_main]
#![allow(unsafe_code)]

use std::ffi::{OsString, c_char, c_int};

#[global_allocator]
static ALLOCATOR: newroot::memory::Allocator = newroot::memory::Allocator::new();

// SAFETY: the C library's start-up code calls the function of this name with these arguments. No
// other object of this program defines it.
#[unsafe(no_mangle)]
extern "C" fn main(_count: c_int, _arguments: *const *const c_char) -> c_int {
    let argv: Vec<OsString> = std::env::args_os().collect();
    c_int::from(newroot::run(&argv))
}
