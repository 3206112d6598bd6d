//! Reading a file's attributes: by its name in a directory without following it, else through an
//! O_PATH descriptor.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_sys::arch::CallFrame;
use newroot_sys::raw;

use super::path::{PathBuffer, PathTarget, Text};
use super::through;
use crate::call::{descriptor_argument, forward};
use crate::calls::newer;
use crate::calls::path::is_access_mode;
use crate::calls::stat::{Request, is_statx_request};
use crate::calls::synthetic_proc::copy;
use crate::hardlinks;
use crate::kernel::{AT_FDCWD, Stat};
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

/// Returns the answer to a call that reads attributes, or `None` for a symlink whose text, and so
/// its size, the guest may see changed.
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

/// Reads a file's attributes. If the path is empty (fstat(3) in C libraries) or a plain name, it
/// makes the call itself, else the call that does the same with a descriptor.
fn file(
    frame: &CallFrame,
    number: u32,
    arguments: [usize; 6],
    flags: usize,
    by_descriptor: (u32, [usize; 4]),
) -> Answer {
    let [directory, path, ..] = arguments;
    if flags & EMPTY != 0 {
        if hardlinks::on() || copy::are_possible() && copy::may_be_one(descriptor_argument(directory)) {
            return None;
        }
        if !is_empty(path) {
            return None;
        }
        let (instead, [out, ..]) = by_descriptor;
        // fstat(2) has no path to resolve, but doesn't accept AT_FDCWD.
        let is_fstat = instead == raw::__NR_fstat && directory as i32 >= 0;
        return Some(if is_fstat {
            forward(instead, [directory, out, 0, 0, 0, 0])
        } else {
            forward(number, arguments)
        });
    }
    let nofollow = flags & NOFOLLOW != 0;
    // The file may have several names.
    if nofollow && hardlinks::on() {
        return None;
    }
    let mut buffer = PathBuffer::new();
    let text = buffer.read(path)?;
    if text.is_plain_name() {
        return if nofollow { Some(forward(number, arguments)) } else { named(number, arguments, &text) };
    }
    let target = PathTarget::of(descriptor_argument(directory), text)?;
    through::look(frame, &target, nofollow, by_descriptor.0, by_descriptor.1)
}

/// Reads the attributes of a name that the call would follow; returns `None` if it is a symlink.
fn named(number: u32, arguments: [usize; 6], name: &Text<'_>) -> Answer {
    let [directory, _, c, d, e, _] = arguments;
    let name = name.path().address();
    if number == raw::__NR_newfstatat {
        let look = |at| Some(forward(number, [directory, name, at, d | NOFOLLOW, 0, 0]));
        let is_link = |stat: &Stat| stat.st_mode & raw::S_IFMT == raw::S_IFLNK;
        return into_own_memory(memory::zeroed_stat(), c, look, |stat| !is_link(stat));
    }
    let look = |at| Some(forward(number, [directory, name, c | NOFOLLOW, d, at, 0]));
    let is_link = |statx: &raw::statx| u32::from(statx.stx_mode) & raw::S_IFMT == raw::S_IFLNK;
    into_own_memory(memory::zeroed_statx(), e, look, |statx| {
        statx.stx_mask & raw::STATX_TYPE != 0 && !is_link(statx)
    })
}

/// Lets `look` write into the shim's own memory, whose address it gets, and copies the result to
/// the guest's buffer if `is_asked` accepts it. Otherwise the guest's buffer must stay unmodified:
/// the name may be a dangling symlink.
pub(super) fn into_own_memory<T: Copy + memory::Plain>(
    mut value: T,
    out: usize,
    look: impl FnOnce(usize) -> Answer,
    is_asked: impl FnOnce(&T) -> bool,
) -> Answer {
    match look(&raw mut value as usize)? {
        Ok(_) if !is_asked(&value) => None,
        answer => Some(answer.and_then(|result| memory::write(out, &value).map(|()| result))),
    }
}

pub(super) fn access(frame: &CallFrame, [path, mode, ..]: [usize; 6]) -> Answer {
    if session().has(Flags::READ_ONLY) || !is_access_mode(mode) {
        return None;
    }
    let mut buffer = PathBuffer::new();
    let target = PathTarget::of(AT_FDCWD, buffer.read(path)?)?;
    match through::look(frame, &target, false, raw::__NR_faccessat2, [empty(), mode, EMPTY, 0])? {
        // Before Linux 5.8, or a policy denies it.
        Err(Errno::NOSYS | Errno::PERM) => None,
        answer => Some(answer),
    }
}

pub(super) fn readlink(frame: &CallFrame, [path, out, size, ..]: [usize; 6]) -> Answer {
    readlinkat(frame, [AT_FDCWD as isize as usize, path, out, size, 0, 0])
}

pub(super) fn readlinkat(frame: &CallFrame, [directory, path, out, size, ..]: [usize; 6]) -> Answer {
    if size as i32 <= 0 || hardlinks::on() {
        return None;
    }
    let mut buffer = PathBuffer::new();
    let text = buffer.read(path)?;
    if text.is_plain_name() {
        return named_link(directory, &text, out, size);
    }
    let target = PathTarget::of(descriptor_argument(directory), text)?;
    // The links of procfs show host paths, and a relative path could lead there.
    if target.directory() != AT_FDCWD
        || !target.bytes().starts_with(b"/")
        || target.bytes().starts_with(b"/proc/")
    {
        return None;
    }
    if session().has(Flags::LINKS_INSIDE) {
        return shown_link(frame, &target, out, size);
    }
    through::look(frame, &target, true, raw::__NR_readlinkat, [empty(), out, size, 0])
}

/// Reads a link; returns `None` if its text is an absolute path that the guest may see changed.
// Out of line: keeps this large frame off the common path.
#[inline(never)]
fn shown_link(frame: &CallFrame, target: &PathTarget<'_>, out: usize, size: usize) -> Answer {
    let mut text = [0; 256];
    let own = [empty(), text.as_mut_ptr() as usize, text.len(), 0];
    let len = match through::look(frame, target, true, raw::__NR_readlinkat, own)? {
        // The text may be longer.
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

/// Reads the link at a plain name; returns `None` for an absolute path, which may come from procfs
/// and be the host's. A text that the guest must not see must not get into its buffer either.
fn named_link(directory: usize, name: &Text<'_>, out: usize, size: usize) -> Answer {
    let mut text = [0; 256];
    let arguments = [directory, name.path().address(), text.as_mut_ptr() as usize, text.len(), 0, 0];
    let len = match forward(raw::__NR_readlinkat, arguments) {
        // The text may be longer.
        Ok(len) if len == text.len() => return None,
        Ok(len) => len.min(size),
        // The text of a procfs link can be too long for the kernel.
        Err(Errno::NAMETOOLONG) => return None,
        Err(error) => return Some(Err(error)),
    };
    let text = text.get(..len)?;
    if text.starts_with(b"/") {
        return None;
    }
    Some(memory::write_bytes(out, text).map(|()| len))
}

/// Returns the address of the empty path, which stands for a descriptor itself.
fn empty() -> usize {
    c"".as_ptr() as usize
}

/// Returns whether a path can be read and is empty, so that it can stand for its descriptor.
fn is_empty(path: usize) -> bool {
    let mut first = [1];
    memory::read_bytes(path, &mut first).is_ok() && first == [0]
}
