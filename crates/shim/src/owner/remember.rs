//! Recording what a file is to be to the guest.
//!
//! The host's mode follows the guest's as far as the real user, who serves the guest, isn't locked out, and as
//! nobody on the host gets a right from it that the guest's mode would give to others: set-user-ID and the like
//! are only recorded.

use newroot_abi::Errno;
use newroot_owner::Record;
use newroot_owner::record::{ATTRIBUTE, MESSAGE_MAX};
use newroot_sys::raw;

use super::file::{File, Route, Seen, bears_attributes};
use super::{session_file, sidecar};
use crate::host::{self, AT_FDCWD, Path, Stat};

/// What the mode of the host's file is to be, without the type.
#[must_use]
pub fn host_mode(mode: u32) -> u32 {
    let permissions = mode & 0o777;
    match mode & raw::S_IFMT {
        raw::S_IFDIR => permissions | 0o700,
        // Root executes what anybody may.
        _ if permissions & 0o111 != 0 => permissions | 0o700,
        _ => permissions | 0o600,
    }
}

/// Makes a file what `new` says, which it was `old` before. Its host mode is set if `set_mode`.
///
/// # Errors
/// What recording gives: EPERM or EACCES for a file of someone else's, ENOSPC and the like.
pub fn remember(file: File<'_>, stat: &Stat, old: &Record, new: &Seen, set_mode: bool) -> Result<(), Errno> {
    let is_link = stat.st_mode & raw::S_IFMT == raw::S_IFLNK;
    let host = host_mode(new.mode);
    let same_type = new.mode & raw::S_IFMT == stat.st_mode & raw::S_IFMT;
    let needs_mode = !is_link && (!same_type || new.mode & 0o7777 != host);
    let known = session_file::header();
    let is_default = (new.uid, new.gid, known.default_uid, known.default_gid) == (0, 0, 0, 0)
        && (stat.st_uid, stat.st_gid) == (known.real_uid, known.real_gid);
    let mut record = Record { device: new.record.device, ..Record::NONE };
    if !is_default || needs_mode || record.device.is_some() {
        record.uid = Some(new.uid);
        record.gid = Some(new.gid);
    }
    if needs_mode {
        record.mode = Some(new.mode);
    }
    // An attribute can only be set by who may write.
    let writable = if is_link { 0 } else { 0o600 };
    if stat.st_mode & writable != writable {
        host::fchmodat(AT_FDCWD, Route::to(file)?.path(), stat.st_mode & 0o7777 | writable)?;
    }
    let change_host = set_mode && same_type && !is_link;
    // A mode that is recorded hides the host's, which may change at leisure; one that isn't is the host's.
    if change_host && !needs_mode {
        host::fchmodat(AT_FDCWD, Route::to(file)?.path(), host)?;
    }
    if (Record { birth: None, ..*old }) != record {
        put(file, stat, &record)?;
    }
    if change_host && needs_mode {
        host::fchmodat(AT_FDCWD, Route::to(file)?.path(), host)?;
    }
    Ok(())
}

/// Writes a record, or takes it away if it is empty.
fn put(file: File<'_>, stat: &Stat, record: &Record) -> Result<(), Errno> {
    if bears_attributes(stat.st_mode) {
        let mut name = [0u8; ATTRIBUTE.len() + 1];
        name[..ATTRIBUTE.len()].copy_from_slice(ATTRIBUTE);
        let name = Path::new(&name);
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
