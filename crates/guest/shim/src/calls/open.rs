//! Opening files.
//!
//! An open may sleep (a FIFO waits for the other end), so it is made on the guest's own
//! stack; see [`crate::trap::resume`]. Most paths need one openat2(2) that refuses symlinks;
//! only if that answers ELOOP does the call come back here to be walked.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::{Found, Last, Lexical};
use newroot_sys::raw;

use super::path::{ends_in_dots, searched};
use super::{descriptor_argument, forward, precedence, procfs_files, read_path};
use crate::host::{self, AT_FDCWD, Descriptor, FileType, Path};
use crate::links;
use crate::memory;
use crate::owner;
use crate::resolve::{self, Anchored, NO_SYMLINKS, procfs};
use crate::session::session;
use crate::slots::{Operand, Scratch};
use crate::trap::resume::{Afterwards, Builder};
use crate::trap::{Outcome, Trapped};

/// What is asked of an open, whichever call asks it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) directory: i32,
    pub(crate) path: usize,
    pub(crate) flags: u64,
    pub(crate) mode: u64,
    /// RESOLVE_* of openat2(2).
    pub(crate) resolve: u64,
}

const O_TMPFILE: u64 = raw::O_TMPFILE as u64;
const O_CREAT: u64 = raw::O_CREAT as u64;
const O_DIRECTORY: u64 = raw::O_DIRECTORY as u64;
const O_PATH: u64 = raw::O_PATH as u64;
const O_NOFOLLOW: u64 = raw::O_NOFOLLOW as u64;
const O_CREAT_EXCL: u64 = (raw::O_CREAT | raw::O_EXCL) as u64;

/// Flags that open(2) knows; it ignores all others, where openat2(2) refuses them
/// (VALID_OPEN_FLAGS, include/linux/fcntl.h).
const KNOWN: u64 = 0o37_777_703;
/// What open(2) keeps beside O_PATH.
const WITH_PATH: u64 = (raw::O_PATH | raw::O_DIRECTORY | raw::O_NOFOLLOW | raw::O_CLOEXEC) as u64;

impl Request {
    /// What open(2) and openat(2) ask.
    pub(crate) fn classic(directory: i32, path: usize, flags: usize, mode: usize) -> Self {
        let mut flags = flags as u32 as u64 & KNOWN;
        if flags & O_PATH != 0 {
            flags &= WITH_PATH;
        }
        let creates = flags & O_CREAT != 0 || flags & O_TMPFILE == O_TMPFILE;
        let mode = if creates { mode as u64 & 0o7777 } else { 0 };
        Self { directory, path, flags, mode, resolve: 0 }
    }

    /// Whether it changes the file system, or could.
    pub(crate) fn writes(&self) -> bool {
        const WRITES: u64 = (raw::O_ACCMODE | raw::O_TRUNC | raw::O_CREAT) as u64;
        self.flags & O_PATH == 0 && (self.flags & WRITES != 0 || self.flags & O_TMPFILE == O_TMPFILE)
    }

    /// Whether it opens a directory, whose listing may depend on the path by which it is opened.
    pub(crate) fn lists(&self) -> bool {
        self.flags & (O_DIRECTORY | O_PATH) == O_DIRECTORY
            && self.flags & O_TMPFILE != O_TMPFILE
            && resolve::way::matters()
    }

    pub(crate) fn last(&self) -> Last {
        let keep = self.flags & O_NOFOLLOW != 0 || self.flags & O_CREAT_EXCL == O_CREAT_EXCL;
        if keep { Last::Keep } else { Last::Follow }
    }
}

/// Reads the request that a call makes.
///
/// # Errors
/// EFAULT, EINVAL, E2BIG for openat2(2)'s structure.
pub(crate) fn request(call: &Trapped<'_>) -> Result<Request, Errno> {
    let [a, b, c, d, ..] = call.arguments;
    Ok(match call.number as u32 {
        newroot_sys::arch::legacy::__NR_open => Request::classic(AT_FDCWD, a, b, c),
        newroot_sys::arch::legacy::__NR_creat => {
            Request::classic(AT_FDCWD, a, (raw::O_CREAT | raw::O_WRONLY | raw::O_TRUNC) as usize, b)
        }
        raw::__NR_openat => Request::classic(descriptor_argument(a), b, c, d),
        _ => {
            const SIZE: usize = 24;
            if d < SIZE {
                return Err(Errno::INVAL);
            }
            // A longer structure is one of a newer kernel's: its unknown part must be zero.
            let mut at = SIZE;
            while at < d.min(4096) {
                let mut byte = [0];
                memory::read_bytes(c + at, &mut byte)?;
                if byte != [0] {
                    return Err(Errno::TOOBIG);
                }
                at += 1;
            }
            if d > 4096 {
                return Err(Errno::TOOBIG);
            }
            let [flags, mode, resolve] = memory::read::<[u64; 3]>(c)?;
            check_strictly(flags, mode, resolve)?;
            Request { directory: descriptor_argument(a), path: b, flags, mode, resolve }
        }
    })
}

/// The RESOLVE_* flags of openat2(2).
const KNOWN_RESOLVE: u64 = 0x3f;

/// What openat2(2) refuses, and open(2) overlooks (build_open_flags() in fs/open.c).
fn check_strictly(flags: u64, mode: u64, resolve: u64) -> Result<(), Errno> {
    const SCOPES: u64 = (raw::RESOLVE_BENEATH | raw::RESOLVE_IN_ROOT) as u64;
    let creates = flags & O_CREAT != 0 || flags & O_TMPFILE == O_TMPFILE;
    let good = flags & !KNOWN == 0
        && resolve & !KNOWN_RESOLVE == 0
        && resolve & SCOPES != SCOPES
        && (flags & O_PATH == 0 || flags & !WITH_PATH == 0)
        && mode & !(if creates { 0o7777 } else { 0 }) == 0;
    if good { Ok(()) } else { Err(Errno::INVAL) }
}

/// open(2), openat(2), creat(2), openat2(2).
pub fn open(call: &mut Trapped<'_>, scratch: &mut Scratch) -> Outcome {
    let opened = first_try(call, &mut scratch.first);
    let opened = opened.or_else(|error| stand_in(call, &mut scratch.first, error));
    if let Ok(Outcome::Done(number)) = opened {
        remember_way(call, &mut scratch.first, number);
    }
    opened.unwrap_or_else(|error| {
        let asked = request(call).and_then(|request| precedence::open(&request, error));
        asked.into()
    })
}

/// Where the open answered ENXIO under fake root, what was found may stand for a device; where EACCES, it may be a
/// terminal multiplexer.
fn stand_in(call: &Trapped<'_>, operand: &mut Operand, error: Errno) -> Result<Outcome, Errno> {
    if !matches!(error, Errno::NXIO | Errno::ACCES) || !session().has(Flags::FAKE_ROOT) {
        return Err(error);
    }
    let opened = owner::opens_device(&owner::process::current(), operand, request(call)?, error)?;
    Ok(Outcome::Done(opened as isize))
}

fn first_try(call: &mut Trapped<'_>, operand: &mut Operand) -> Result<Outcome, Errno> {
    let request = request(call)?;
    read_path(operand, request.path)?;
    let makes_dots = request.flags & O_CREAT != 0 && ends_in_dots(operand.text.bytes());
    // A name that the host has a link for could be opened itself.
    let keeps_link = links::on() && request.flags & O_PATH != 0 && request.last() == Last::Keep;
    if makes_dots
        || keeps_link
        || request.resolve != 0
        || (request.writes() && session().has(Flags::READ_ONLY))
    {
        return walked(call, operand, request, 0);
    }
    let (directory, path) = match resolve::read_text(operand)? {
        Lexical::Relative if !procfs_files::may_be_special(operand.text.bytes()) => {
            (request.directory, operand.text.with_nul())
        }
        Lexical::Absolute(_)
            if operand.walk.host.len() < LONG && !procfs_files::is_special(operand.walk.host.bytes()) =>
        {
            (AT_FDCWD, operand.walk.host.with_nul())
        }
        _ => return walked(call, operand, request, 0),
    };
    let afterwards = if request.lists() { Afterwards::Always } else { Afterwards::OnLoop };
    match resume(call, request, (directory, path), NO_SYMLINKS, afterwards, 0) {
        // There was no room to sleep, and the text was tried right here.
        Err(Errno::LOOP) => walked(call, operand, request, 0),
        other => other,
    }
}

/// Host paths from here on are too long to be laid on the guest's stack.
const LONG: usize = 2048;

/// Leaves on a directory's descriptor by which guest path it was opened, where bindings are listed at one of several.
fn remember_way(call: &Trapped<'_>, operand: &mut Operand, result: isize) {
    let Ok(descriptor @ 0..) = i32::try_from(result) else { return };
    let Ok(request) = request(call) else { return };
    if !request.lists() {
        return;
    }
    let Ok(stat) = host::fstat(descriptor) else { return };
    if session().mounts.unlisted_in((stat.st_dev, stat.st_ino)).next().is_none() {
        return;
    }
    let read = read_path(operand, request.path);
    if let Ok(found) = read.and_then(|()| resolve::walk_text(operand, request.directory, request.last())) {
        resolve::remember_way(descriptor, found, &operand.walk.host);
    }
}

/// How often a path is walked, if each time a symlink has taken the place of something that the walk saw.
const WALKS: usize = 16;

/// How often, if it isn't to be followed, but may be one of several names that a file has since the walk saw it.
const NAMES: usize = 4;

/// The call came back: it answered ELOOP, which may mean no more than that there is a symlink, or that there is one
/// since the path was walked.
pub fn came_back(call: &mut Trapped<'_>, scratch: &mut Scratch, result: isize, walks: usize) -> Outcome {
    for refused in [Errno::NXIO, Errno::ACCES] {
        if result == refused.to_return() {
            return stand_in(call, &mut scratch.first, refused).unwrap_or_else(Outcome::from);
        }
    }
    // A file that lay elsewhere under its last name, which is another file's by now.
    let gone = result == Errno::NOENT.to_return() && links::on() && walks < WALKS;
    if result != Errno::LOOP.to_return() && !gone {
        remember_way(call, &mut scratch.first, result);
        return Outcome::Done(result);
    }
    let again = request(call).and_then(|request| {
        read_path(&mut scratch.first, request.path)?;
        walked(call, &mut scratch.first, request, walks)
    });
    let again = again.or_else(|error| stand_in(call, &mut scratch.first, error));
    again.unwrap_or_else(Outcome::from)
}

/// Opens by walking, which was done so many times.
fn walked(
    call: &mut Trapped<'_>,
    operand: &mut Operand,
    request: Request,
    walks: usize,
) -> Result<Outcome, Errno> {
    let text = operand.text.bytes();
    if request.flags & O_CREAT != 0 && request.resolve == 0 && text.ends_with(b"/") && !ends_in_dots(text) {
        // Whatever the name stands for (open_last_lookups() in fs/namei.c).
        searched(&resolve::entry(operand, request.directory)?)?;
        return Err(Errno::ISDIR);
    }
    let found = if request.resolve == 0 {
        match resolve::walk_text(operand, request.directory, request.last()) {
            Err(error @ (Errno::NOENT | Errno::NAMETOOLONG)) => {
                return reopened(operand, request).map_err(|_| error);
            }
            other => other?,
        }
    } else {
        restricted(operand, request)?
    };
    if request.flags & O_CREAT != 0 && !found.magic && ends_in_dots(operand.text.bytes()) {
        // It is a directory, and there.
        let exclusive = request.flags & O_CREAT_EXCL == O_CREAT_EXCL;
        return Err(if exclusive { Errno::EXIST } else { Errno::ISDIR });
    }
    if request.writes() && session().has(Flags::READ_ONLY) {
        refuse_read_only(operand, request, found)?;
    }
    let afterwards = if session().has(Flags::FAKE_ROOT) { Afterwards::OnRefusal } else { Afterwards::Never };
    // A descriptor of such a file leads to it again.
    let leads_to_procfs = found.magic && procfs_files::follow(&mut operand.walk.host)?;
    if procfs_files::is_special(operand.walk.host.bytes())
        && let Some(file) = procfs_files::open(&mut operand.walk.host, &request, call.context.mask)?
    {
        return hand_over(file, request.flags).map(|number| Outcome::Done(number as isize));
    }
    if found.magic && procfs::exe::is_link(operand.walk.host.bytes()) {
        if request.writes() {
            return Err(Errno::TXTBSY);
        }
        let file = procfs::exe::copy(operand.walk.host.bytes(), request.flags as u32)?;
        return hand_over(file, request.flags).map(|number| Outcome::Done(number as isize));
    }
    if found.magic
        && session().has(Flags::FAKE_ROOT)
        && let Some(device) = owner::open_stand_in(operand.walk.host.bytes(), request)?
    {
        return Ok(Outcome::Done(device as isize));
    }
    if found.magic && !leads_to_procfs {
        // Only the kernel can follow it, and it must be allowed to.
        let host = operand.walk.host.with_nul();
        return resume(call, request, (AT_FDCWD, host), 0, afterwards, walks + 1);
    }
    let request = if found.elsewhere { of_existing(request)? } else { request };
    let nofollow = Request { flags: request.flags | O_NOFOLLOW, ..request };
    let asked_nofollow = request.flags & O_NOFOLLOW != 0;
    if operand.walk.host.len() < LONG {
        // A dangling link may be created through, so the kernel isn't told O_NOFOLLOW for O_CREAT
        // without need: the walk has followed all links there were.
        let resolve = if session().has_openat2() { NO_SYMLINKS } else { 0 };
        let request = if asked_nofollow || resolve == 0 { nofollow } else { request };
        let afterwards = if (found.elsewhere || request.lists()) && walks < WALKS {
            Afterwards::Always
        } else if !asked_nofollow && walks < WALKS || links::on() && walks < NAMES {
            Afterwards::OnLoop
        } else {
            afterwards
        };
        let host = operand.walk.host.with_nul();
        return resume(call, request, (AT_FDCWD, host), resolve, afterwards, walks + 1);
    }
    let at = Anchored::new(&mut operand.walk.host)?;
    let opened = resolve::open_host(at.directory(), at.path(), nofollow.flags, nofollow.mode, NO_SYMLINKS)?;
    Ok(Outcome::Done(opened.into_number() as isize))
}

/// Gives the guest a descriptor that we opened, at the lowest number that is free (open(2)): others
/// of ours were open when it was, and are closed by now.
///
/// # Errors
/// close(2)'s, fcntl(2)'s.
pub(crate) fn hand_over(made: Descriptor, flags: u64) -> Result<usize, Errno> {
    let fcntl = |descriptor: i32, command: u32, argument: usize| {
        forward(raw::__NR_fcntl, [descriptor as usize, command as usize, argument, 0, 0, 0])
    };
    let closed_by_exec = flags & u64::from(raw::O_CLOEXEC) != 0;
    let copy = if closed_by_exec { raw::F_DUPFD_CLOEXEC } else { raw::F_DUPFD };
    if let Ok(lowest) = fcntl(made.number(), copy, 0) {
        if (lowest as i32) < made.number() {
            return Ok(lowest);
        }
        forward(raw::__NR_close, [lowest, 0, 0, 0, 0, 0])?;
    }
    if !closed_by_exec {
        fcntl(made.number(), raw::F_SETFD, 0)?;
    }
    Ok(made.into_number() as usize)
}

/// What is asked of a file that lies elsewhere under a name: nothing is ever made there.
fn of_existing(request: Request) -> Result<Request, Errno> {
    if request.flags & O_CREAT_EXCL == O_CREAT_EXCL {
        return Err(Errno::EXIST);
    }
    if request.flags & O_CREAT == 0 {
        return Ok(request);
    }
    Ok(Request { flags: request.flags & !O_CREAT, mode: 0, ..request })
}

/// From a directory without a guest path (see `resolve::object`): what exists is opened again through
/// its descriptor.
fn reopened(operand: &mut Operand, request: Request) -> Result<Outcome, Errno> {
    if operand.text.bytes().first() == Some(&b'/') {
        return Err(Errno::NOENT);
    }
    let object = resolve::object(operand, request.directory, request.last())?;
    if request.writes() && object.read_only()? {
        return Err(Errno::ROFS);
    }
    object.name(operand)?;
    let flags = request.flags & !O_NOFOLLOW;
    let opened = host::openat(AT_FDCWD, Path::new(operand.name.with_nul()), flags as u32, 0)?;
    Ok(Outcome::Done(opened.into_number() as isize))
}

/// EROFS, with the kernel's precedence: only for a file that exists or would be made
/// (do_open() and lookup_open() in fs/namei.c).
fn refuse_read_only(operand: &mut Operand, request: Request, found: Found) -> Result<(), Errno> {
    let at = Anchored::new(&mut operand.walk.host)?;
    let (mount, exists) = if found.magic {
        let target = host::openat(at.directory(), at.path(), raw::O_PATH | raw::O_CLOEXEC, 0)?;
        (resolve::mount_of_directory(target.number())?, host::fstat(target.number()))
    } else {
        (Some(found.mount), host::fstatat(at.directory(), at.path(), raw::AT_SYMLINK_NOFOLLOW))
    };
    if !mount.is_some_and(resolve::is_read_only) {
        return Ok(());
    }
    match exists {
        Err(Errno::NOENT) if request.flags & O_CREAT != 0 => Err(Errno::ROFS),
        Err(error) => Err(error),
        Ok(_) if request.flags & O_CREAT_EXCL == O_CREAT_EXCL => Err(Errno::EXIST),
        Ok(stat) => {
            // Both bits ask for rights alone, as for an ioctl.
            let access = request.flags & u64::from(raw::O_ACCMODE);
            let plain_write = matches!(access as u32, raw::O_WRONLY | raw::O_RDWR)
                || request.flags & u64::from(raw::O_TRUNC) != 0
                || request.flags & O_TMPFILE == O_TMPFILE;
            match FileType::of(&stat) {
                FileType::Regular | FileType::Other if request.flags & O_DIRECTORY != 0 => Err(Errno::NOTDIR),
                FileType::Directory if request.flags & O_TMPFILE == O_TMPFILE => Err(Errno::ROFS),
                FileType::Regular if plain_write => {
                    writable(&at, request.flags)?;
                    Err(Errno::ROFS)
                }
                // Devices, FIFOs and sockets aren't written to the file system.
                _ => Ok(()),
            }
        }
    }
}

/// The right to write a file, which is minded before its mount, but where it is to be cut off (do_open() in
/// fs/namei.c). Fake root has it.
fn writable(at: &Anchored<'_>, flags: u64) -> Result<(), Errno> {
    let rights = match flags as u32 & raw::O_ACCMODE {
        raw::O_WRONLY => raw::W_OK,
        raw::O_RDWR => raw::R_OK | raw::W_OK,
        _ => return Ok(()),
    };
    if flags & u64::from(raw::O_TRUNC) != 0 || session().has(Flags::FAKE_ROOT) {
        return Ok(());
    }
    host::faccessat(at.directory(), at.path(), rights)
}

/// openat2(2) with RESOLVE_* flags, in guest terms.
///
/// RESOLVE_IN_ROOT and RESOLVE_BENEATH confine a lookup to the directory: the guest's mounts
/// below it are walked like everything else.
fn restricted(operand: &mut Operand, request: Request) -> Result<Found, Errno> {
    const CACHED: u64 = raw::RESOLVE_CACHED as u64;
    if request.resolve & CACHED != 0 {
        // "Only if it needs no waiting": it may always say no (openat2(2)).
        return Err(Errno::AGAIN);
    }
    resolve::restricted::walk(operand, request.directory, request.last(), request.resolve)
}

/// Makes the call on the guest's stack.
fn resume(
    call: &mut Trapped<'_>,
    request: Request,
    (directory, path): (i32, &[u8]),
    resolve: u64,
    afterwards: Afterwards,
    walks: usize,
) -> Result<Outcome, Errno> {
    let directory_word = directory as isize as usize;
    let mut builder = Builder::new(call);
    if !builder.fits(path.len() + 64, afterwards) {
        // No room to sleep on: a goroutine's stack. Its thread is the runtime's to block.
        let opened = resolve::open_host(directory, Path::new(path), request.flags, request.mode, resolve);
        return opened.map(|opened| Outcome::Done(opened.into_number() as isize));
    }
    let path = builder.push(path)?;
    if session().has_openat2() {
        let how = builder.push_words([request.flags as usize, request.mode as usize, resolve as usize])?;
        let arguments = [directory_word, path, how, 24, 0, 0];
        return builder.finish(call, raw::__NR_openat2, arguments, afterwards, [walks, 0, 0, 0]);
    }
    let arguments = [directory_word, path, request.flags as usize, request.mode as usize, 0, 0];
    builder.finish(call, raw::__NR_openat, arguments, afterwards, [walks, 0, 0, 0])
}
