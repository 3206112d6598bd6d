//! The note of a file's number of name references (`newroot_abi::links::time_of_count`).

use newroot_abi::Errno;
use newroot_abi::links::{Id, NAMES, count_of_time, time_of_count};
use newroot_sys::raw;

use super::lock::Lock;
use crate::hardlinks::{StorePath, in_store, name_refs};
use crate::kernel::{self, AT_FDCWD, Path};

/// A change of a file's name references by the lock's holder. If the process is killed during it,
/// there is no note, and the next change counts again.
pub(super) struct Tally {
    id: Id,
    /// Number of name references before, if it was noted.
    before: Option<u32>,
    /// Without a lock another process could be changing the name references.
    may_note: bool,
}

impl Tally {
    /// Begins a change.
    pub(super) fn begin(lock: &Lock, id: Id) -> Self {
        let may_note = lock.is_held();
        let before = if may_note { noted(id).ok().flatten() } else { None };
        Self { id, before, may_note }
    }

    /// Begins with the first name reference of a new file.
    pub(super) fn first(lock: &Lock, id: Id) -> Self {
        Self { id, before: Some(0), may_note: lock.is_held() }
    }

    /// Notes the number of name references, after `more` of them were added. If that fails, every
    /// reader counts them.
    pub(super) fn note(&self, more: i32) {
        if !self.may_note {
            return;
        }
        let count = match self.before {
            Some(before) => before.checked_add_signed(more),
            None => name_refs::listed(self.id).ok(),
        };
        let mut path = StorePath::new();
        if let Some(time) = count.and_then(time_of_count)
            && in_store(self.id, NAMES, &mut path).is_ok()
        {
            let _ = kernel::set_modified(Path::new(path.with_nul()), time);
        }
    }
}

/// Returns the noted number of name references.
///
/// # Errors
/// ENOENT if the file has lost its last name.
pub(super) fn noted(id: Id) -> Result<Option<u32>, Errno> {
    let mut path = StorePath::new();
    in_store(id, NAMES, &mut path)?;
    let stat = kernel::fstatat(AT_FDCWD, Path::new(path.with_nul()), raw::AT_SYMLINK_NOFOLLOW)?;
    Ok(count_of_time(stat.st_mtime as i64, stat.st_mtime_nsec as i64))
}
