//! The parts of a file that execve(2) reads before it runs the file: the ELF header, the program
//! headers and the `#!` line of a script.
//!
//! The shim, which must act as the kernel would, and the launcher, which reports in advance why a
//! program can't run, both read files through this crate. It works on bytes and never opens a file.
//!
//! ```
//! use newroot_image::{Image, identify};
//!
//! let Ok(Image::Script(script)) = identify(b"#!/usr/bin/env -S sh -e\necho hello\n") else {
//!     panic!("not a script");
//! };
//! assert_eq!(script.interpreter, b"/usr/bin/env");
//! assert_eq!(script.argument, Some(&b"-S sh -e"[..]));
//!
//! // The kernel runs neither text without a `#!` line nor a damaged program.
//! assert!(identify(b"echo hello\n").is_err());
//! ```

#![no_std]
#![forbid(unsafe_code)]

mod elf;
mod script;

pub use elf::{Class, ELF_HEADER_LEN, Header, HeaderError, Kind, PROGRAM_HEADER_LEN, ProgramHeader, Segment};
pub use script::{HEAD_LEN, Script};

use newroot_abi::{Errno, IMAGE_MARK};

/// The kind of executable that the head of a file indicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Image<'a> {
    /// An ELF program.
    Elf(Header),
    /// A script and its interpreter.
    Script(Script<'a>),
}

/// Identifies a file by its first [`HEAD_LEN`] bytes, or by all of them if the file is shorter.
///
/// # Errors
/// ENOEXEC if the kernel would run the file neither as a program nor as a script.
pub fn identify(head: &[u8]) -> Result<Image<'_>, Errno> {
    if head.starts_with(b"#!") {
        return Script::parse(head).map(Image::Script);
    }
    match Header::parse(head) {
        Ok(header) => Ok(Image::Elf(header)),
        Err(_) => Err(Errno::NOEXEC),
    }
}

/// Checks whether a file is a shim image: see [`IMAGE_MARK`].
#[must_use]
pub fn is_shim(head: &[u8]) -> bool {
    head.starts_with(b"\x7fELF") && head.get(9..16) == Some(&IMAGE_MARK[..])
}
