//! The head of an executable file, read in one call.
//!
//! For nearly every program the first KiB holds the ELF header, the program headers and the
//! interpreter's path; for a script it holds the first line. Data beyond it is read on demand.

use newroot_abi::Errno;

use crate::kernel::{self, Descriptor};

const LEN: usize = 1024;

/// The first bytes of a file, and the file for the rest.
#[derive(Debug)]
pub struct Head<'a> {
    file: &'a Descriptor,
    bytes: [u8; LEN],
    len: usize,
}

impl<'a> Head<'a> {
    /// Reads the first bytes of `file`.
    ///
    /// # Errors
    /// The errnos of pread(2).
    pub fn read(file: &'a Descriptor) -> Result<Self, Errno> {
        let mut head = Self { file, bytes: [0; LEN], len: 0 };
        head.len = kernel::pread(file.number(), &mut head.bytes, 0)?;
        Ok(head)
    }

    /// Returns the bytes that were read: fewer than 1 KiB only if the file is shorter.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    /// Fills `out` with the file's bytes from `offset` on.
    ///
    /// # Errors
    /// ENOEXEC if the file ends earlier; the errnos of pread(2).
    pub(super) fn fill(&self, out: &mut [u8], offset: u64) -> Result<(), Errno> {
        let known = usize::try_from(offset).ok().and_then(|at| self.bytes().get(at..)?.get(..out.len()));
        if let Some(known) = known {
            out.copy_from_slice(known);
            return Ok(());
        }
        if kernel::pread(self.file.number(), out, offset)? == out.len() { Ok(()) } else { Err(Errno::NOEXEC) }
    }
}
