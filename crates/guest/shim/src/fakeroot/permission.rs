//! Checks whether a user other than root may do what the host's kernel allows the real user.
//!
//! The host knows one user, who owns all files and may do everything with them. So before a call of
//! a process without root's capabilities, the shim walks its path once more, and checks whether
//! each directory on it may be searched. The call itself reports all other errors of the path.

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Owned, Want, permission};
use newroot_paths::{Fs, GuestBuf, HostBuf, Last, Link, split_last, walk};
use newroot_sys::raw;

use super::file::{self, File, GuestStat};
use super::list;
use super::procfs;
use crate::identity::process::{current, who};
use crate::kernel::{self, AT_FDCWD, FileType, Path};
use crate::limits::with_descriptors;
use crate::resolve::refused::SHARED;
use crate::resolve::{self, Entry, HostFs, Object};
use crate::session::session;
use crate::slots::Operand;

pub use crate::identity::process::is_unlimited;

/// Checks whether the directories on the operand's path may be searched.
///
/// # Errors
/// EACCES; EMFILE, ENFILE or ENOMEM if a directory can't be checked.
pub fn search(me: &Identity<'_>, operand: &mut Operand, directory: i32, last: Last) -> Result<(), Errno> {
    if is_unlimited(me) {
        return Ok(());
    }
    search_text(me, operand, directory, last)
}

fn search_text(me: &Identity<'_>, operand: &mut Operand, directory: i32, last: Last) -> Result<(), Errno> {
    let Operand { text, walk: scratch, .. } = operand;
    if text.bytes().first() != Some(&b'/') {
        match resolve::directory_path(directory, &mut scratch.guest) {
            Ok(_) => {}
            Err(error) if error.is_shortage() => return Err(error),
            Err(_) => return Ok(()),
        }
    }
    let mounts = &session().mounts;
    let mut fs = Searching { me };
    match walk(&mut fs, mounts, scratch, text.bytes(), last) {
        // Checks the last name's directory: the walk doesn't look up a name that isn't followed.
        Ok(found) if !found.magic => may_search_parent(me, &scratch.guest),
        Err(Errno::ACCES) => Err(Errno::ACCES),
        // The call itself may succeed, and makes no check.
        Err(error) if error.is_shortage() => Err(error),
        _ => Ok(()),
    }
}

/// The host's file system, with a check of each directory.
struct Searching<'a> {
    me: &'a Identity<'a>,
}

impl Fs for Searching<'_> {
    fn read_link(
        &mut self,
        guest: &GuestBuf,
        host: &mut HostBuf,
        last: bool,
        text: &mut GuestBuf,
    ) -> Result<Link, Errno> {
        may_search_parent(self.me, guest)?;
        procfs::may_follow(self.me, host.bytes())?;
        HostFs.read_link(guest, host, last, text)
    }

    fn search(&mut self, host: &mut HostBuf) -> Result<(), Errno> {
        let path = Path::new(host.with_nul());
        with_descriptors([-1; 2], || {
            let directory = kernel::openat(AT_FDCWD, path, raw::O_PATH | raw::O_CLOEXEC, 0)?;
            may_search(self.me, directory.number(), None)
        })?;
        HostFs.search(host)
    }

    fn elsewhere(&mut self, host: &mut HostBuf) -> Result<bool, Errno> {
        HostFs.elsewhere(host)
    }
}

fn may_search_parent(me: &Identity<'_>, guest: &GuestBuf) -> Result<(), Errno> {
    let (parent, _) = split_last(guest.bytes());
    let parent = parent.strip_suffix(b"/").unwrap_or(parent);
    if guest.is_empty() {
        return Ok(());
    }
    let mut host = HostBuf::new();
    let mount = session().mounts.translate(parent, &mut host)?;
    // The kernel's own file systems have the right owners already.
    if host.bytes() == b"/proc" || host.bytes().starts_with(b"/proc/") {
        return Ok(());
    }
    let flags = raw::O_PATH | raw::O_CLOEXEC | raw::O_NOFOLLOW;
    let path = Path::new(host.with_nul());
    with_descriptors([-1; 2], || match kernel::openat(AT_FDCWD, path, flags, 0) {
        Ok(directory) => may_search(me, directory.number(), Some(mount)),
        Err(error) if error.is_shortage() => Err(error),
        // The call reports why the directory can't be opened.
        Err(_) => Ok(()),
    })
}

fn may_search(me: &Identity<'_>, directory: i32, mount: Option<usize>) -> Result<(), Errno> {
    let file = File::Found(directory);
    let stat = file.stat()?;
    // The call reports that it is no directory.
    if FileType::of(&stat) != FileType::Directory {
        return Ok(());
    }
    let seen = file::guest_stat(me, file, &stat, mount)?;
    ask(me, file, &seen, |owned| permission::may(&who(me), owned, Want::EXECUTE))
}

/// Asks a rule about a file. Reads its access control list where it matters.
///
/// # Errors
/// The rule's errno; EMFILE, ENFILE or ENOMEM if the list can't be read.
pub fn ask<T>(
    me: &Identity<'_>,
    file: File<'_>,
    seen: &GuestStat,
    rule: impl FnOnce(&Owned<'_>) -> Result<T, Errno>,
) -> Result<T, Errno> {
    let group_decides = seen.mode & 0o070 != 0 && me.credentials.fsuid != seen.uid;
    if group_decides && !is_unlimited(me) { list::ask(file, seen, rule) } else { rule(&seen.owned()) }
}

/// Checks whether a file may be read, written, executed or searched.
///
/// # Errors
/// EACCES; the errnos of fstat(2); EMFILE, ENFILE or ENOMEM if its record can't be read.
pub fn may(me: &Identity<'_>, file: File<'_>, mount: Option<usize>, want: Want) -> Result<(), Errno> {
    let seen = file::guest_stat(me, file, &file.stat()?, mount)?;
    ask(me, file, &seen, |owned| permission::may(&who(me), owned, want))
}

/// Checks whether a file that a path has led to may be read, written, executed or searched.
///
/// # Errors
/// EACCES; those of fstat(2).
pub fn may_object(me: &Identity<'_>, object: &mut Object<'_>, want: Want) -> Result<(), Errno> {
    if is_unlimited(me) {
        return Ok(());
    }
    let (file, mount) = object_file(object);
    may(me, file, mount, want)
}

/// Returns the file that a path has led to, and the mount that the path named.
pub fn object_file<'a>(object: &'a mut Object<'_>) -> (File<'a>, Option<usize>) {
    let mount = object.named_mount();
    match &object.descriptor {
        Some(descriptor) => (File::Found(descriptor.number()), mount),
        None => (File::Host(object.host()), mount),
    }
}

/// Finds the file that a path names, if all directories on the way may be searched.
///
/// # Errors
/// Those of path_resolution(7).
pub fn object<'a>(
    me: &Identity<'_>,
    operand: &'a mut Operand,
    directory: i32,
    last: Last,
) -> Result<Object<'a>, Errno> {
    search(me, operand, directory, last)?;
    resolve::object(operand, directory, last)
}

/// Finds the guest's view of a name's directory.
///
/// # Errors
/// The errnos of fstat(2); EMFILE, ENFILE or ENOMEM if its record can't be read.
pub fn directory(me: &Identity<'_>, entry: &Entry<'_>) -> Result<GuestStat, Errno> {
    let file = File::Descriptor(entry.directory());
    let stat = file.stat()?;
    file::guest_stat(me, file, &stat, entry.named_mount())
}

/// Checks whether a symlink may be followed, if its directory is sticky and every user can write to
/// it (may_follow_link() in fs/namei.c). Both are open.
///
/// # Errors
/// EACCES; the errnos of fstat(2).
pub fn may_follow_link(directory: i32, link: i32) -> Result<(), Errno> {
    let me = current();
    let look = |descriptor| {
        let file = File::Found(descriptor);
        file::guest_stat(&me, file, &file.stat()?, None)
    };
    let (directory, link) = (look(directory)?, look(link)?);
    let shared = directory.mode & SHARED == SHARED;
    let allowed = !shared || link.uid == me.credentials.fsuid || link.uid == directory.uid;
    if allowed { Ok(()) } else { Err(Errno::ACCES) }
}
