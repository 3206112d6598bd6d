//! Recording what a file is to be to the guest ([`newroot_fakeroot::keep`] has the rule).

use newroot_abi::Errno;
use newroot_fakeroot::Record;
use newroot_fakeroot::keep::{Kept, Shown, host_mode, is_watched, keep, watched_mode};
use newroot_fakeroot::record::MESSAGE_MAX;
use newroot_sys::raw;

use super::file::{File, Route, Seen, bears_attributes};
use super::{names, privileges, session_file, sidecar};
use crate::host::{self, AT_FDCWD, Path, Stat};

/// Set-user-ID and set-group-ID.
const SET_IDS: u32 = 0o6000;

/// Makes a file what `new` says, which it was `old` before. Its host mode is set if `set_mode`. What fails is taken back
/// as far as it was done.
///
/// # Errors
/// What recording gives: EPERM or EACCES for a file of someone else's, ENOSPC and the like.
pub fn remember(file: File<'_>, stat: &Stat, old: &Record, new: &Seen, set_mode: bool) -> Result<(), Errno> {
    let known = session_file::header();
    let is_default = (new.uid, new.gid, known.default_uid, known.default_gid) == (0, 0, 0, 0)
        && (stat.st_uid, stat.st_gid) == (known.real_uid, known.real_gid);
    let shown = Shown { uid: new.uid, gid: new.gid, mode: new.mode, device: new.record.device };
    let Kept { mut record, mut host_mode } = keep(&shown, stat.st_mode, is_default);
    if old.is_written(stat.st_mode) {
        privileges::lost_capabilities(file)?;
    }
    // What is open to be written to may still be.
    if old.written.is_some() && is_watched(stat.st_mode) && new.mode & SET_IDS != 0 {
        record.written = Some(new.mode & !SET_IDS);
        host_mode = host_mode.map(watched_mode);
    }
    let host_mode = host_mode.filter(|_| set_mode || old.written.is_some());
    let is_link = stat.st_mode & raw::S_IFMT == raw::S_IFLNK;
    // An attribute can only be set by who may write.
    let writable = if is_link { 0 } else { 0o600 };
    let set = |mode: u32| host::fchmodat(AT_FDCWD, Route::to(file)?.path(), mode);
    if stat.st_mode & writable != writable {
        set(stat.st_mode & 0o7777 | writable)?;
    }
    let before = Record { birth: None, ..*old };
    let changes = before != record;
    // A mode that is recorded hides the host's, which may change at leisure; one that isn't is the host's.
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
        // The mode may have been changed, or only made such that the attribute could be set.
        if !is_link && (host_mode.is_some() || stat.st_mode & writable != writable) {
            let _ = set(stat.st_mode & 0o7777);
        }
    })
}

/// Has the kernel report whether somebody writes to a file, which has the mode `written` then
/// ([`newroot_fakeroot::keep::watched_mode`]). Where the host's file system keeps no set-user-ID, nobody reports.
///
/// # Errors
/// What recording gives.
pub(super) fn watch(file: File<'_>, stat: &Stat, seen: &Seen, written: u32) -> Result<(), Errno> {
    let watched = is_watched(stat.st_mode) && seen.record.written.is_some();
    if watched && seen.record.written == Some(written) {
        return Ok(());
    }
    let set = |mode: u32| host::fchmodat(AT_FDCWD, Route::to(file)?.path(), mode & 0o7777);
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

/// Writes a record, or takes it away if it is empty.
fn put(file: File<'_>, stat: &Stat, record: &Record) -> Result<(), Errno> {
    if bears_attributes(stat.st_mode) {
        let name = Path::new(names::RECORD);
        let mut route = Route::to(file)?;
        let result = if record.is_empty() {
            host::removexattr(route.path(), name)
        } else {
            let mut value = [0u8; MESSAGE_MAX];
            let len = record.encode(&mut value);
            host::setxattr(route.path(), name, value.get(..len).unwrap_or(&[]), 0)
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
