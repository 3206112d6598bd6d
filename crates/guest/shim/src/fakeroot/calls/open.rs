//! open(2) and its variants: checks permissions, records new files, and opens devices for their
//! stand-ins.

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Want, permission as rules};
use newroot_paths::Last;
use newroot_sys::raw;

use super::create::{Parent, take_back};
use super::device::{may_be_device, open_device, open_multiplexer};
use crate::call::{Outcome, Trapped, read_path};
use crate::calls::errno_order;
use crate::calls::open::{Request, hand_over, request};
use crate::fakeroot::file::{self, File, GuestStat};
use crate::fakeroot::{marks, permission, privileges, procfs};
use crate::identity::process::{self, who};
use crate::kernel::{self, Descriptor, FileType, Path, Stat};
use crate::resolve::{self, Entry, Target as _, stand_in};
use crate::slots::{Operand, Scratch};

const O_CREAT: u64 = raw::O_CREAT as u64;
const O_EXCL: u64 = raw::O_EXCL as u64;
const O_PATH: u64 = raw::O_PATH as u64;
const O_TMPFILE: u64 = raw::O_TMPFILE as u64;
const O_NOFOLLOW: u64 = raw::O_NOFOLLOW as u64;

/// Runs the call. `None` leaves it to the ordinary code: the file exists, and may be opened.
pub(super) fn open(call: &mut Trapped<'_>, me: &Identity<'_>, scratch: &mut Scratch) -> Option<Outcome> {
    let opened = request(call).and_then(|request| {
        let opened = ours(me, &mut scratch.first, request)
            .map_err(|error| errno_order::open(&request, error).err().unwrap_or(error))?;
        opened.map(|descriptor| hand_over(descriptor, request.flags)).transpose()
    });
    opened.transpose().map(Into::into)
}

/// Opens a file that isn't left to the ordinary code.
fn ours(me: &Identity<'_>, operand: &mut Operand, request: Request) -> Result<Option<Descriptor>, Errno> {
    if request.resolve != 0 {
        // A restricted lookup is the host's. The file that it finds is checked.
        return Ok(None);
    }
    read_path(operand, request.path)?;
    if request.flags & O_TMPFILE == O_TMPFILE {
        return unnamed(me, operand, request).map(Some);
    }
    if request.flags & O_CREAT != 0 && request.flags & O_PATH == 0 {
        return create(me, operand, request);
    }
    existing(me, operand, request)
}

fn wanted(request: &Request) -> Want {
    let access = match request.flags as u32 & raw::O_ACCMODE {
        raw::O_RDONLY => Want::READ,
        raw::O_WRONLY => Want::WRITE,
        _ => Want::READ.with(Want::WRITE),
    };
    if request.flags & u64::from(raw::O_TRUNC) != 0 { access.with(Want::WRITE) } else { access }
}

/// Opens an existing file. Root needs no check, and finds a stand-in by the errno of opening it:
/// see [`open_refused`].
fn existing(me: &Identity<'_>, operand: &mut Operand, request: Request) -> Result<Option<Descriptor>, Errno> {
    if permission::is_unlimited(me) {
        return Ok(None);
    }
    permission::search(me, operand, request.directory, request.last())?;
    if request.flags & O_PATH != 0 {
        return Ok(None);
    }
    let mut object = match resolve::object(operand, request.directory, request.last()) {
        Ok(object) => object,
        // The ordinary code may succeed, and makes no check.
        Err(error) if error.is_shortage() => return Err(error),
        Err(_) => return Ok(None),
    };
    let (file, mount) = permission::object_file(&mut object);
    check(me, file, mount, request)
}

/// Checks whether a file may be opened. Opens the device of a stand-in at once.
fn check(
    me: &Identity<'_>,
    file: File<'_>,
    mount: Option<usize>,
    request: Request,
) -> Result<Option<Descriptor>, Errno> {
    let stat = file.stat()?;
    if FileType::of(&stat) == FileType::Symlink {
        return Ok(None);
    }
    if let Some(opened) = open_multiplexer(&stat, request.flags) {
        return opened.map(Some);
    }
    let is_directory = FileType::of(&stat) == FileType::Directory;
    if is_directory && (wanted(&request).has(Want::WRITE) || request.flags & O_CREAT != 0) {
        return Err(Errno::ISDIR);
    }
    if !is_directory && request.flags & u64::from(raw::O_DIRECTORY) != 0 {
        return Err(Errno::NOTDIR);
    }
    let seen = file::guest_stat(me, file, &stat, mount)?;
    if resolve::procfs::device() == Some(stat.st_dev) {
        procfs::may_read(me, file)?;
    }
    permission::ask(me, file, &seen, |owned| rules::may(&who(me), owned, wanted(&request)))?;
    if request.flags & u64::from(raw::O_NOATIME) != 0 && !who(me).is_owner(&seen.owned()) {
        return Err(Errno::PERM);
    }
    if request.flags & u64::from(raw::O_TRUNC) != 0 && !permission::is_unlimited(me) {
        privileges::lost_by_writing(me, file, &stat, &seen)?;
    } else if wanted(&request).has(Want::WRITE) {
        privileges::lost_by_a_write(me, file, &stat, &seen)?;
    }
    opened_device(file, &stat, &seen, request.flags)
}

/// Opens the device of a stand-in, and marks the descriptor. `None` if the file is no stand-in.
fn opened_device(
    file: File<'_>,
    stat: &Stat,
    seen: &GuestStat,
    flags: u64,
) -> Result<Option<Descriptor>, Errno> {
    let opened = open_device(seen, flags)?;
    if let Some(opened) = &opened {
        marks::mark(opened, flags, file, stat)?;
    }
    Ok(opened)
}

/// Opens a made device again by a descriptor's link in procfs. `None` for any other link.
///
/// # Errors
/// The errnos of open(2) for the device; EMFILE, ENFILE or ENOMEM.
pub(crate) fn open_stand_in(link: &[u8], flags: u64) -> Result<Option<usize>, Errno> {
    let Some(found) = stand_in::of_link(link)? else { return Ok(None) };
    if flags & O_PATH != 0 {
        return hand_over(found, flags).map(Some);
    }
    let file = File::Found(found.number());
    let stat = file.stat()?;
    let seen = file::guest_stat(&process::current(), file, &stat, None)?;
    let opened = opened_device(file, &stat, &seen, flags)?.ok_or(Errno::NXIO)?;
    drop(found);
    hand_over(opened, flags).map(Some)
}

/// Handles the `error` of the ordinary code's open. ENXIO is from a socket, which may be a
/// stand-in. EACCES is from a devpts whose `ptmx` no user can open.
pub(crate) fn open_refused(call: &Trapped<'_>, operand: &mut Operand, error: Errno) -> Result<usize, Errno> {
    let me = &process::current();
    let request = request(call)?;
    read_path(operand, request.path)?;
    let mut object = resolve::object(operand, request.directory, request.last()).map_err(|_| error)?;
    let (file, mount) = permission::object_file(&mut object);
    let stat = file.stat()?;
    if error == Errno::ACCES {
        let opened = open_multiplexer(&stat, request.flags).ok_or(error)??;
        drop(object);
        return hand_over(opened, request.flags);
    }
    if !may_be_device(&stat) {
        return Err(error);
    }
    let seen = file::guest_stat(me, file, &stat, mount)?;
    let opened = opened_device(file, &stat, &seen, request.flags)?.ok_or(Errno::NXIO)?;
    drop(object);
    hand_over(opened, request.flags)
}

/// Runs O_CREAT: makes the file, or finds an existing one.
fn create(me: &Identity<'_>, operand: &mut Operand, request: Request) -> Result<Option<Descriptor>, Errno> {
    const TRIES: usize = 64;
    let mut directory = request.directory;
    for _ in 0..TRIES {
        permission::search(me, operand, directory, Last::Keep)?;
        let mut entry = resolve::entry(operand, directory)?;
        let is_dots = matches!(entry.name(), b"." | b"..");
        if is_dots && request.flags & O_EXCL != 0 {
            return entry.check_directory().and(Err(Errno::EXIST));
        }
        // A name that ends in a slash is no file, and a mount point exists already.
        if entry.mount_point || entry.name().ends_with(b"/") || is_dots {
            return Ok(None);
        }
        match entry.stat() {
            Ok(stat) if FileType::of(&stat) == FileType::Symlink && entry.hardlink()?.is_some() => {
                if request.flags & O_EXCL != 0 {
                    return Err(Errno::EXIST);
                }
                return existing(me, operand, Request { directory, ..request });
            }
            Ok(stat) if FileType::of(&stat) == FileType::Symlink => {
                if request.flags & (O_EXCL | O_NOFOLLOW) != 0 {
                    return Ok(None);
                }
                // The target of the symlink may not exist yet.
                let found = resolve::walk_text(operand, directory, Last::Follow)?.found;
                if found.magic || found.directory {
                    return Ok(None);
                }
                let Operand { text, walk, .. } = operand;
                text.assign(walk.guest.bytes())?;
                directory = kernel::AT_FDCWD;
                continue;
            }
            Ok(stat) => {
                if request.flags & O_EXCL != 0 {
                    return Err(Errno::EXIST);
                }
                return found(me, &mut entry, &stat, request);
            }
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
        if entry.is_read_only()? {
            return Err(Errno::ROFS);
        }
        let parent = Parent::of(me, &entry)?;
        let flags = request.flags | O_EXCL | O_NOFOLLOW | u64::from(raw::O_CLOEXEC);
        let (parent_directory, name) = entry.at();
        match kernel::openat(parent_directory, name, flags as u32, request.mode as u32) {
            Ok(made) => {
                let recorded = parent.record(me, File::Descriptor(made.number()), request.mode as u32);
                let recorded = recorded.and_then(|()| watch_new(me, &made, &request));
                recorded.inspect_err(|_| take_back(entry.at(), false))?;
                return Ok(Some(made));
            }
            // Another process was faster.
            Err(Errno::EXIST) if entry.exists().is_ok() && request.flags & O_EXCL == 0 => {}
            Err(error) => return Err(error),
        }
    }
    Err(Errno::AGAIN)
}

/// Opens an existing file that O_CREAT found.
fn found(
    me: &Identity<'_>,
    entry: &mut Entry<'_>,
    stat: &kernel::Stat,
    request: Request,
) -> Result<Option<Descriptor>, Errno> {
    if permission::is_unlimited(me) && !may_be_device(stat) {
        return Ok(None);
    }
    let file = entry.open_path()?;
    check(me, File::Found(file.number()), entry.named_mount(), request)
}

/// Runs O_TMPFILE.
fn unnamed(me: &Identity<'_>, operand: &mut Operand, request: Request) -> Result<Descriptor, Errno> {
    let object = permission::object(me, operand, request.directory, request.last())?;
    let Some(directory) = &object.descriptor else { return Err(Errno::MFILE) };
    if FileType::of(&kernel::fstat(directory.number())?) != FileType::Directory {
        return Err(Errno::NOTDIR);
    }
    if object.is_read_only()? {
        return Err(Errno::ROFS);
    }
    let parent = Parent::of_directory(me, directory.number(), object.named_mount())?;
    let flags = request.flags | u64::from(raw::O_CLOEXEC);
    let made = kernel::openat(directory.number(), Path::new(b".\0"), flags as u32, request.mode as u32)?;
    parent.record(me, File::Descriptor(made.number()), request.mode as u32)?;
    watch_new(me, &made, &request)?;
    Ok(made)
}

/// Watches a new file: one that is made with set-user-ID loses it when its maker writes to it.
fn watch_new(me: &Identity<'_>, made: &Descriptor, request: &Request) -> Result<(), Errno> {
    const SET_IDS: u64 = 0o6000;
    if request.mode & SET_IDS == 0 || !wanted(request).has(Want::WRITE) {
        return Ok(());
    }
    privileges::lost_by_a_write_to(me, made.number())
}
