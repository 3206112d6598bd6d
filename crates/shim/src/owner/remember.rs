//! Recording what a file is to be to the guest ([`newroot_owner::keep`] has the rule).

use newroot_abi::Errno;
use newroot_owner::Record;
use newroot_owner::keep::{Kept, Shown, keep};
use newroot_owner::record::MESSAGE_MAX;
use newroot_sys::raw;

use super::file::{File, Route, Seen, bears_attributes};
use super::{names, session_file, sidecar};
use crate::host::{self, AT_FDCWD, Path, Stat};

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
    let Kept { record, host_mode } = keep(&shown, stat.st_mode, is_default);
    let host_mode = host_mode.filter(|_| set_mode);
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
