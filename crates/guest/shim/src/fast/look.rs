//! Looking at a file: by its name in a directory as it is, else through an O_PATH descriptor.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_sys::arch::CallFrame;
use newroot_sys::raw;

use super::path::{Place, Room, Text};
use super::through;
use crate::calls::path::is_access_mode;
use crate::calls::procfs_files::copy;
use crate::calls::stat::{Request, is_statx_request};
use crate::calls::{descriptor_argument, forward, newer};
use crate::host::{AT_FDCWD, Stat};
use crate::links;
use crate::memory;
use crate::session::session;

const NOFOLLOW: usize = raw::AT_SYMLINK_NOFOLLOW as usize;
const EMPTY: usize = raw::AT_EMPTY_PATH as usize;
const NO_AUTOMOUNT: usize = raw::AT_NO_AUTOMOUNT as usize;

type Answer = Option<Result<usize, Errno>>;

pub(super) fn stat(frame: &CallFrame, [path, out, ..]: [usize; 6]) -> Answer {
    newfstatat(frame, [AT_FDCWD as isize as usize, path, out, 0, 0, 0])
}

pub(super) fn lstat(frame: &CallFrame, [path, out, ..]: [usize; 6]) -> Answer {
    newfstatat(frame, [AT_FDCWD as isize as usize, path, out, NOFOLLOW, 0, 0])
}

pub(super) fn newfstatat(frame: &CallFrame, arguments: [usize; 6]) -> Answer {
    let [_, _, out, flags, ..] = arguments;
    if flags as u32 as usize & !(NOFOLLOW | EMPTY | NO_AUTOMOUNT) != 0 {
        return None;
    }
    let answer = file(frame, raw::__NR_newfstatat, arguments, flags, (raw::__NR_fstat, [out, 0, 0, 0]));
    unless_link(answer, raw::__NR_newfstatat, arguments)
}

pub(super) fn statx(frame: &CallFrame, arguments: [usize; 6]) -> Answer {
    let [_, _, flags, mask, out, _] = arguments;
    if !is_statx_request(flags, mask) || newer::refusal(raw::__NR_statx as usize).is_some() {
        return None;
    }
    let by_descriptor = [empty(), flags | EMPTY, mask, out];
    let answer = file(frame, raw::__NR_statx, arguments, flags, (raw::__NR_statx, by_descriptor));
    unless_link(answer, raw::__NR_statx, arguments)
}

/// The answer to a call that looks at a file, unless it is a symlink whose text, and so whose size, may be
/// shown otherwise.
pub(super) fn unless_link(answer: Answer, number: u32, arguments: [usize; 6]) -> Answer {
    if matches!(answer, Some(Ok(_)))
        && session().has(Flags::LINKS_INSIDE)
        && Request::asked(number, &arguments)
            .is_ok_and(|asked| asked.flags & NOFOLLOW != 0 && asked.is_link())
    {
        return None;
    }
    answer
}

/// Looks at a file by the call itself if its path is empty (fstat(3), as C libraries make it) or a plain name, and
/// else by the call that does the same with a descriptor.
fn file(
    frame: &CallFrame,
    number: u32,
    arguments: [usize; 6],
    flags: usize,
    by_descriptor: (u32, [usize; 4]),
) -> Answer {
    let [directory, path, ..] = arguments;
    if flags & EMPTY != 0 {
        if links::on() || copy::are_possible() && copy::may_be_one(descriptor_argument(directory)) {
            return None;
        }
        if !is_empty(path) {
            return None;
        }
        let (instead, [out, ..]) = by_descriptor;
        // fstat(2) has no path to look at, and takes no AT_FDCWD.
        let is_fstat = instead == raw::__NR_fstat && directory as i32 >= 0;
        return Some(if is_fstat {
            forward(instead, [directory, out, 0, 0, 0, 0])
        } else {
            forward(number, arguments)
        });
    }
    let nofollow = flags & NOFOLLOW != 0;
    // A name may be one of several.
    if nofollow && links::on() {
        return None;
    }
    let mut room = Room::new();
    let text = room.read(path)?;
    if text.is_plain_name() {
        return if nofollow { Some(forward(number, arguments)) } else { named(number, arguments, &text) };
    }
    let place = Place::of(descriptor_argument(directory), text)?;
    through::look(frame, &place, nofollow, by_descriptor.0, by_descriptor.1)
}

/// Looks at a name that is to be followed, and answers if it is no symlink.
fn named(number: u32, arguments: [usize; 6], name: &Text<'_>) -> Answer {
    let [directory, _, c, d, e, _] = arguments;
    let name = name.path().address();
    if number == raw::__NR_newfstatat {
        let look = |at| Some(forward(number, [directory, name, at, d | NOFOLLOW, 0, 0]));
        let is_link = |stat: &Stat| stat.st_mode & raw::S_IFMT == raw::S_IFLNK;
        return into_ours(memory::zeroed_stat(), c, look, |stat| !is_link(stat));
    }
    let look = |at| Some(forward(number, [directory, name, c | NOFOLLOW, d, at, 0]));
    let is_link = |statx: &raw::statx| u32::from(statx.stx_mode) & raw::S_IFMT == raw::S_IFLNK;
    into_ours(memory::zeroed_statx(), e, look, |statx| {
        statx.stx_mask & raw::STATX_TYPE != 0 && !is_link(statx)
    })
}

/// Has `look` write into memory of ours, whose address it is given, and hands that on to the guest's if it is what the guest
/// asked for: of a link that leads nowhere the guest's must not tell.
pub(super) fn into_ours<T: Copy + memory::Plain>(
    mut room: T,
    out: usize,
    look: impl FnOnce(usize) -> Answer,
    is_asked: impl FnOnce(&T) -> bool,
) -> Answer {
    match look(&raw mut room as usize)? {
        Ok(_) if !is_asked(&room) => None,
        answer => Some(answer.and_then(|value| memory::write(out, &room).map(|()| value))),
    }
}

pub(super) fn access(frame: &CallFrame, [path, mode, ..]: [usize; 6]) -> Answer {
    if session().has(Flags::READ_ONLY) || !is_access_mode(mode) {
        return None;
    }
    let mut room = Room::new();
    let place = Place::of(AT_FDCWD, room.read(path)?)?;
    match through::look(frame, &place, false, raw::__NR_faccessat2, [empty(), mode, EMPTY, 0])? {
        // Before Linux 5.8, or denied.
        Err(Errno::NOSYS | Errno::PERM) => None,
        answer => Some(answer),
    }
}

pub(super) fn readlink(frame: &CallFrame, [path, out, size, ..]: [usize; 6]) -> Answer {
    readlinkat(frame, [AT_FDCWD as isize as usize, path, out, size, 0, 0])
}

pub(super) fn readlinkat(frame: &CallFrame, [directory, path, out, size, ..]: [usize; 6]) -> Answer {
    if size as i32 <= 0 || links::on() {
        return None;
    }
    let mut room = Room::new();
    let text = room.read(path)?;
    if text.is_plain_name() {
        return named_link(directory, &text, out, size);
    }
    let place = Place::of(descriptor_argument(directory), text)?;
    // What procfs's links say is the host's business, and a relative path could lead there.
    if place.directory() != AT_FDCWD
        || !place.bytes().starts_with(b"/")
        || place.bytes().starts_with(b"/proc/")
    {
        return None;
    }
    if session().has(Flags::LINKS_INSIDE) {
        return shown_link(frame, &place, out, size);
    }
    through::look(frame, &place, true, raw::__NR_readlinkat, [empty(), out, size, 0])
}

/// Reads a link whose text, if it is an absolute path, may be shown otherwise.
// Out of line: keeps this large frame off the common path.
#[inline(never)]
fn shown_link(frame: &CallFrame, place: &Place<'_>, out: usize, size: usize) -> Answer {
    let mut text = [0; 256];
    let ours = [empty(), text.as_mut_ptr() as usize, text.len(), 0];
    let len = match through::look(frame, place, true, raw::__NR_readlinkat, ours)? {
        // It may be longer.
        Ok(len) if len == text.len() => return None,
        Ok(len) => len,
        Err(error) => return Some(Err(error)),
    };
    let text = text.get(..len)?;
    if text.starts_with(b"/") && session().mounts.may_show_link(text) {
        return None;
    }
    let len = len.min(size);
    Some(memory::write_bytes(out, text.get(..len)?).map(|()| len))
}

/// Reads the link that a name is. An absolute path in it may be procfs's, and the host's; and what the guest isn't told
/// mustn't be left in its buffer.
fn named_link(directory: usize, name: &Text<'_>, out: usize, size: usize) -> Answer {
    let mut text = [0; 256];
    let arguments = [directory, name.path().address(), text.as_mut_ptr() as usize, text.len(), 0, 0];
    let len = match forward(raw::__NR_readlinkat, arguments) {
        // It may be longer.
        Ok(len) if len == text.len() => return None,
        Ok(len) => len.min(size),
        // procfs's can be too long for the kernel.
        Err(Errno::NAMETOOLONG) => return None,
        Err(error) => return Some(Err(error)),
    };
    let text = text.get(..len)?;
    if text.starts_with(b"/") {
        return None;
    }
    Some(memory::write_bytes(out, text).map(|()| len))
}

/// The path by which a descriptor itself is meant.
fn empty() -> usize {
    c"".as_ptr() as usize
}

/// Whether a path that may stand for its descriptor is there, and empty.
fn is_empty(path: usize) -> bool {
    let mut first = [1];
    memory::read_bytes(path, &mut first).is_ok() && first == [0]
}
