//! The fast path under fake root. It serves only processes that have always been root, and that see
//! the mounts of the plan, and only files without records.
//!
//! The shim checks for a record before it reads the file's attributes, by the same name in the same
//! directory. The file's ctime shows that both calls met the same file: if the file had got that
//! name or a record in between, its ctime would be later than the first call. So a file that was
//! changed recently takes the slow path.

use core::sync::atomic::{AtomicU64, Ordering};

use newroot_abi::Errno;
use newroot_sys::arch::CallFrame;
use newroot_sys::raw;
use newroot_sys::table::{Fast, Row};

use super::path::{PathBuffer, PathTarget};
use super::{directory, look, open, signals, through};
use crate::call::forward;
use crate::calls::newer;
use crate::calls::path::is_access_mode;
use crate::calls::stat::{Request, is_empty};
use crate::calls::synthetic_proc::copy;
use crate::fakeroot::names::RECORD;
use crate::fakeroot::written::{Short, amend_classic_owners, amend_statx_owners};
use crate::fakeroot::{file, sidecar};
use crate::hardlinks;
use crate::identity::process;
use crate::kernel::{self, Path};
use crate::memory;
use crate::resolve::stand_in;

const NOFOLLOW: usize = raw::AT_SYMLINK_NOFOLLOW as usize;
const EMPTY: usize = raw::AT_EMPTY_PATH as usize;
const NO_AUTOMOUNT: usize = raw::AT_NO_AUTOMOUNT as usize;

type Answer = Option<Result<usize, Errno>>;

/// Runs a call; returns `None` if it must take the slow path.
pub(super) fn call(frame: &CallFrame, row: &Row, arguments: [usize; 6]) -> Answer {
    if !process::is_plain_root() {
        return None;
    }
    let [_, b, c, d, ..] = arguments;
    let number = row.number;
    match row.fast {
        Fast::GetId => Some(Ok(0)),
        // The file may have several names.
        Fast::FStat if hardlinks::on() => None,
        Fast::NewFStatAt if hardlinks::on() && d & (NOFOLLOW | EMPTY) != 0 => None,
        Fast::StatX if hardlinks::on() && c & (NOFOLLOW | EMPTY) != 0 => None,
        Fast::LStat if hardlinks::on() => None,
        Fast::NewFStatAt if d as u32 as usize & !(NOFOLLOW | EMPTY | NO_AUTOMOUNT) != 0 => None,
        Fast::StatX if newer::refusal(number as usize).is_some() => None,
        Fast::Stat | Fast::LStat | Fast::NewFStatAt | Fast::StatX => {
            let answer = look_at(frame, Request::asked(number, &arguments).ok()?);
            look::unless_link(answer, number, arguments)
        }
        Fast::FStat => by_descriptor(Request::asked(number, &arguments).ok()?),
        // The slow path decides whether a file may be executed.
        Fast::Access if is_access_mode(b) && b & raw::X_OK as usize == 0 => {
            refused_to_none(look::access(frame, arguments)?)
        }
        Fast::OpenAt if c & MAKES == 0 => open::openat(frame, arguments),
        Fast::Open if b & MAKES == 0 => open::open(frame, arguments),
        Fast::ReadLink => look::readlink(frame, arguments),
        Fast::ReadLinkAt => look::readlinkat(frame, arguments),
        Fast::GetCwd => directory::getcwd(arguments),
        Fast::SigAction => signals::sigaction(frame, arguments),
        Fast::SigProcMask => signals::sigprocmask(frame, arguments),
        Fast::Access | Fast::OpenAt | Fast::Open => None,
        Fast::Never | Fast::Name | Fast::ReadAgain => None,
        Fast::GetXAttr | Fast::LGetXAttr | Fast::LListXAttr => None,
    }
}

/// Flags of an open that creates a file, for which there is something to record. O_TMPFILE includes
/// O_DIRECTORY, and its own bit means nothing without it.
const MAKES: usize = (raw::O_CREAT | raw::O_TMPFILE & !raw::O_DIRECTORY) as usize;

/// Turns EACCES into `None`: the host refuses the call to its own user, but the slow path may have
/// to allow it.
fn refused_to_none(answer: Result<usize, Errno>) -> Answer {
    if answer == Err(Errno::ACCES) { None } else { Some(answer) }
}

/// Returns the call that reads the attributes of `name` in a directory, without its first argument,
/// the directory's descriptor.
fn call_for(asked: &Request, name: usize) -> (u32, [usize; 5]) {
    let flags = asked.flags & !EMPTY | NOFOLLOW;
    match asked.mask {
        None => (raw::__NR_newfstatat, [name, asked.out, flags, 0, 0]),
        Some(mask) => (raw::__NR_statx, [name, flags, mask | raw::STATX_CTIME as usize, asked.out, 0]),
    }
}

/// Returns the attributes that the kernel has just written.
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
        None => look::into_own_memory(memory::zeroed_stat(), asked.out, by_name, |_| true),
        Some(_) => look::into_own_memory(memory::zeroed_statx(), asked.out, by_name, |_| true),
    }
}

fn by_name(frame: &CallFrame, asked: Request) -> Answer {
    let mut buffer = PathBuffer::new();
    let mut target = PathTarget::of(asked.directory, buffer.read(asked.path)?)?;
    let mut value = [0u8; 8];
    // `struct xattr_args`: the value's address, then its length and flags.
    let attribute = [value.as_mut_ptr() as usize, value.len()];
    let record = |name: usize| {
        let arguments = [name, NOFOLLOW, RECORD.as_ptr() as usize, attribute.as_ptr() as usize, 16];
        (raw::__NR_getxattrat, arguments)
    };
    let result = match target.split() {
        Some(name) => {
            through::look_twice(frame, &target, record(name), Errno::NODATA, call_for(&asked, name))?
        }
        // A name in the directory itself.
        None if !target.bytes().starts_with(b"/") => {
            let name = target.path().address();
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
        // There is a record, or the check failed.
        _ => None,
    }
}

fn by_descriptor(asked: Request) -> Answer {
    if asked.directory < 0 || copy::may_be_one(asked.directory) {
        return None;
    }
    let mut value = [0u8; 8];
    if kernel::fgetxattr(asked.directory, Path::new(RECORD), &mut value) != Err(Errno::NODATA) {
        return None;
    }
    match asked.of_descriptor(asked.directory) {
        Ok(_) => {
            let stat = written(&asked);
            // The descriptor may belong to the stand-in of a device that the guest has made.
            if stand_in::is_device(stat.mode) && stand_in::may_be_marked(asked.directory) != Ok(false) {
                return None;
            }
            answer(asked, &stat)
        }
        Err(error) => Some(Err(error)),
    }
}

/// Completes the answer for a file that had no record before its attributes were read.
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

/// Returns whether the file's ctime is so old that neither the file nor its name can have changed
/// since the first call. The check uses an earlier time of the clock if that is enough, and reads
/// the clock only if it isn't.
fn is_settled(stat: &Short) -> bool {
    /// Seconds. The kernel's ctime lags behind its clock by milliseconds.
    const SLACK: u64 = 2;
    static EARLIER: AtomicU64 = AtomicU64::new(0);
    let changed = stat.changed.saturating_add(SLACK);
    if changed < EARLIER.load(Ordering::Relaxed) {
        return true;
    }
    // For the next check: this time is already later than the present call.
    EARLIER.store(kernel::seconds(), Ordering::Relaxed);
    false
}
