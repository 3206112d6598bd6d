//! Opening files.
//!
//! An open may sleep (a FIFO waits for the other end), so it is made on the guest's own stack; see
//! [`crate::call::resume`]. Most paths need one openat2(2) that refuses symlinks. Only if that
//! fails with ELOOP does the call come back here, and its path is walked.

pub(crate) mod request;

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::{Last, Lexical};
use newroot_sys::raw;

use self::request::{O_CREAT, O_CREAT_EXCL, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_TMPFILE};
pub(crate) use self::request::{Request, request};
use super::{errno_order, synthetic_proc};
use crate::call::resume::{Afterwards, Builder};
use crate::call::{Outcome, Trapped, forward, read_path};
use crate::hardlinks;
use crate::host_path::{Anchored, NO_SYMLINKS};
use crate::kernel::{self, AT_FDCWD, Descriptor, FileType, Path};
use crate::resolve::{self, Target as _, Walked, ends_in_dots, procfs};
use crate::session::session;
use crate::slots::{Operand, Scratch};

/// Runs open(2), openat(2), creat(2) and openat2(2).
pub fn open(call: &mut Trapped<'_>, scratch: &mut Scratch) -> Outcome {
    let opened = first_try(call, &mut scratch.first);
    let opened = opened.or_else(|error| stand_in(call, &mut scratch.first, error));
    if let Ok(Outcome::Done(number)) = opened {
        remember_way(call, &mut scratch.first, number);
    }
    opened.unwrap_or_else(|error| {
        let asked = request(call).and_then(|request| errno_order::open(&request, error));
        asked.into()
    })
}

/// Handles an open that the kernel refused under fake root. After ENXIO the file may be a stand-in
/// for a device, after EACCES a terminal multiplexer.
fn stand_in(call: &Trapped<'_>, operand: &mut Operand, error: Errno) -> Result<Outcome, Errno> {
    match session().policy {
        Some(policy) if matches!(error, Errno::NXIO | Errno::ACCES) => {
            let opened = (policy.open_refused)(call, operand, error)?;
            Ok(Outcome::Done(opened as isize))
        }
        _ => Err(error),
    }
}

fn first_try(call: &mut Trapped<'_>, operand: &mut Operand) -> Result<Outcome, Errno> {
    let request = request(call)?;
    read_path(operand, request.path)?;
    let makes_dots = request.flags & O_CREAT != 0 && ends_in_dots(operand.text.bytes());
    // A name that is a link on the host could be opened itself.
    let keeps_link = hardlinks::on() && request.flags & O_PATH != 0 && request.last() == Last::Keep;
    if makes_dots
        || keeps_link
        || request.resolve != 0
        || (request.writes() && session().has(Flags::READ_ONLY))
    {
        return open_by_walk(call, operand, request, 0);
    }
    let (directory, path) = match resolve::read_text(operand)? {
        Lexical::Relative if !synthetic_proc::may_be_special(operand.text.bytes()) => {
            (request.directory, operand.text.with_nul())
        }
        Lexical::Absolute(_)
            if operand.walk.host.len() < LONG && !synthetic_proc::is_special(operand.walk.host.bytes()) =>
        {
            (AT_FDCWD, operand.walk.host.with_nul())
        }
        _ => return open_by_walk(call, operand, request, 0),
    };
    let afterwards = if request.lists() { Afterwards::Always } else { Afterwards::OnLoop };
    match resume(call, request, (directory, path), NO_SYMLINKS, afterwards, 0) {
        // There was no space to sleep, and the text was tried right here.
        Err(Errno::LOOP) => open_by_walk(call, operand, request, 0),
        other => other,
    }
}

/// From this length on, host paths are too long for the guest's stack.
const LONG: usize = 2048;

/// Marks a directory's descriptor with the guest path by which it was opened, where bindings are
/// listed at one of several paths.
fn remember_way(call: &Trapped<'_>, operand: &mut Operand, result: isize) {
    let Ok(descriptor @ 0..) = i32::try_from(result) else { return };
    let Ok(request) = request(call) else { return };
    if !request.lists() {
        return;
    }
    let Ok(stat) = kernel::fstat(descriptor) else { return };
    if session().mounts.unlisted_in((stat.st_dev, stat.st_ino)).next().is_none() {
        return;
    }
    if read_path(operand, request.path).is_ok()
        && let Ok(walked) = resolve::walk_text(operand, request.directory, request.last())
    {
        resolve::remember_way(descriptor, walked);
    }
}

/// Limit of walks of a path, if each time a symlink has replaced something that the walk saw.
const WALKS: usize = 16;

/// Limit of walks of a path that isn't followed, but may have become one of several names of a file
/// since the walk.
const NAMES: usize = 4;

/// Handles a call that came back with ELOOP. It may mean that there is a symlink, or one that was
/// made since the walk.
pub fn came_back(call: &mut Trapped<'_>, scratch: &mut Scratch, result: isize, walks: usize) -> Outcome {
    for refused in [Errno::NXIO, Errno::ACCES] {
        if result == refused.to_return() {
            return stand_in(call, &mut scratch.first, refused).unwrap_or_else(Outcome::from);
        }
    }
    // A file that was elsewhere, and has lost the name by now.
    let gone = result == Errno::NOENT.to_return() && hardlinks::on() && walks < WALKS;
    if result != Errno::LOOP.to_return() && !gone {
        remember_way(call, &mut scratch.first, result);
        return Outcome::Done(result);
    }
    let again = request(call).and_then(|request| {
        read_path(&mut scratch.first, request.path)?;
        open_by_walk(call, &mut scratch.first, request, walks)
    });
    let again = again.or_else(|error| stand_in(call, &mut scratch.first, error));
    again.unwrap_or_else(Outcome::from)
}

/// Opens the file by a walk. `walks` is the number of walks before.
fn open_by_walk(
    call: &mut Trapped<'_>,
    operand: &mut Operand,
    request: Request,
    walks: usize,
) -> Result<Outcome, Errno> {
    let text = operand.text.bytes();
    if request.flags & O_CREAT != 0 && request.resolve == 0 && text.ends_with(b"/") && !ends_in_dots(text) {
        // For any file at the name (open_last_lookups() in fs/namei.c).
        resolve::entry(operand, request.directory)?.check_directory()?;
        return Err(Errno::ISDIR);
    }
    let mut walked = if request.resolve == 0 {
        match resolve::walk_text(operand, request.directory, request.last()) {
            Err(error @ (Errno::NOENT | Errno::NAMETOOLONG)) => {
                return reopened(operand, request).map_err(|_| error);
            }
            other => other?,
        }
    } else {
        restricted(operand, request)?
    };
    if request.flags & O_CREAT != 0 && !walked.found.magic && ends_in_dots(walked.text()) {
        // The file is a directory, and exists.
        let exclusive = request.flags & O_CREAT_EXCL == O_CREAT_EXCL;
        return Err(if exclusive { Errno::EXIST } else { Errno::ISDIR });
    }
    if request.writes() && session().has(Flags::READ_ONLY) {
        refuse_read_only(&mut walked, request)?;
    }
    match open_special(call, &mut walked, request, walks)? {
        Some(outcome) => Ok(outcome),
        None => open_walked(call, walked, request, walks),
    }
}

/// Opens a file that the kernel can't open by a host path alone: one of procfs that is shown in
/// guest terms, or one behind a magic link. `None` for all other files.
fn open_special(
    call: &mut Trapped<'_>,
    walked: &mut Walked<'_>,
    request: Request,
    walks: usize,
) -> Result<Option<Outcome>, Errno> {
    let magic = walked.found.magic;
    // A descriptor of such a file leads to it again.
    let leads_to_procfs = magic && synthetic_proc::follow(walked.host())?;
    if synthetic_proc::is_special(walked.host().bytes())
        && let Some(file) = synthetic_proc::open(walked.host(), &request, call.context.mask)?
    {
        return hand_over(file, request.flags).map(|number| Some(Outcome::Done(number as isize)));
    }
    if !magic {
        return Ok(None);
    }
    if procfs::exe::is_link(walked.host().bytes()) {
        if request.writes() {
            return Err(Errno::TXTBSY);
        }
        let file = procfs::exe::copy(walked.host().bytes(), request.flags as u32)?;
        return hand_over(file, request.flags).map(|number| Some(Outcome::Done(number as isize)));
    }
    if let Some(policy) = session().policy
        && let Some(device) = (policy.open_stand_in)(walked.host().bytes(), request.flags)?
    {
        return Ok(Some(Outcome::Done(device as isize)));
    }
    if leads_to_procfs {
        return Ok(None);
    }
    // Only the kernel can follow it, and it must be allowed to.
    let host = walked.host().with_nul();
    resume(call, request, (AT_FDCWD, host), 0, on_refusal(), walks + 1).map(Some)
}

/// Returns whether a call that the host refuses comes back: under fake root it may be the open of a
/// device.
fn on_refusal() -> Afterwards {
    if session().has(Flags::FAKE_ROOT) { Afterwards::OnRefusal } else { Afterwards::Never }
}

/// Opens the file at the end of a walk by its host path.
fn open_walked(
    call: &mut Trapped<'_>,
    mut walked: Walked<'_>,
    request: Request,
    walks: usize,
) -> Result<Outcome, Errno> {
    let elsewhere = walked.found.elsewhere;
    let request = if elsewhere { of_existing(request)? } else { request };
    let nofollow = Request { flags: request.flags | O_NOFOLLOW, ..request };
    let asked_nofollow = request.flags & O_NOFOLLOW != 0;
    if walked.host().len() < LONG {
        // A file may be created through a dangling symlink. So the kernel only gets O_NOFOLLOW with
        // O_CREAT if needed: the walk has followed all symlinks.
        let resolve = if session().has_openat2() { NO_SYMLINKS } else { 0 };
        let request = if asked_nofollow || resolve == 0 { nofollow } else { request };
        let afterwards = if (elsewhere || request.lists()) && walks < WALKS {
            Afterwards::Always
        } else if !asked_nofollow && walks < WALKS || hardlinks::on() && walks < NAMES {
            Afterwards::OnLoop
        } else {
            on_refusal()
        };
        let host = walked.host().with_nul();
        return resume(call, request, (AT_FDCWD, host), resolve, afterwards, walks + 1);
    }
    let at = Anchored::new(walked.host())?;
    let opened = resolve::open_host(at.directory(), at.path(), nofollow.flags, nofollow.mode, NO_SYMLINKS)?;
    Ok(Outcome::Done(opened.into_number() as isize))
}

/// Gives the guest a descriptor that the shim opened, at the lowest free number (open(2)). The shim
/// had other descriptors open then, and has closed them by now.
///
/// # Errors
/// The errnos of close(2) and fcntl(2).
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

/// Returns the request for a file that lies elsewhere under a name: nothing is ever made there.
fn of_existing(request: Request) -> Result<Request, Errno> {
    if request.flags & O_CREAT_EXCL == O_CREAT_EXCL {
        return Err(Errno::EXIST);
    }
    if request.flags & O_CREAT == 0 {
        return Ok(request);
    }
    Ok(Request { flags: request.flags & !O_CREAT, mode: 0, ..request })
}

/// Opens a file from a directory without a guest path (see `resolve::object`). An existing file is
/// opened again through its descriptor.
fn reopened(operand: &mut Operand, request: Request) -> Result<Outcome, Errno> {
    if operand.text.bytes().first() == Some(&b'/') {
        return Err(Errno::NOENT);
    }
    let mut object = resolve::object(operand, request.directory, request.last())?;
    if request.writes() && object.is_read_only()? {
        return Err(Errno::ROFS);
    }
    let flags = request.flags & !O_NOFOLLOW;
    let opened = kernel::openat(AT_FDCWD, object.path()?, flags as u32, 0)?;
    Ok(Outcome::Done(opened.into_number() as isize))
}

/// Returns EROFS in the kernel's errno order: only for a file that exists or would be made
/// (do_open() and lookup_open() in fs/namei.c).
fn refuse_read_only(walked: &mut Walked<'_>, request: Request) -> Result<(), Errno> {
    let found = walked.found;
    let at = Anchored::new(walked.host())?;
    let (mount, exists) = if found.magic {
        let target = kernel::openat(at.directory(), at.path(), raw::O_PATH | raw::O_CLOEXEC, 0)?;
        (resolve::mount_of_directory(target.number())?, kernel::fstat(target.number()))
    } else {
        (Some(found.mount), kernel::fstatat(at.directory(), at.path(), raw::AT_SYMLINK_NOFOLLOW))
    };
    if !mount.is_some_and(resolve::is_read_only) {
        return Ok(());
    }
    match exists {
        Err(Errno::NOENT) if request.flags & O_CREAT != 0 => Err(Errno::ROFS),
        Err(error) => Err(error),
        Ok(_) if request.flags & O_CREAT_EXCL == O_CREAT_EXCL => Err(Errno::EXIST),
        Ok(stat) => {
            // Both bits only ask for rights, for instance for an ioctl.
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

/// Checks the right to write to a file. The kernel checks it before the mount, except for O_TRUNC
/// (do_open() in fs/namei.c). Fake root has it.
fn writable(at: &Anchored<'_>, flags: u64) -> Result<(), Errno> {
    let rights = match flags as u32 & raw::O_ACCMODE {
        raw::O_WRONLY => raw::W_OK,
        raw::O_RDWR => raw::R_OK | raw::W_OK,
        _ => return Ok(()),
    };
    if flags & u64::from(raw::O_TRUNC) != 0 || session().has(Flags::FAKE_ROOT) {
        return Ok(());
    }
    kernel::faccessat(at.directory(), at.path(), rights)
}

/// Walks the path of openat2(2) with RESOLVE_* flags, in guest terms.
///
/// RESOLVE_IN_ROOT and RESOLVE_BENEATH restrict a lookup to the directory. The guest's mounts below
/// it are walked like everything else.
fn restricted(operand: &mut Operand, request: Request) -> Result<Walked<'_>, Errno> {
    const CACHED: u64 = raw::RESOLVE_CACHED as u64;
    if request.resolve & CACHED != 0 {
        // RESOLVE_CACHED may always fail (openat2(2)).
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
        // No space to sleep: a goroutine's stack. The runtime expects that the call blocks its
        // thread.
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
