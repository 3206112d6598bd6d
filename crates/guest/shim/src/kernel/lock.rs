//! A lock of all processes of the host, on a directory.

use newroot_abi::Errno;
use newroot_sys::raw;

use super::{AT_FDCWD, Descriptor, Path, flock, openat};

/// The lock (flock(2)), held until it is dropped. It goes with its process, even if that is killed.
#[derive(Debug)]
pub struct Lock {
    directory: Descriptor,
    is_held: bool,
}

impl Lock {
    /// Waits for the lock of a directory. A file system without locks is taken to have one user at
    /// a time.
    ///
    /// # Errors
    /// EMFILE; the errnos of open(2) for the directory.
    pub fn take(directory: Path<'_>) -> Result<Self, Errno> {
        let flags = raw::O_RDONLY | raw::O_DIRECTORY | raw::O_NOFOLLOW | raw::O_CLOEXEC;
        let directory = openat(AT_FDCWD, directory, flags, 0)?;
        let is_held = flock(directory.number(), raw::LOCK_EX).is_ok();
        Ok(Self { directory, is_held })
    }

    /// Returns whether the file system has granted it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.is_held
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A process that another thread has just forked has a copy of the descriptor, and doesn't
        // close it.
        let _ = flock(self.directory.number(), raw::LOCK_UN);
    }
}
