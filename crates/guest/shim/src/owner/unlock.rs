//! Files whose mode keeps the host's user, who serves the guest, out.
//!
//! What the guest gives such a mode only gets it recorded (see [`remember`](super::remember)). But a root that
//! somebody else unpacked may have files of mode 0444 and directories of mode 0555, in which root can write all
//! the same. So where the host says EACCES to who is root in the guest, the modes on the way are recorded and
//! widened, and the call is made again.

use newroot_abi::Errno;
use newroot_abi::plan::MountFlags;
use newroot_fakeroot::keep::host_mode;
use newroot_fakeroot::session::Identity;
use newroot_paths::{HostBuf, Last};
use newroot_sys::arch::legacy;
use newroot_sys::raw;
use newroot_sys::table::{Call, Row};

use super::file::{self, File};
use super::remember::remember;
use super::{permission, process, session_file};
use crate::calls::path::{argument, directory_of};
use crate::calls::{descriptor_argument, read_path, socket};
use crate::host::{self, AT_FDCWD, FileType, Path};
use crate::limits::with_descriptors;
use crate::resolve;
use crate::session::session;
use crate::slots::{Operand, Scratch};
use crate::trap::Trapped;

/// Widens what keeps the host's user from the files that a call names; false if there is nothing to widen, so
/// that making the call again would lead nowhere.
///
/// # Errors
/// What has run out: then there may be something.
pub fn unlock(call: &Trapped<'_>, row: &Row, scratch: &mut Scratch) -> Result<bool, Errno> {
    let me = process::current();
    if !permission::is_unlimited(&me) {
        return Ok(false);
    }
    let unless_short = |widened: Result<bool, Errno>| match widened {
        Err(error) if error.is_shortage() => Err(error),
        widened => Ok(widened.unwrap_or(false)),
    };
    let mut widened = false;
    if matches!(row.call, Call::Bind | Call::Connect) {
        let operand = &mut scratch.first;
        if matches!(socket::read_unix_path(call, operand), Ok(true)) {
            widened |= unless_short(along(&me, operand, AT_FDCWD))?;
        }
    }
    for (directory, path) in paths(call, row).into_iter().flatten() {
        let operand = &mut scratch.first;
        if read_path(operand, path).is_ok() {
            widened |= unless_short(along(&me, operand, directory))?;
        }
    }
    Ok(widened)
}

/// Directory and path of each file that a call names.
fn paths(call: &Trapped<'_>, row: &Row) -> [Option<(i32, usize)>; 2] {
    let [a, b, c, d, ..] = call.arguments;
    let at = descriptor_argument;
    match row.call {
        Call::Path(path) => {
            [Some((directory_of(&call.arguments, &path), argument(&call.arguments, path.path))), None]
        }
        Call::OpenAt | Call::OpenAt2 | Call::NewFStatAt | Call::StatX | Call::ReadLinkAt | Call::ExecVeAt => {
            [Some((at(a), b)), None]
        }
        Call::RenameAt | Call::RenameAt2 | Call::LinkAt => [Some((at(a), b)), Some((at(c), d))],
        Call::Rename | Call::Link => [Some((AT_FDCWD, a)), Some((AT_FDCWD, b))],
        Call::Open
        | Call::Creat
        | Call::Stat
        | Call::LStat
        | Call::ReadLink
        | Call::ChDir
        | Call::StatFs
        | Call::ExecVe => [Some((AT_FDCWD, a)), None],
        _ if call.number as u32 == legacy::__NR_symlink => [Some((AT_FDCWD, b)), None],
        _ => [None, None],
    }
}

/// Widens the directories on the way, the first that is closed first, and the file itself.
fn along(me: &Identity<'_>, operand: &mut Operand, directory: i32) -> Result<bool, Errno> {
    let mut widened = false;
    loop {
        // As far as it goes: where the walk stops, the guest path has the component it couldn't look at.
        let result = resolve::walk_text(operand, directory, Last::Follow);
        let guest = operand.walk.guest.bytes();
        let mut changed = false;
        let ends = guest.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        for end in ends.chain([guest.len()]) {
            changed |= one(me, guest.get(..end).unwrap_or(guest))?;
        }
        widened |= changed;
        if !changed || result.is_ok() {
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
        match host::openat(AT_FDCWD, host, flags, 0) {
            Ok(found) => widen(me, File::Found(found.number()), mount),
            Err(error) if error.is_shortage() => Err(error),
            Err(_) => Ok(false),
        }
    })
}

/// Widens a file's mode; false if it is wide enough, or isn't ours.
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
    let seen = file::look(me, file, &stat, Some(mount))?;
    remember(file, &stat, &seen.record, &seen, true)?;
    Ok(file.stat()?.st_mode != stat.st_mode)
}
