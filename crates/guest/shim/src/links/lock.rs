//! One change of names at a time, of all processes that see the root.
//!
//! Which file loses a name, and whether a name is one of several, has to stay true until the name is gone. The lock is the
//! kernel's (flock(2)): it goes with whoever holds it, also if that is killed. Looking needs none.

use newroot_abi::Errno;
use newroot_abi::links::DIRECTORY;
use newroot_sys::raw;

use super::{StorePath, root};
use crate::host::{self, AT_FDCWD, Descriptor, Path};

/// The lock, held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    directory: Descriptor,
    is_held: bool,
}

impl Lock {
    /// Waits for the lock. A file system that knows no locks is taken to have one user at a time.
    ///
    /// # Errors
    /// EMFILE; what opening the store gives.
    pub(super) fn take() -> Result<Self, Errno> {
        let mut path = StorePath::new();
        path.assign(root())?;
        path.extend(DIRECTORY)?;
        let flags = raw::O_RDONLY | raw::O_DIRECTORY | raw::O_CLOEXEC;
        let directory = host::openat(AT_FDCWD, Path::new(path.with_nul()), flags, 0)?;
        let is_held = host::flock(directory.number(), raw::LOCK_EX).is_ok();
        Ok(Self { directory, is_held })
    }

    /// Whether the file system has given it.
    pub(super) fn is_held(&self) -> bool {
        self.is_held
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A process that another thread has just forked has a copy of the descriptor, and doesn't close it.
        let _ = host::flock(self.directory.number(), raw::LOCK_UN);
    }
}
