//! Files that a launch holds by a lock (flock(2)), for as long as its processes may use them.

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Locks a file exclusively, unless another launch holds a lock of it.
///
/// # Errors
/// The errnos of flock(2), except EWOULDBLOCK, for which it returns false.
pub(super) fn try_lock(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Returns whether an open file is still the one at `path`.
pub(super) fn is_there(file: &File, path: &Path) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let [open, named] = [file.metadata(), fs::symlink_metadata(path)].map(|found| found.map(identity).ok());
    open.is_some() && open == named
}
