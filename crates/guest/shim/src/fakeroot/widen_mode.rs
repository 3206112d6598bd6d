//! Files whose mode keeps out the host's user, under whom the guest runs.
//!
//! A mode that the guest sets is only recorded (see [`remember`](super::remember)). But a root that
//! another program unpacked may have files of mode 0444 and directories of mode 0555, and root can
//! write to these. So where the host reports EACCES to root in the guest, the shim records the
//! modes on the way, widens them, and makes the call again.

use newroot_abi::Errno;
use newroot_abi::plan::MountFlags;
use newroot_fakeroot::record_policy::host_mode;
use newroot_fakeroot::session::Identity;
use newroot_paths::{HostBuf, Last};
use newroot_sys::raw;
use newroot_sys::table::Row;

use super::file::{self, File};
use super::permission;
use super::remember::remember;
use crate::call::{Trapped, read_path};
use crate::calls::path::named;
use crate::calls::socket;
use crate::identity::{process, session_file};
use crate::kernel::{self, AT_FDCWD, FileType, Path};
use crate::limits::with_descriptors;
use crate::resolve;
use crate::session::session;
use crate::slots::{Operand, Scratch};

/// Widens the modes that keep the host's user from the files of a call. Returns false if there is
/// none, so that repeating the call wouldn't help.
///
/// # Errors
/// EMFILE, ENFILE or ENOMEM: then there may be such a mode.
pub fn widen_mode(call: &Trapped<'_>, row: &Row, scratch: &mut Scratch) -> Result<bool, Errno> {
    let me = process::current();
    if !permission::is_unlimited(&me) {
        return Ok(false);
    }
    let unless_short = |widened: Result<bool, Errno>| match widened {
        Err(error) if error.is_shortage() => Err(error),
        widened => Ok(widened.unwrap_or(false)),
    };
    let mut widened = false;
    if row.address {
        let operand = &mut scratch.first;
        if matches!(socket::read_unix_path(call, operand), Ok(true)) {
            widened |= unless_short(along(&me, operand, AT_FDCWD))?;
        }
    }
    for argument in row.paths.into_iter().flatten() {
        let (directory, path) = named(&call.arguments, argument);
        let operand = &mut scratch.first;
        if read_path(operand, path).is_ok() {
            widened |= unless_short(along(&me, operand, directory))?;
        }
    }
    Ok(widened)
}

/// Widens the directories on the way, beginning with the first closed one, and the file itself.
fn along(me: &Identity<'_>, operand: &mut Operand, directory: i32) -> Result<bool, Errno> {
    let mut widened = false;
    loop {
        // Where the walk stops, the guest path ends in the component that it couldn't look up.
        let arrived = resolve::walk_text(operand, directory, Last::Follow).is_ok();
        let guest = operand.walk.guest.bytes();
        let mut changed = false;
        let ends = guest.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in ends.chain([guest.len()]) {
            changed |= one(me, guest.get(..end).unwrap_or(guest))?;
        }
        widened |= changed;
        if !changed || arrived {
            return Ok(widened);
        }
    }
}

fn one(me: &Identity<'_>, guest: &[u8]) -> Result<bool, Errno> {
    let mut host = HostBuf::new();
    let mount = session().mounts.translate(guest, &mut host)?;
    if !session().mounts.get(mount).flags.has(MountFlags::OURS) {
        return Ok(false);
    }
    let host = Path::new(host.with_nul());
    with_descriptors([-1; 2], || {
        let flags = raw::O_PATH | raw::O_NOFOLLOW | raw::O_CLOEXEC;
        match kernel::openat(AT_FDCWD, host, flags, 0) {
            Ok(found) => widen(me, File::Found(found.number()), mount),
            Err(error) if error.is_shortage() => Err(error),
            Err(_) => Ok(false),
        }
    })
}

/// Widens a file's mode. Returns false if it is wide enough, or the file isn't in the root's own
/// tree.
fn widen(me: &Identity<'_>, file: File<'_>, mount: usize) -> Result<bool, Errno> {
    let stat = file.stat()?;
    let kind = FileType::of(&stat);
    let closed = stat.st_mode & 0o7777 != host_mode(stat.st_mode);
    if stat.st_uid != session_file::header().real_uid
        || !closed
        || !matches!(kind, FileType::Regular | FileType::Directory)
    {
        return Ok(false);
    }
    let seen = file::guest_stat(me, file, &stat, Some(mount))?;
    remember(file, &stat, &seen.record, &seen, true)?;
    Ok(file.stat()?.st_mode != stat.st_mode)
}
