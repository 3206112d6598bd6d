//! The entries of a directory that newroot itself reads.

use newroot_abi::Errno;
use newroot_sys::raw;

use super::{getdents64, lseek};

/// What was read of a directory and not told yet: `struct linux_dirent64`, one behind the other (getdents(2)).
/// The directory's own name in it and its parent's aren't told.
#[derive(Debug)]
pub(crate) struct Listing<const N: usize> {
    buffer: [u8; N],
    start: usize,
    end: usize,
}

impl<const N: usize> Listing<N> {
    /// Nothing was read yet.
    #[must_use]
    pub(crate) const fn new() -> Self {
        Self { buffer: [0; N], start: 0, end: 0 }
    }

    /// Begins anew.
    ///
    /// # Errors
    /// lseek(2)'s.
    pub(crate) fn rewind(&mut self, directory: i32) -> Result<(), Errno> {
        self.start = self.end;
        lseek(directory, 0, raw::SEEK_SET).map(|_| ())
    }

    /// Inode number and name of the next entry, the name with its NUL; `None` behind the last one.
    ///
    /// # Errors
    /// getdents64(2)'s; EINVAL for an entry that can't be one.
    pub(crate) fn next(&mut self, directory: i32) -> Result<Option<(u64, &[u8])>, Errno> {
        const LENGTH: usize = 16;
        const NAME: usize = 19;
        loop {
            if self.start >= self.end {
                self.end = getdents64(directory, &mut self.buffer)?;
                self.start = 0;
                if self.end == 0 {
                    return Ok(None);
                }
            }
            let entry = self.buffer.get(self.start..self.end).unwrap_or(&[]);
            let number = entry.first_chunk::<8>().map(|bytes| u64::from_ne_bytes(*bytes));
            let len = entry.get(LENGTH..).and_then(<[u8]>::first_chunk::<2>);
            let len = len.map(|bytes| usize::from(u16::from_ne_bytes(*bytes)));
            let (Some(number), Some(len)) = (number, len) else { return Err(Errno::INVAL) };
            let name = entry.get(NAME..len).ok_or(Errno::INVAL)?;
            let end = name.iter().position(|&byte| byte == 0).ok_or(Errno::INVAL)?;
            let is_dots = matches!(name.get(..end), Some(b"." | b".."));
            let name = self.start + NAME..self.start + NAME + end + 1;
            self.start += len;
            if !is_dots {
                return Ok(Some((number, self.buffer.get(name).unwrap_or(b"\0"))));
            }
        }
    }
}
