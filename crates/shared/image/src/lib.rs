//! What execve(2) reads of a file before it runs it: the ELF header, the program headers,
//! and the `#!` line of a script.
//!
//! Both the shim, which must do what the kernel would, and the launcher, which must say
//! beforehand why something can't run, read files through this crate. It is given bytes and
//! never opens anything.

#![no_std]
#![forbid(unsafe_code)]

mod elf;
mod script;

pub use elf::{Class, ELF_HEADER_LEN, Header, HeaderError, Kind, PROGRAM_HEADER_LEN, ProgramHeader, Segment};
pub use script::{HEAD_LEN, Script};

use newroot_abi::{Errno, IMAGE_MARK};

/// What the head of a file says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Image<'a> {
    /// An ELF program.
    Elf(Header),
    /// A script with its interpreter.
    Script(Script<'a>),
}

/// Reads the first [`HEAD_LEN`] bytes of a file (fewer if it is shorter).
///
/// # Errors
/// ENOEXEC for what the kernel would run neither as a program nor as a script.
pub fn identify(head: &[u8]) -> Result<Image<'_>, Errno> {
    if head.starts_with(b"#!") {
        return Script::parse(head).map(Image::Script);
    }
    match Header::parse(head) {
        Ok(header) => Ok(Image::Elf(header)),
        Err(_) => Err(Errno::NOEXEC),
    }
}

/// Whether a file is a shim image: see [`IMAGE_MARK`].
#[must_use]
pub fn is_shim(head: &[u8]) -> bool {
    head.starts_with(b"\x7fELF") && head.get(9..16) == Some(&IMAGE_MARK[..])
}
