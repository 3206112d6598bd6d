//! The entries of a listing that the kernel has just written for the guest.
//!
//! They lie in the guest's memory, and another thread of the guest may write there, too. So a
//! length that leads out of the listing isn't trusted.

use newroot_paths::Buffer;
use newroot_sys::raw;

use super::{AT_FDCWD, Path, fstat, fstatat};

/// The two layouts of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `struct linux_dirent`: the type is the last byte.
    Old,
    /// `struct linux_dirent64`.
    New,
}

impl Layout {
    /// Returns the offset of an entry's name.
    #[must_use]
    pub const fn head(self) -> usize {
        match self {
            Self::Old => 18,
            Self::New => 19,
        }
    }
}

/// Offset of an entry's length, in either layout.
const LENGTH: usize = 16;

/// One entry.
#[derive(Debug)]
pub struct Entry<'a> {
    bytes: &'a mut [u8],
    layout: Layout,
}

impl Entry<'_> {
    /// Returns the inode number.
    #[must_use]
    pub fn inode(&self) -> u64 {
        self.bytes.first_chunk().map_or(0, |bytes| u64::from_ne_bytes(*bytes))
    }

    /// Returns the name, with its NUL.
    #[must_use]
    pub fn name(&self) -> Path<'_> {
        let name = self.bytes.get(self.layout.head()..).unwrap_or(&[]);
        let end = name.iter().position(|&byte| byte == 0).map_or(0, |nul| nul + 1);
        Path::new(name.get(..end).unwrap_or(&[]))
    }

    fn kind_at(&self) -> usize {
        match self.layout {
            Layout::Old => self.bytes.len() - 1,
            Layout::New => 18,
        }
    }

    /// Returns the type, one of DT_*.
    #[must_use]
    pub fn kind(&self) -> u32 {
        self.bytes.get(self.kind_at()).map_or(raw::DT_UNKNOWN, |&kind| kind.into())
    }

    /// Sets the type to that of a file with this `st_mode`.
    pub fn set_kind(&mut self, mode: u32) {
        let at = self.kind_at();
        if let Some(kind) = self.bytes.get_mut(at) {
            *kind = (mode >> 12 & 0xf) as u8;
        }
    }

    /// Sets the inode number.
    pub fn set_inode(&mut self, inode: u64) {
        if let Some(bytes) = self.bytes.first_chunk_mut() {
            *bytes = inode.to_ne_bytes();
        }
    }
}

/// Calls `keep` for each entry of a listing, and removes those for which it returns false. Returns
/// the new length of the listing in bytes.
pub fn amend(listing: &mut [u8], layout: Layout, mut keep: impl FnMut(&mut Entry<'_>) -> bool) -> usize {
    let mut at = 0;
    let mut left = 0;
    while let Some(&[low, high]) = listing.get(at + LENGTH..at + LENGTH + 2) {
        let size = usize::from(u16::from_ne_bytes([low, high]));
        let Some(bytes) = listing.get_mut(at..at + size).filter(|_| size > layout.head()) else { break };
        if keep(&mut Entry { bytes, layout }) {
            if left != at {
                listing.copy_within(at..at + size, left);
            }
            left += size;
        }
        at += size;
    }
    left
}

/// Returns whether an entry of a directory is the file at a host path.
#[must_use]
pub fn is_at<Side, const N: usize>(entry: &Entry<'_>, directory: i32, path: &mut Buffer<Side, N>) -> bool {
    fstatat(AT_FDCWD, Path::new(path.with_nul()), raw::AT_SYMLINK_NOFOLLOW).map_or_else(
        |error| error.is_shortage(),
        |stat| {
            stat.st_ino == entry.inode() && fstat(directory).is_ok_and(|parent| parent.st_dev == stat.st_dev)
        },
    )
}
