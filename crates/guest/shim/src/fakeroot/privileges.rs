//! The privileges that a file loses when it is written to: set-user-ID, set-group-ID and
//! capabilities (`file_remove_privs` of fs/inode.c). The shim sees a write that begins with a path.
//! It doesn't trap write(2), so it lets the kernel report the first write of an open file.

use newroot_abi::Errno;
use newroot_fakeroot::permission as rules;
use newroot_fakeroot::session::Identity;

use super::file::{self, File, GuestStat, Route};
use super::names::CAPABILITY;
use super::remember::{remember, watch};
use crate::identity::process::who;
use crate::kernel::{self, FileType, Path, Stat};

/// Removes the privileges that a write by this identity removes.
///
/// # Errors
/// The errnos of [`remember`](super::remember::remember).
pub(super) fn lost_by_writing(
    me: &Identity<'_>,
    file: File<'_>,
    stat: &Stat,
    seen: &GuestStat,
) -> Result<(), Errno> {
    if FileType::of(stat) != FileType::Regular || !seen.is_ours(file, stat, None)? {
        return Ok(());
    }
    let mode = rules::mode_after_write(&who(me), &seen.owned());
    if mode != seen.mode {
        remember(file, stat, &seen.record, &GuestStat { mode, ..*seen }, true)?;
    }
    lost_capabilities(file)
}

/// Makes a file that this identity has open for writing lose its privileges with the first write. A
/// file that can't be watched keeps them.
///
/// # Errors
/// EMFILE, ENFILE or ENOMEM.
pub(super) fn lost_by_a_write(
    me: &Identity<'_>,
    file: File<'_>,
    stat: &Stat,
    seen: &GuestStat,
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

/// Does the same for a file that was just made or changed, and that a descriptor has open for
/// writing.
///
/// # Errors
/// EMFILE, ENFILE or ENOMEM.
pub(super) fn lost_by_a_write_to(me: &Identity<'_>, descriptor: i32) -> Result<(), Errno> {
    let file = File::Descriptor(descriptor);
    let stat = file.stat()?;
    let seen = file::guest_stat(me, file, &stat, None)?;
    lost_by_a_write(me, file, &stat, &seen)
}

/// Removes the capabilities that a file gives to a process that executes it. Most files have none,
/// and most writers may not remove them, so failures aren't reported.
///
/// # Errors
/// EBADF or ENAMETOOLONG, if there is no route to the file.
pub(super) fn lost_capabilities(file: File<'_>) -> Result<(), Errno> {
    let _ = kernel::removexattr(Route::to(file)?.path(), Path::new(CAPABILITY));
    Ok(())
}
