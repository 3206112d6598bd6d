//! A lock for one change of names at a time, of all processes that see the root.
//!
//! Which file loses a name, and whether a name is one of several, has to stay true until the name
//! is removed. The lock is the kernel's (flock(2)): it goes with its process, even if that is
//! killed. Reading needs no lock.

use newroot_abi::Errno;
use newroot_abi::links::DIRECTORY;
use newroot_sys::raw;

use crate::hardlinks::{StorePath, root};
use crate::kernel::{self, AT_FDCWD, Descriptor, Path};

/// The lock, held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    directory: Descriptor,
    is_held: bool,
}

impl Lock {
    /// Waits for the lock. A file system without locks is taken to have one user at a time.
    ///
    /// # Errors
    /// EMFILE; the errnos of open(2) for the store.
    pub(super) fn take() -> Result<Self, Errno> {
        let mut path = StorePath::new();
        path.assign(root())?;
        path.extend(DIRECTORY)?;
        let flags = raw::O_RDONLY | raw::O_DIRECTORY | raw::O_CLOEXEC;
        let directory = kernel::openat(AT_FDCWD, Path::new(path.with_nul()), flags, 0)?;
        let is_held = kernel::flock(directory.number(), raw::LOCK_EX).is_ok();
        Ok(Self { directory, is_held })
    }

    /// Returns whether the file system has granted it.
    pub(super) fn is_held(&self) -> bool {
        self.is_held
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A process that another thread has just forked has a copy of the descriptor, and doesn't
        // close it.
        let _ = kernel::flock(self.directory.number(), raw::LOCK_UN);
    }
}
