//! A lock for one change of names at a time, of all processes that see the root.
//!
//! Which file loses a name, and whether a name is one of several, has to stay true until the name
//! is removed. Reading needs no lock.

use newroot_abi::Errno;
use newroot_abi::links::DIRECTORY;

use crate::hardlinks::{StorePath, root};
pub(super) use crate::kernel::Lock;
use crate::kernel::Path;

/// Waits for the lock.
///
/// # Errors
/// Those of [`Lock::take`], for the store.
pub(super) fn take() -> Result<Lock, Errno> {
    let mut path = StorePath::new();
    path.assign(root())?;
    path.extend(DIRECTORY)?;
    Lock::take(Path::new(path.with_nul()))
}
