//! The entries of a listing that the kernel has just written for the guest.

use newroot_paths::Buffer;
use newroot_sys::raw;

use crate::host::{self, AT_FDCWD, Path};
use crate::memory;

/// The two layouts of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `struct linux_dirent`: the type is the last byte.
    Old,
    /// `struct linux_dirent64`.
    New,
}

impl Layout {
    /// Where an entry's name begins.
    #[must_use]
    pub const fn head(self) -> usize {
        match self {
            Self::Old => 18,
            Self::New => 19,
        }
    }
}

/// Where an entry's length is, in either layout.
const LENGTH: usize = 16;

/// One entry.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    at: usize,
    size: usize,
    layout: Layout,
}

impl Entry {
    /// Its inode number.
    #[must_use]
    pub fn inode(&self) -> u64 {
        memory::owned_value(self.at)
    }

    /// Its name, with the NUL.
    #[must_use]
    pub fn name(&self) -> Path<'static> {
        Path::new(memory::owned_string_with_nul(self.at + self.layout.head()))
    }

    fn kind_at(&self) -> usize {
        self.at
            + match self.layout {
                Layout::Old => self.size - 1,
                Layout::New => 18,
            }
    }

    /// Its type: one of DT_*.
    #[must_use]
    pub fn kind(&self) -> u32 {
        memory::owned_value::<u8>(self.kind_at()).into()
    }

    /// Says of which type a file of this `st_mode` is.
    pub fn set_kind(&self, mode: u32) {
        memory::store_owned(self.kind_at(), &((mode >> 12 & 0xf) as u8));
    }

    /// Gives it another inode number.
    pub fn set_inode(&self, inode: u64) {
        memory::store_owned(self.at, &inode);
    }
}

/// Goes through the entries; those that `keep` doesn't want are left out. The result is how many bytes there are then.
pub fn amend(out: usize, len: usize, layout: Layout, mut keep: impl FnMut(&Entry) -> bool) -> usize {
    let mut at = 0;
    let mut left = 0;
    while at + layout.head() < len {
        let size = usize::from(memory::owned_value::<u16>(out + at + LENGTH));
        if size == 0 {
            break;
        }
        if keep(&Entry { at: out + at, size, layout }) {
            if left != at {
                memory::move_owned(out + left, out + at, size);
            }
            left += size;
        }
        at += size;
    }
    left
}

/// Whether an entry of a directory is the file at a host path.
#[must_use]
pub fn is_at<Side, const N: usize>(entry: &Entry, directory: i32, path: &mut Buffer<Side, N>) -> bool {
    host::fstatat(AT_FDCWD, Path::new(path.with_nul()), raw::AT_SYMLINK_NOFOLLOW).map_or_else(
        |error| error.is_shortage(),
        |stat| {
            stat.st_ino == entry.inode()
                && host::fstat(directory).is_ok_and(|parent| parent.st_dev == stat.st_dev)
        },
    )
}
