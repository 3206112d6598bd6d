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

use super::path::{self, Place};
use super::{directory, look, open, signals, through};
use crate::calls::path::is_access_mode;
use crate::calls::stat::{is_empty, is_statx_request};
use crate::calls::{descriptor_argument, forward};
use crate::host::{self, AT_FDCWD, Path};
use crate::owner::names::RECORD;
use crate::owner::written::{self, Short};
use crate::owner::{file, process, sidecar};

const NOFOLLOW: usize = raw::AT_SYMLINK_NOFOLLOW as usize;
const EMPTY: usize = raw::AT_EMPTY_PATH as usize;
const NO_AUTOMOUNT: usize = raw::AT_NO_AUTOMOUNT as usize;

type Answer = Option<Result<usize, Errno>>;

/// Runs a call; `None` if it has to take the long way.
pub(super) fn call(frame: &CallFrame, number: u32, arguments: [usize; 6]) -> Answer {
    if !process::is_plain_root() {
        return None;
    }
    let [a, b, c, d, e, _] = arguments;
    match number {
        raw::__NR_getuid | raw::__NR_geteuid | raw::__NR_getgid | raw::__NR_getegid => Some(Ok(0)),
        raw::__NR_newfstatat if d as u32 as usize & !(NOFOLLOW | EMPTY | NO_AUTOMOUNT) == 0 => {
            look_at(frame, Asked { directory: descriptor_argument(a), path: b, flags: d, out: c, mask: None })
        }
        legacy::__NR_stat => {
            look_at(frame, Asked { directory: AT_FDCWD, path: a, flags: 0, out: b, mask: None })
        }
        legacy::__NR_lstat => {
            look_at(frame, Asked { directory: AT_FDCWD, path: a, flags: NOFOLLOW, out: b, mask: None })
        }
        raw::__NR_statx if is_statx_request(c, d) => {
            let directory = descriptor_argument(a);
            look_at(frame, Asked { directory, path: b, flags: c, out: e, mask: Some(d) })
        }
        raw::__NR_fstat => by_descriptor(Asked {
            directory: descriptor_argument(a),
            path: 0,
            flags: EMPTY,
            out: b,
            mask: None,
        }),
        // What may be executed, the long way knows.
        legacy::__NR_access if is_access_mode(b) && b & raw::X_OK as usize == 0 => {
            refused_to_none(look::access(frame, arguments)?)
        }
        raw::__NR_openat if c & MAKES == 0 => open::openat(frame, arguments),
        legacy::__NR_open if b & MAKES == 0 => open::open(frame, arguments),
        legacy::__NR_readlink => look::readlink(frame, arguments),
        raw::__NR_readlinkat => look::readlinkat(frame, arguments),
        raw::__NR_getcwd => directory::getcwd(arguments),
        raw::__NR_rt_sigaction => signals::sigaction(arguments),
        raw::__NR_rt_sigprocmask => signals::sigprocmask(arguments),
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

/// A call of stat(2)'s kind: `mask` is statx(2)'s.
#[derive(Clone, Copy)]
struct Asked {
    directory: i32,
    path: usize,
    flags: usize,
    out: usize,
    mask: Option<usize>,
}

impl Asked {
    /// The call that looks at `name` in a directory, behind the directory's descriptor.
    fn call(&self, name: usize) -> (u32, [usize; 5]) {
        let flags = self.flags & !EMPTY | NOFOLLOW;
        match self.mask {
            None => (raw::__NR_newfstatat, [name, self.out, flags, 0, 0]),
            Some(mask) => (raw::__NR_statx, [name, flags, mask | raw::STATX_CTIME as usize, self.out, 0]),
        }
    }

    /// What the kernel has just written.
    fn written(&self) -> Short {
        match self.mask {
            None => Short::of_stat(self.out),
            Some(_) => Short::of_statx(self.out),
        }
    }
}

fn look_at(frame: &CallFrame, asked: Asked) -> Answer {
    if asked.flags & EMPTY != 0 {
        return if matches!(is_empty(asked.path), Ok(true)) { by_descriptor(asked) } else { None };
    }
    let text = path::read(asked.path)?;
    let mut place = Place::of(asked.directory, &text)?;
    let mut value = [0u8; 8];
    // `struct xattr_args`: the value's address, its length, flags.
    let attribute = [value.as_mut_ptr() as usize, value.len()];
    let record = |name: usize| {
        let arguments = [name, NOFOLLOW, RECORD.as_ptr() as usize, attribute.as_ptr() as usize, 16];
        (raw::__NR_getxattrat, arguments)
    };
    let result = match place.split() {
        Some(name) => through::look_twice(frame, &mut place, record(name), Errno::NODATA, asked.call(name))?,
        // A name in the directory itself.
        None if !place.bytes().starts_with(b"/") => {
            let name = place.path().address();
            let directory = asked.directory as isize as usize;
            let made =
                |(number, [a, b, c, d, e]): (u32, [usize; 5])| forward(number, [directory, a, b, c, d, e]);
            match made(record(name)) {
                Err(Errno::NODATA) => made(asked.call(name)),
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

fn by_descriptor(asked: Asked) -> Answer {
    if asked.directory < 0 {
        return None;
    }
    let mut value = [0u8; 8];
    if host::fgetxattr(asked.directory, Path::new(RECORD), &mut value) != Err(Errno::NODATA) {
        return None;
    }
    let empty = c"".as_ptr() as usize;
    let directory = asked.directory as isize as usize;
    let result = match asked.mask {
        None => forward(raw::__NR_fstat, [directory, asked.out, 0, 0, 0, 0]),
        Some(mask) => forward(raw::__NR_statx, [directory, empty, asked.flags, mask, asked.out, 0]),
    };
    match result {
        Ok(_) => answer(asked, &asked.written()),
        Err(error) => Some(Err(error)),
    }
}

/// A file of which nothing was recorded before it was looked at.
fn finish(asked: Asked) -> Answer {
    let stat = asked.written();
    let is_link = stat.mode & raw::S_IFMT == raw::S_IFLNK;
    if is_link && asked.flags & NOFOLLOW == 0 || !is_settled(&stat) {
        return None;
    }
    answer(asked, &stat)
}

fn answer(asked: Asked, stat: &Short) -> Answer {
    if !file::bears_attributes(stat.mode) && sidecar::may_have(stat.inode) {
        return None;
    }
    let (uid, gid) = file::unrecorded_to_root(stat.uid, stat.gid);
    match asked.mask {
        None => written::amend_classic_owners(asked.out, uid, gid),
        Some(_) => written::amend_statx_owners(asked.out, uid, gid),
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
