//! The note of how many tokens a file has (`newroot_abi::links::time_of_count`).

use newroot_abi::Errno;
use newroot_abi::links::{Id, NAMES, count_of_time, time_of_count};
use newroot_sys::raw;

use super::lock::Lock;
use super::{StorePath, in_store, tokens};
use crate::host::{self, AT_FDCWD, Path};

/// A change of a file's tokens by who holds the lock. If the process is killed in the middle of it, there is no note, and
/// the next change counts.
pub(super) struct Tally {
    id: Id,
    /// How many tokens there were, if that was noted.
    before: Option<u32>,
    /// Without a lock, somebody else might be about to change the tokens.
    may_note: bool,
}

impl Tally {
    /// Begins a change.
    pub(super) fn begin(lock: &Lock, id: Id) -> Self {
        let may_note = lock.is_held();
        let before = if may_note { noted(id).ok().flatten() } else { None };
        Self { id, before, may_note }
    }

    /// Begins with the first token of a new file.
    pub(super) fn first(lock: &Lock, id: Id) -> Self {
        Self { id, before: Some(0), may_note: lock.is_held() }
    }

    /// Notes the number of tokens, now that there are so many more than when the change began. Where that fails, they are
    /// counted by who wants to know.
    pub(super) fn note(&self, more: i32) {
        if !self.may_note {
            return;
        }
        let count = match self.before {
            Some(before) => before.checked_add_signed(more),
            None => tokens::listed(self.id).ok(),
        };
        let mut path = StorePath::new();
        if let Some(time) = count.and_then(time_of_count)
            && in_store(self.id, NAMES, &mut path).is_ok()
        {
            let _ = host::set_modified(Path::new(path.with_nul()), time);
        }
    }
}

/// The number of tokens, if it is noted.
///
/// # Errors
/// ENOENT if the file has lost its last name.
pub(super) fn noted(id: Id) -> Result<Option<u32>, Errno> {
    let mut path = StorePath::new();
    in_store(id, NAMES, &mut path)?;
    let stat = host::fstatat(AT_FDCWD, Path::new(path.with_nul()), raw::AT_SYMLINK_NOFOLLOW)?;
    Ok(count_of_time(stat.st_mtime as i64, stat.st_mtime_nsec as i64))
}
