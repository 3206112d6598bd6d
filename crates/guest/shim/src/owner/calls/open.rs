//! open(2) and its kin: who may, what is recorded of a file that is made, and what stands in for a device.

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Want, permission as rules};
use newroot_paths::Last;
use newroot_sys::raw;

use super::create::{Parent, take_back};
use super::device::{may_be_device, open_device, open_multiplexer};
use crate::calls::open::{Request, hand_over, request};
use crate::calls::path::{exists, read_only_directory, searched};
use crate::calls::{precedence, read_path};
use crate::host::{self, Descriptor, FileType, Path, Stat};
use crate::links;
use crate::owner::file::{self, File, Seen};
use crate::owner::process::{self, who};
use crate::owner::{permission, privileges, procfs, stand_in};
use crate::resolve;
use crate::slots::{Operand, Scratch};
use crate::trap::{Outcome, Trapped};

const O_CREAT: u64 = raw::O_CREAT as u64;
const O_EXCL: u64 = raw::O_EXCL as u64;
const O_PATH: u64 = raw::O_PATH as u64;
const O_TMPFILE: u64 = raw::O_TMPFILE as u64;
const O_NOFOLLOW: u64 = raw::O_NOFOLLOW as u64;

/// `None` leaves the call to the ordinary code: the file exists, and may be opened.
pub(super) fn open(call: &mut Trapped<'_>, me: &Identity<'_>, scratch: &mut Scratch) -> Option<Outcome> {
    let opened = request(call).and_then(|request| {
        let opened = ours(me, &mut scratch.first, request)
            .map_err(|error| precedence::open(&request, error).err().unwrap_or(error))?;
        opened.map(|descriptor| hand_over(descriptor, request.flags)).transpose()
    });
    opened.transpose().map(Into::into)
}

/// The descriptor of what isn't left to the ordinary code.
fn ours(me: &Identity<'_>, operand: &mut Operand, request: Request) -> Result<Option<Descriptor>, Errno> {
    if request.resolve != 0 {
        // Confined lookups are the host's own; what they find is asked about.
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

/// A file that is there. Root needs not ask, and finds stand-ins by their answer: see [`opens_device`].
fn existing(me: &Identity<'_>, operand: &mut Operand, request: Request) -> Result<Option<Descriptor>, Errno> {
    if permission::is_unlimited(me) {
        return Ok(None);
    }
    permission::search(me, operand, request.directory, request.last())?;
    if request.flags & O_PATH != 0 {
        return Ok(None);
    }
    let object = match resolve::object(operand, request.directory, request.last()) {
        Ok(object) => object,
        // The ordinary code may have more luck, and wouldn't ask.
        Err(error) if error.is_shortage() => return Err(error),
        Err(_) => return Ok(None),
    };
    let mount = object.mount;
    check(me, permission::object_file(&object, operand), mount, request)
}

/// Whether a file may be opened; a stand-in is opened at once.
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
    let seen = file::look(me, file, &stat, mount)?;
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
    opened_device(file, &stat, &seen, request)
}

/// Opens the device that a stand-in is for, and marks the descriptor; `None` if it is no stand-in.
fn opened_device(
    file: File<'_>,
    stat: &Stat,
    seen: &Seen,
    request: Request,
) -> Result<Option<Descriptor>, Errno> {
    let opened = open_device(seen, request.flags)?;
    if let Some(opened) = &opened {
        stand_in::mark(opened, request.flags, file, stat)?;
    }
    Ok(opened)
}

/// Opens once more what a descriptor of a made device stands for, by its link in procfs. `None` if the
/// link is of anything else.
///
/// # Errors
/// Those of opening the device; what has run out.
pub(crate) fn open_stand_in(link: &[u8], request: Request) -> Result<Option<usize>, Errno> {
    let Some(found) = stand_in::of_link(link)? else { return Ok(None) };
    if request.flags & O_PATH != 0 {
        return hand_over(found, request.flags).map(Some);
    }
    let file = File::Found(found.number());
    let stat = file.stat()?;
    let seen = file::look(&process::current(), file, &stat, None)?;
    let opened = opened_device(file, &stat, &seen, request)?.ok_or(Errno::NXIO)?;
    drop(found);
    hand_over(opened, request.flags).map(Some)
}

/// The ordinary code's open answered `error`. ENXIO is what a socket answers: it may be a stand-in. EACCES is what a
/// devpts answers whose `ptmx` is nobody's to open.
pub(crate) fn opens_device(
    me: &Identity<'_>,
    operand: &mut Operand,
    request: Request,
    error: Errno,
) -> Result<usize, Errno> {
    read_path(operand, request.path)?;
    let object = resolve::object(operand, request.directory, request.last()).map_err(|_| error)?;
    let mount = object.mount;
    let file = permission::object_file(&object, operand);
    let stat = file.stat()?;
    if error == Errno::ACCES {
        let opened = open_multiplexer(&stat, request.flags).ok_or(error)??;
        drop(object);
        return hand_over(opened, request.flags);
    }
    if !may_be_device(&stat) {
        return Err(error);
    }
    let seen = file::look(me, file, &stat, mount)?;
    let opened = opened_device(file, &stat, &seen, request)?.ok_or(Errno::NXIO)?;
    drop(object);
    hand_over(opened, request.flags)
}

/// O_CREAT: makes the file, or finds that it is there.
fn create(me: &Identity<'_>, operand: &mut Operand, request: Request) -> Result<Option<Descriptor>, Errno> {
    const TRIES: usize = 64;
    let mut directory = request.directory;
    for _ in 0..TRIES {
        permission::search(me, operand, directory, Last::Keep)?;
        let entry = resolve::entry(operand, directory)?;
        let is_dots = matches!(operand.name.bytes(), b"." | b"..");
        if is_dots && request.flags & O_EXCL != 0 {
            return searched(&entry).and(Err(Errno::EXIST));
        }
        // What ends in a slash is no file, and a mount point is there already.
        if entry.mount_point || operand.name.bytes().ends_with(b"/") || is_dots {
            return Ok(None);
        }
        let name = Path::new(operand.name.with_nul());
        match host::fstatat(entry.directory(), name, raw::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::of(&stat) == FileType::Symlink && links::at(&entry, operand)?.is_some() => {
                if request.flags & O_EXCL != 0 {
                    return Err(Errno::EXIST);
                }
                return existing(me, operand, Request { directory, ..request });
            }
            Ok(stat) if FileType::of(&stat) == FileType::Symlink => {
                if request.flags & (O_EXCL | O_NOFOLLOW) != 0 {
                    return Ok(None);
                }
                // Where it leads to, there may be nothing yet.
                let found = resolve::walk_text(operand, directory, Last::Follow)?;
                if found.magic || found.directory {
                    return Ok(None);
                }
                let Operand { text, walk, .. } = operand;
                text.assign(walk.guest.bytes())?;
                directory = host::AT_FDCWD;
                continue;
            }
            Ok(stat) => {
                if request.flags & O_EXCL != 0 {
                    return Err(Errno::EXIST);
                }
                return found(me, operand, &entry, &stat, request);
            }
            Err(Errno::NOENT) => {}
            Err(error) => return Err(error),
        }
        if read_only_directory(&entry)? {
            return Err(Errno::ROFS);
        }
        let parent = Parent::of(me, &entry)?;
        let flags = request.flags | O_EXCL | O_NOFOLLOW | u64::from(raw::O_CLOEXEC);
        let name = Path::new(operand.name.with_nul());
        match host::openat(entry.directory(), name, flags as u32, request.mode as u32) {
            Ok(made) => {
                let recorded = parent.record(me, File::Descriptor(made.number()), request.mode as u32);
                let recorded = recorded.and_then(|()| watch_new(me, &made, &request));
                recorded.inspect_err(|_| take_back(&entry, operand, false))?;
                return Ok(Some(made));
            }
            // Somebody was faster.
            Err(Errno::EXIST) if exists(&entry, operand).is_ok() && request.flags & O_EXCL == 0 => {}
            Err(error) => return Err(error),
        }
    }
    Err(Errno::AGAIN)
}

/// A file that O_CREAT finds there.
fn found(
    me: &Identity<'_>,
    operand: &mut Operand,
    entry: &resolve::Entry,
    stat: &host::Stat,
    request: Request,
) -> Result<Option<Descriptor>, Errno> {
    if permission::is_unlimited(me) && !may_be_device(stat) {
        return Ok(None);
    }
    let flags = raw::O_PATH | raw::O_NOFOLLOW | raw::O_CLOEXEC;
    let name = Path::new(operand.name.with_nul());
    let file = host::openat(entry.directory(), name, flags, 0)?;
    check(me, File::Found(file.number()), entry.mount, request)
}

/// O_TMPFILE.
fn unnamed(me: &Identity<'_>, operand: &mut Operand, request: Request) -> Result<Descriptor, Errno> {
    let object = permission::object(me, operand, request.directory, request.last())?;
    let Some(directory) = &object.descriptor else { return Err(Errno::MFILE) };
    if FileType::of(&host::fstat(directory.number())?) != FileType::Directory {
        return Err(Errno::NOTDIR);
    }
    if object.read_only()? {
        return Err(Errno::ROFS);
    }
    let parent = Parent::of_directory(me, directory.number(), object.mount)?;
    let flags = request.flags | u64::from(raw::O_CLOEXEC);
    let made = host::openat(directory.number(), Path::new(b".\0"), flags as u32, request.mode as u32)?;
    parent.record(me, File::Descriptor(made.number()), request.mode as u32)?;
    watch_new(me, &made, &request)?;
    Ok(made)
}

/// A file that is made with set-user-ID loses it when its maker writes to it.
fn watch_new(me: &Identity<'_>, made: &Descriptor, request: &Request) -> Result<(), Errno> {
    const SET_IDS: u64 = 0o6000;
    if request.mode & SET_IDS == 0 || !wanted(request).has(Want::WRITE) {
        return Ok(());
    }
    privileges::lost_by_a_write_to(me, made.number())
}
