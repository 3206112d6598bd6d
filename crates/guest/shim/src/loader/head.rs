//! The head of an executable file, read at once.
//!
//! Nearly every program has its ELF header, its program headers and its interpreter's path in the first KiB, and a
//! script its first line. What lies farther off is read when it is asked for.

use newroot_abi::Errno;

use crate::host::{self, Descriptor};

const LEN: usize = 1024;

/// The first bytes of a file, and where the others are.
#[derive(Debug)]
pub struct Head<'a> {
    file: &'a Descriptor,
    bytes: [u8; LEN],
    len: usize,
}

impl<'a> Head<'a> {
    /// Reads it.
    ///
    /// # Errors
    /// pread(2)'s.
    pub fn read(file: &'a Descriptor) -> Result<Self, Errno> {
        let mut head = Self { file, bytes: [0; LEN], len: 0 };
        head.len = host::pread(file.number(), &mut head.bytes, 0)?;
        Ok(head)
    }

    /// What was read: fewer bytes than there is room for only if the file has no more.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    /// Fills `out` from this offset of the file.
    ///
    /// # Errors
    /// ENOEXEC if the file ends before; pread(2)'s.
    pub(super) fn fill(&self, out: &mut [u8], offset: u64) -> Result<(), Errno> {
        let known = usize::try_from(offset).ok().and_then(|at| self.bytes().get(at..)?.get(..out.len()));
        if let Some(known) = known {
            out.copy_from_slice(known);
            return Ok(());
        }
        if host::pread(self.file.number(), out, offset)? == out.len() { Ok(()) } else { Err(Errno::NOEXEC) }
    }
}
