//! The short way under fake root: for a root who never was anyone else nor anywhere else, while the plan's mounts are
//! all there is, and files of which nothing is recorded.
//!
//! Whether something is recorded is asked before the file is looked at, by the same name in the same directory. That
//! both were the same file, the file's own time of change tells: had it got that name, or a record, in between, it
//! would be later than when we began. So a file that was changed lately takes the long way.

use core::sync::atomic::{AtomicU64, Ordering};

use newroot_abi::Errno;
use newroot_sys::arch::{CallFrame, legacy};
use newroot_sys::raw;

use super::path::{Place, Room};
use super::{directory, look, open, signals, through};
use crate::calls::path::is_access_mode;
use crate::calls::procfs_files::copy;
use crate::calls::stat::{Request, is_empty};
use crate::calls::{forward, newer};
use crate::host::{self, Path};
use crate::links;
use crate::memory;
use crate::owner::names::RECORD;
use crate::owner::written::{Short, amend_classic_owners, amend_statx_owners};
use crate::owner::{file, process, sidecar, stand_in};

const NOFOLLOW: usize = raw::AT_SYMLINK_NOFOLLOW as usize;
const EMPTY: usize = raw::AT_EMPTY_PATH as usize;
const NO_AUTOMOUNT: usize = raw::AT_NO_AUTOMOUNT as usize;

type Answer = Option<Result<usize, Errno>>;

/// Runs a call; `None` if it has to take the long way.
pub(super) fn call(frame: &CallFrame, number: u32, arguments: [usize; 6]) -> Answer {
    if !process::is_plain_root() {
        return None;
    }
    let [_, b, c, d, ..] = arguments;
    match number {
        raw::__NR_getuid | raw::__NR_geteuid | raw::__NR_getgid | raw::__NR_getegid => Some(Ok(0)),
        // Names may be some of several.
        raw::__NR_fstat if links::on() => None,
        raw::__NR_newfstatat if links::on() && d & (NOFOLLOW | EMPTY) != 0 => None,
        raw::__NR_statx if links::on() && c & (NOFOLLOW | EMPTY) != 0 => None,
        legacy::__NR_lstat if links::on() => None,
        raw::__NR_newfstatat if d as u32 as usize & !(NOFOLLOW | EMPTY | NO_AUTOMOUNT) != 0 => None,
        raw::__NR_statx if newer::refusal(number as usize).is_some() => None,
        legacy::__NR_stat | legacy::__NR_lstat | raw::__NR_newfstatat | raw::__NR_statx => {
            let answer = look_at(frame, Request::asked(number, &arguments).ok()?);
            look::unless_link(answer, number, arguments)
        }
        raw::__NR_fstat => by_descriptor(Request::asked(number, &arguments).ok()?),
        // What may be executed, the long way knows.
        legacy::__NR_access if is_access_mode(b) && b & raw::X_OK as usize == 0 => {
            refused_to_none(look::access(frame, arguments)?)
        }
        raw::__NR_openat if c & MAKES == 0 => open::openat(frame, arguments),
        legacy::__NR_open if b & MAKES == 0 => open::open(frame, arguments),
        legacy::__NR_readlink => look::readlink(frame, arguments),
        raw::__NR_readlinkat => look::readlinkat(frame, arguments),
        raw::__NR_getcwd => directory::getcwd(arguments),
        raw::__NR_rt_sigaction => signals::sigaction(frame, arguments),
        raw::__NR_rt_sigprocmask => signals::sigprocmask(frame, arguments),
        _ => None,
    }
}

/// Flags of an open that makes a file, of which there is something to record. O_TMPFILE has O_DIRECTORY in it,
/// without which its own bit means nothing.
const MAKES: usize = (raw::O_CREAT | raw::O_TMPFILE & !raw::O_DIRECTORY) as usize;

/// What the host refuses its own user, it may yet have to grant.
fn refused_to_none(answer: Result<usize, Errno>) -> Answer {
    if answer == Err(Errno::ACCES) { None } else { Some(answer) }
}

/// The call that looks at `name` in a directory, behind the directory's descriptor.
fn call_for(asked: &Request, name: usize) -> (u32, [usize; 5]) {
    let flags = asked.flags & !EMPTY | NOFOLLOW;
    match asked.mask {
        None => (raw::__NR_newfstatat, [name, asked.out, flags, 0, 0]),
        Some(mask) => (raw::__NR_statx, [name, flags, mask | raw::STATX_CTIME as usize, asked.out, 0]),
    }
}

/// What the kernel has just written.
fn written(asked: &Request) -> Short {
    match asked.mask {
        None => Short::of_stat(asked.out),
        Some(_) => Short::of_statx(asked.out),
    }
}

fn look_at(frame: &CallFrame, asked: Request) -> Answer {
    if asked.flags & EMPTY != 0 {
        return if matches!(is_empty(asked.path), Ok(true)) { by_descriptor(asked) } else { None };
    }
    if asked.flags & NOFOLLOW != 0 {
        return by_name(frame, asked);
    }
    let by_name = |out| by_name(frame, Request { out, ..asked });
    match asked.mask {
        None => look::into_ours(memory::zeroed_stat(), asked.out, by_name, |_| true),
        Some(_) => look::into_ours(memory::zeroed_statx(), asked.out, by_name, |_| true),
    }
}

fn by_name(frame: &CallFrame, asked: Request) -> Answer {
    let mut room = Room::new();
    let mut place = Place::of(asked.directory, room.read(asked.path)?)?;
    let mut value = [0u8; 8];
    // `struct xattr_args`: the value's address, its length, flags.
    let attribute = [value.as_mut_ptr() as usize, value.len()];
    let record = |name: usize| {
        let arguments = [name, NOFOLLOW, RECORD.as_ptr() as usize, attribute.as_ptr() as usize, 16];
        (raw::__NR_getxattrat, arguments)
    };
    let result = match place.split() {
        Some(name) => {
            through::look_twice(frame, &place, record(name), Errno::NODATA, call_for(&asked, name))?
        }
        // A name in the directory itself.
        None if !place.bytes().starts_with(b"/") => {
            let name = place.path().address();
            let directory = asked.directory as isize as usize;
            let made =
                |(number, [a, b, c, d, e]): (u32, [usize; 5])| forward(number, [directory, a, b, c, d, e]);
            match made(record(name)) {
                Err(Errno::NODATA) => made(call_for(&asked, name)),
                other => other,
            }
        }
        None => return None,
    };
    match result {
        Ok(0) => finish(asked),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::FAULT) => Some(result),
        // There is a record, or none can be had this way.
        _ => None,
    }
}

fn by_descriptor(asked: Request) -> Answer {
    if asked.directory < 0 || copy::may_be_one(asked.directory) {
        return None;
    }
    let mut value = [0u8; 8];
    if host::fgetxattr(asked.directory, Path::new(RECORD), &mut value) != Err(Errno::NODATA) {
        return None;
    }
    match asked.of_descriptor(asked.directory) {
        Ok(_) => {
            let stat = written(&asked);
            // One of a made device is its stand-in.
            if stand_in::is_device(stat.mode) && stand_in::may_be_marked(asked.directory) != Ok(false) {
                return None;
            }
            answer(asked, &stat)
        }
        Err(error) => Some(Err(error)),
    }
}

/// A file of which nothing was recorded before it was looked at.
fn finish(asked: Request) -> Answer {
    let stat = written(&asked);
    let is_link = stat.mode & raw::S_IFMT == raw::S_IFLNK;
    if is_link && asked.flags & NOFOLLOW == 0 || !is_settled(&stat) {
        return None;
    }
    answer(asked, &stat)
}

fn answer(asked: Request, stat: &Short) -> Answer {
    if !file::bears_attributes(stat.mode) && sidecar::may_have(stat.inode) {
        return None;
    }
    let (uid, gid) = file::unrecorded_to_root(stat.uid, stat.gid);
    match asked.mask {
        None => amend_classic_owners(asked.out, uid, gid),
        Some(_) => amend_statx_owners(asked.out, uid, gid),
    }
    Some(Ok(0))
}

/// Whether a file's time of change is so long past that nothing about it, nor its name, can have changed since we
/// began to look. A time that was read earlier does as well; only if it doesn't is the clock asked.
fn is_settled(stat: &Short) -> bool {
    /// Seconds; the kernel's times of change are behind its clock by milliseconds.
    const SLACK: u64 = 2;
    static EARLIER: AtomicU64 = AtomicU64::new(0);
    let changed = stat.changed.saturating_add(SLACK);
    if changed < EARLIER.load(Ordering::Relaxed) {
        return true;
    }
    // For the next time: it is later than this look already.
    EARLIER.store(host::seconds(), Ordering::Relaxed);
    false
}
