//! Whether who isn't root may do what the host's kernel would let the real user do.
//!
//! The host knows one user, who owns all the files and may do everything. So before a call of somebody without
//! root's capabilities, its path is walked once more, and each directory on it asked whether it may be searched.
//! What else is wrong with the path is for the call itself to find.

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Capabilities, Owned, Want, permission};
use newroot_paths::{Fs, GuestBuf, HostBuf, Last, Link, split_last, walk};
use newroot_sys::raw;

use super::file::{self, File, Seen};
use super::list;
use super::process::{current, who};
use super::procfs;
use crate::host::{self, AT_FDCWD, FileType, Path};
use crate::limits::with_descriptors;
use crate::resolve::refused::SHARED;
use crate::resolve::{self, Entry, HostFs, Object};
use crate::session::session;
use crate::slots::Operand;

/// Whether nothing about files is ever refused to this identity.
#[must_use]
pub fn is_unlimited(me: &Identity<'_>) -> bool {
    const ALL: Capabilities = Capabilities::DAC_OVERRIDE
        .union(Capabilities::DAC_READ_SEARCH)
        .union(Capabilities::FOWNER)
        .union(Capabilities::FSETID)
        .union(Capabilities::CHOWN);
    me.credentials.effective.has(ALL)
}

/// EACCES if a directory that the operand's path leads through may not be searched.
///
/// # Errors
/// EACCES; what has run out, where one couldn't be asked.
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
        // The last name's directory: the walk itself doesn't look at a name that isn't followed.
        Ok(found) if !found.magic => may_search_parent(me, &scratch.guest),
        Err(Errno::ACCES) => Err(Errno::ACCES),
        // The call itself may have more luck, and wouldn't ask.
        Err(error) if error.is_shortage() => Err(error),
        _ => Ok(()),
    }
}

/// The host's file system, where each directory is asked.
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
            let directory = host::openat(AT_FDCWD, path, raw::O_PATH | raw::O_CLOEXEC, 0)?;
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
    // The kernel's own file systems know better who we are.
    if host.bytes() == b"/proc" || host.bytes().starts_with(b"/proc/") {
        return Ok(());
    }
    let flags = raw::O_PATH | raw::O_CLOEXEC | raw::O_NOFOLLOW;
    let path = Path::new(host.with_nul());
    with_descriptors([-1; 2], || match host::openat(AT_FDCWD, path, flags, 0) {
        Ok(directory) => may_search(me, directory.number(), Some(mount)),
        Err(error) if error.is_shortage() => Err(error),
        // What can't be opened is for the call to find.
        Err(_) => Ok(()),
    })
}

fn may_search(me: &Identity<'_>, directory: i32, mount: Option<usize>) -> Result<(), Errno> {
    let file = File::Found(directory);
    let stat = file.stat()?;
    // That it is no directory is for the call to find.
    if FileType::of(&stat) != FileType::Directory {
        return Ok(());
    }
    let seen = file::look(me, file, &stat, mount)?;
    ask(me, file, &seen, |owned| permission::may(&who(me), owned, Want::EXECUTE))
}

/// Asks a rule about a file; its access list is read where it decides something.
///
/// # Errors
/// What has run out; the rule's.
pub fn ask<T>(
    me: &Identity<'_>,
    file: File<'_>,
    seen: &Seen,
    rule: impl FnOnce(&Owned<'_>) -> Result<T, Errno>,
) -> Result<T, Errno> {
    let group_decides = seen.mode & 0o070 != 0 && me.credentials.fsuid != seen.uid;
    if group_decides && !is_unlimited(me) { list::ask(file, seen, rule) } else { rule(&seen.owned()) }
}

/// Whether a file may be read, written, executed or searched.
///
/// # Errors
/// EACCES; what looking at it gives.
pub fn may(me: &Identity<'_>, file: File<'_>, mount: Option<usize>, want: Want) -> Result<(), Errno> {
    let seen = file::look(me, file, &file.stat()?, mount)?;
    ask(me, file, &seen, |owned| permission::may(&who(me), owned, want))
}

/// The same of an object that was found.
///
/// # Errors
/// As for [`may`].
pub fn may_object(
    me: &Identity<'_>,
    object: &Object,
    operand: &mut Operand,
    want: Want,
) -> Result<(), Errno> {
    if is_unlimited(me) {
        return Ok(());
    }
    may(me, object_file(object, operand), object.mount, want)
}

/// The file that was found.
pub fn object_file<'a>(object: &Object, operand: &'a mut Operand) -> File<'a> {
    match &object.descriptor {
        Some(descriptor) => File::Found(descriptor.number()),
        None => File::Host(Path::new(operand.walk.host.with_nul())),
    }
}

/// Finds the file that a path names, if all directories on the way may be searched.
///
/// # Errors
/// What path_resolution(7) gives.
pub fn object(me: &Identity<'_>, operand: &mut Operand, directory: i32, last: Last) -> Result<Object, Errno> {
    search(me, operand, directory, last)?;
    resolve::object(operand, directory, last)
}

/// What the directory of a name is; `None` where no descriptor could be had of it.
///
/// # Errors
/// What looking at it gives.
pub fn directory(me: &Identity<'_>, entry: &Entry) -> Result<Seen, Errno> {
    let file = File::Descriptor(entry.directory());
    let stat = file.stat()?;
    file::look(me, file, &stat, entry.mount)
}

/// Whether a link may be followed, if its directory is sticky and everybody may write it (may_follow_link() in fs/namei.c): both are open.
///
/// # Errors
/// EACCES; what finding out gives.
pub fn may_follow_link(directory: i32, link: i32) -> Result<(), Errno> {
    let me = current();
    let look = |descriptor| {
        let file = File::Found(descriptor);
        file::look(&me, file, &file.stat()?, None)
    };
    let (directory, link) = (look(directory)?, look(link)?);
    let shared = directory.mode & SHARED == SHARED;
    let allowed = !shared || link.uid == me.credentials.fsuid || link.uid == directory.uid;
    if allowed { Ok(()) } else { Err(Errno::ACCES) }
}
