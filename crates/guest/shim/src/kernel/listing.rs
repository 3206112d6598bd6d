//! Reading of directories for newroot itself.

use newroot_abi::Errno;
use newroot_sys::raw;

use super::{getdents64, lseek};

/// Entries that were read from a directory but not returned yet: `struct linux_dirent64`, one
/// behind the other (getdents(2)). `.` and `..` are skipped.
#[derive(Debug)]
pub(crate) struct Listing<const N: usize> {
    buffer: [u8; N],
    start: usize,
    end: usize,
}

impl<const N: usize> Listing<N> {
    /// Returns an empty listing, of which nothing was read yet.
    #[must_use]
    pub(crate) const fn new() -> Self {
        Self { buffer: [0; N], start: 0, end: 0 }
    }

    /// Starts again at the first entry.
    ///
    /// # Errors
    /// The errnos of lseek(2).
    pub(crate) fn rewind(&mut self, directory: i32) -> Result<(), Errno> {
        self.start = self.end;
        lseek(directory, 0, raw::SEEK_SET).map(|_| ())
    }

    /// Returns inode number and name of the next entry, the name with its NUL; `None` after the
    /// last one.
    ///
    /// # Errors
    /// The errnos of getdents64(2); EINVAL for an invalid entry.
    pub(crate) fn next(&mut self, directory: i32) -> Result<Option<(u64, &[u8])>, Errno> {
        const LENGTH: usize = 16;
        const NAME: usize = 19;
        loop {
            if self.start >= self.end {
                self.end = match getdents64(directory, &mut self.buffer) {
                    // The directory itself was removed (iterate_dir() in fs/readdir.c), so it is
                    // empty.
                    Err(Errno::NOENT) => 0,
                    read => read?,
                };
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
