//! Byte strings of fixed capacity. Their type says whether they hold a guest path or a host path.

use core::marker::PhantomData;

use newroot_abi::{Errno, PATH_MAX};

/// Tag of paths as the guest sees them.
#[derive(Clone, Copy, Debug)]
pub enum Guest {}
/// Tag of paths as the host's kernel sees them.
#[derive(Clone, Copy, Debug)]
pub enum Host {}

/// A byte string of at most `N - 1` bytes; one byte is reserved for the NUL that the kernel needs.
// The length lies in front of the bytes, in the page that a short path touches anyway.
#[repr(C)]
#[derive(Clone, Debug)]
pub struct Buffer<Side, const N: usize> {
    len: usize,
    bytes: [u8; N],
    side: PhantomData<Side>,
}

/// A guest path, up to the longest that the kernel accepts.
pub type GuestBuf = Buffer<Guest, PATH_MAX>;
/// A host path: the root's own path and a guest path behind it.
pub type HostBuf = Buffer<Host, { 2 * PATH_MAX }>;
/// The rest of a path that is still to be walked: a link's text with the remaining components
/// behind it.
pub type PendingBuf = Buffer<Guest, { 2 * PATH_MAX }>;

impl<Side, const N: usize> Buffer<Side, N> {
    /// Creates an empty string.
    #[must_use]
    pub const fn new() -> Self {
        Self { len: 0, bytes: [0; N], side: PhantomData }
    }

    /// Returns the bytes without the final NUL.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }

    /// Returns the number of bytes.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Checks whether the string is empty.
    #[must_use]
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Removes all bytes.
    #[inline]
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Keeps the first `len` bytes and removes the others.
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        self.len = self.len.min(len);
    }

    /// Appends `more`.
    ///
    /// # Errors
    /// ENAMETOOLONG if it doesn't fit; the string is then unchanged.
    #[inline]
    pub fn extend(&mut self, more: &[u8]) -> Result<(), Errno> {
        let end = self.len + more.len();
        if end >= N {
            return Err(Errno::NAMETOOLONG);
        }
        if let Some(space) = self.bytes.get_mut(self.len..end) {
            space.copy_from_slice(more);
            self.len = end;
        }
        Ok(())
    }

    /// Replaces the string with `bytes`.
    ///
    /// # Errors
    /// ENAMETOOLONG if it doesn't fit; the string is then empty.
    #[inline]
    pub fn assign(&mut self, bytes: &[u8]) -> Result<(), Errno> {
        self.clear();
        self.extend(bytes)
    }

    /// Inserts `front` before the string.
    ///
    /// # Errors
    /// ENAMETOOLONG if it doesn't fit; the string is then unchanged.
    pub fn prepend(&mut self, front: &[u8]) -> Result<(), Errno> {
        self.replace_front(0, front)
    }

    /// Replaces the first `gone` bytes with `front`.
    ///
    /// # Errors
    /// ENAMETOOLONG if it doesn't fit; the string is then unchanged.
    pub fn replace_front(&mut self, gone: usize, front: &[u8]) -> Result<(), Errno> {
        let gone = gone.min(self.len);
        let len = self.len - gone + front.len();
        if len >= N {
            return Err(Errno::NAMETOOLONG);
        }
        self.bytes.copy_within(gone..self.len, front.len());
        if let Some(space) = self.bytes.get_mut(..front.len()) {
            space.copy_from_slice(front);
        }
        self.len = len;
        Ok(())
    }

    /// Returns the whole capacity for a system call to write into. The caller then passes the
    /// number of bytes written to [`Self::set_len`].
    #[inline]
    pub fn space(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Declares the first `len` bytes of [`Self::space`] to be the string.
    #[inline]
    pub fn set_len(&mut self, len: usize) {
        self.len = len.min(N - 1);
    }

    /// Returns the bytes with a NUL behind them, for the kernel.
    #[inline]
    pub fn with_nul(&mut self) -> &[u8] {
        let len = self.len;
        if let Some(end) = self.bytes.get_mut(len) {
            *end = 0;
        }
        self.bytes.get(..=len).unwrap_or(&[0])
    }
}

impl<Side, const N: usize> Default for Buffer<Side, N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_do_not_fit_leave_the_string_unchanged() {
        let mut buffer = Buffer::<Guest, 4>::new();
        assert_eq!(buffer.extend(b"abc"), Ok(()));
        assert_eq!(buffer.extend(b"d"), Err(Errno::NAMETOOLONG));
        assert_eq!(buffer.with_nul(), b"abc\0");
    }

    #[test]
    fn replacing_the_front_moves_the_rest() {
        let mut buffer = Buffer::<Guest, 16>::new();
        buffer.assign(b"/host/x").unwrap();
        buffer.replace_front(5, b"/g").unwrap();
        assert_eq!(buffer.bytes(), b"/g/x");
        buffer.prepend(b"/long").unwrap();
        assert_eq!(buffer.bytes(), b"/long/g/x");
        assert_eq!(buffer.prepend(b"12345678"), Err(Errno::NAMETOOLONG));
        assert_eq!(buffer.bytes(), b"/long/g/x");
    }
}
