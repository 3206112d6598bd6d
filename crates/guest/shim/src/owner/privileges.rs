//! What a file loses when it is written to: set-user-ID, set-group-ID and capabilities (`file_remove_privs` of
//! fs/inode.c). A write that begins with a path is seen here. write(2) itself isn't trapped: when the file is opened,
//! the kernel is asked to report one.

use newroot_abi::Errno;
use newroot_fakeroot::permission as rules;
use newroot_fakeroot::session::Identity;

use super::file::{self, File, Route, Seen};
use super::names::CAPABILITY;
use super::process::who;
use super::remember::{remember, watch};
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

/// Has a file that this identity has open for writing lose, with the first write, what that takes. What
/// can't be watched keeps it.
///
/// # Errors
/// What has run out.
pub(super) fn lost_by_a_write(
    me: &Identity<'_>,
    file: File<'_>,
    stat: &Stat,
    seen: &Seen,
) -> Result<(), Errno> {
    if FileType::of(stat) != FileType::Regular {
        return Ok(());
    }
    let written = rules::mode_after_write(&who(me), &seen.owned());
    let is_capable = || !seen.record.is_written(stat.st_mode) && file.attribute(CAPABILITY, &mut []).is_ok();
    if written == seen.mode && !is_capable() || !seen.is_ours(file, stat, None)? {
        return Ok(());
    }
    match watch(file, stat, seen, written) {
        Err(error) if error.is_shortage() => Err(error),
        _ => Ok(()),
    }
}

/// Does the same for a file that was just made or changed, which a descriptor has open for writing.
///
/// # Errors
/// As for [`lost_by_a_write`].
pub(super) fn lost_by_a_write_to(me: &Identity<'_>, descriptor: i32) -> Result<(), Errno> {
    let file = File::Descriptor(descriptor);
    let stat = file.stat()?;
    let seen = file::look(me, file, &stat, None)?;
    lost_by_a_write(me, file, &stat, &seen)
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
