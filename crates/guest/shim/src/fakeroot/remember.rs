//! Records a file's new owner, mode and device for the guest ([`newroot_fakeroot::record_policy`]
//! has the rule).

use newroot_abi::Errno;
use newroot_fakeroot::Record;
use newroot_fakeroot::record::MESSAGE_MAX;
use newroot_fakeroot::record_policy::{Kept, Shown, host_mode, is_watched, keep, watched_mode};
use newroot_sys::raw;

use super::file::{File, GuestStat, Route, bears_attributes};
use super::{names, privileges, sidecar};
use crate::identity::session_file;
use crate::kernel::{self, AT_FDCWD, Path, Stat};

/// Set-user-ID and set-group-ID.
const SET_IDS: u32 = 0o6000;

/// Changes a file's view from `old` to `new`. Sets the host's mode if `set_mode`. If a step fails,
/// the steps before it are undone.
///
/// # Errors
/// EPERM or EACCES for a file of another user, ENOSPC, and the other errnos of setxattr(2),
/// symlink(2) and chmod(2).
pub fn remember(
    file: File<'_>,
    stat: &Stat,
    old: &Record,
    new: &GuestStat,
    set_mode: bool,
) -> Result<(), Errno> {
    let known = session_file::header();
    let is_default = (new.uid, new.gid, known.default_uid, known.default_gid) == (0, 0, 0, 0)
        && (stat.st_uid, stat.st_gid) == (known.real_uid, known.real_gid);
    let shown = Shown { uid: new.uid, gid: new.gid, mode: new.mode, device: new.record.device };
    let Kept { mut record, mut host_mode } = keep(&shown, stat.st_mode, is_default);
    if old.is_written(stat.st_mode) {
        privileges::lost_capabilities(file)?;
    }
    // A file that is open for writing may still be written to.
    if old.written.is_some() && is_watched(stat.st_mode) && new.mode & SET_IDS != 0 {
        record.written = Some(new.mode & !SET_IDS);
        host_mode = host_mode.map(watched_mode);
    }
    let host_mode = host_mode.filter(|_| set_mode || old.written.is_some());
    let is_link = stat.st_mode & raw::S_IFMT == raw::S_IFLNK;
    // Only a process that can write to the file can set an attribute.
    let writable = if is_link { 0 } else { 0o600 };
    let set = |mode: u32| kernel::fchmodat(AT_FDCWD, Route::to(file)?.path(), mode);
    if stat.st_mode & writable != writable {
        set(stat.st_mode & 0o7777 | writable)?;
    }
    let before = Record { birth: None, ..*old };
    let changes = before != record;
    // A recorded mode hides the host's, so the order doesn't matter. Without a record the host's
    // mode is the guest's.
    let result = match host_mode {
        None if changes => put(file, stat, &record),
        None => Ok(()),
        Some(mode) if record.mode.is_none() => {
            set(mode).and_then(|()| if changes { put(file, stat, &record) } else { Ok(()) })
        }
        Some(mode) => {
            if changes {
                put(file, stat, &record)?;
            }
            set(mode).inspect_err(|_| {
                if changes {
                    let _ = put(file, stat, &before);
                }
            })
        }
    };
    result.inspect_err(|_| {
        // The mode may have been changed, or was widened so that the attribute could be set.
        if !is_link && (host_mode.is_some() || stat.st_mode & writable != writable) {
            let _ = set(stat.st_mode & 0o7777);
        }
    })
}

/// Makes the kernel report a write to a file, which then has the mode `written`
/// ([`newroot_fakeroot::record_policy::watched_mode`]). If the host's file system keeps no
/// set-user-ID, no write is reported.
///
/// # Errors
/// The errnos of setxattr(2), symlink(2) and chmod(2), as [`remember`] gives them.
pub(super) fn watch(file: File<'_>, stat: &Stat, seen: &GuestStat, written: u32) -> Result<(), Errno> {
    let watched = is_watched(stat.st_mode) && seen.record.written.is_some();
    if watched && seen.record.written == Some(written) {
        return Ok(());
    }
    let set = |mode: u32| kernel::fchmodat(AT_FDCWD, Route::to(file)?.path(), mode & 0o7777);
    if seen.record.is_written(stat.st_mode) {
        privileges::lost_capabilities(file)?;
    }
    if !watched {
        set(watched_mode(host_mode(seen.mode)))?;
    }
    let record = Record {
        uid: Some(seen.uid),
        gid: Some(seen.gid),
        mode: Some(seen.mode),
        written: Some(written),
        birth: None,
        ..seen.record
    };
    let done = match file.stat() {
        Ok(now) if is_watched(now.st_mode) => put(file, stat, &record),
        Ok(_) => Err(Errno::OPNOTSUPP),
        Err(error) => Err(error),
    };
    match done.inspect_err(|_| {
        if !watched {
            let _ = set(stat.st_mode);
        }
    }) {
        Err(Errno::OPNOTSUPP) => Ok(()),
        other => other,
    }
}

/// Writes a record, or removes it if it is empty.
fn put(file: File<'_>, stat: &Stat, record: &Record) -> Result<(), Errno> {
    if bears_attributes(stat.st_mode) {
        let name = Path::new(names::RECORD);
        let mut route = Route::to(file)?;
        let result = if record.is_empty() {
            kernel::removexattr(route.path(), name)
        } else {
            let mut value = [0u8; MESSAGE_MAX];
            let len = record.encode(&mut value);
            kernel::setxattr(route.path(), name, value.get(..len).unwrap_or(&[]), 0)
        };
        match result {
            Err(Errno::OPNOTSUPP) => {}
            Err(Errno::NODATA) => return Ok(()),
            other => return other,
        }
    }
    if record.is_empty() {
        sidecar::forget(stat);
        return Ok(());
    }
    sidecar::write(file, stat, record)
}
