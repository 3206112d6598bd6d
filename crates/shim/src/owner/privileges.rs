//! What a file loses when it is written to: set-user-ID, set-group-ID and capabilities (`file_remove_privs` of
//! fs/inode.c). Only a write that begins with a path is seen here; write(2) itself isn't trapped.

use newroot_abi::Errno;
use newroot_owner::permission as rules;
use newroot_owner::session::Identity;

use super::file::{self, File, Route, Seen};
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
    let ours = || seen.ours.unwrap_or_else(|| file::is_ours(file, stat, None));
    if FileType::of(stat) != FileType::Regular || !ours() {
        return Ok(());
    }
    let mode = rules::mode_after_write(&who(me), &seen.owned());
    if mode != seen.mode {
        remember(file, stat, &seen.record, &Seen { mode, ..*seen }, true)?;
    }
    // Most files have none, and most of those that write may not take it: nobody is told.
    let _ = host::removexattr(Route::to(file)?.path(), Path::new(b"user.newroot.security.capability\0"));
    Ok(())
}
