//! What a file loses when it is written to: set-user-ID, set-group-ID and capabilities (`file_remove_privs` of
//! fs/inode.c). Only a write that begins with a path is seen here; write(2) itself isn't trapped.

use newroot_abi::Errno;
use newroot_owner::permission as rules;
use newroot_owner::session::Identity;

use super::file::{File, Route, Seen};
use super::names::CAPABILITY;
use super::process::who;
use super::remember::remember;
use crate::host::{self, FileType, Path, Stat};

/// Takes from a file what a write by this identity does.
///
/// # Errors
/// What recording gives.
pub(super) fn lost_by_writing(
    me: &Identity<'_>,
    file: File<'_>,
    stat: &Stat,
    seen: &Seen,
) -> Result<(), Errno> {
    if FileType::of(stat) != FileType::Regular || !seen.is_ours(file, stat, None)? {
        return Ok(());
    }
    let mode = rules::mode_after_write(&who(me), &seen.owned());
    if mode != seen.mode {
        remember(file, stat, &seen.record, &Seen { mode, ..*seen }, true)?;
    }
    lost_capabilities(file)
}

/// Takes the capabilities that a file gives who executes it. Most files have none, and most of those that write
/// may not take them: nobody is told.
///
/// # Errors
/// Those of finding a way to the file.
pub(super) fn lost_capabilities(file: File<'_>) -> Result<(), Errno> {
    let _ = host::removexattr(Route::to(file)?.path(), Path::new(CAPABILITY));
    Ok(())
}
