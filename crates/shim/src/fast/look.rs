//! Looking at a file: by its name in a directory as it is, else through an O_PATH descriptor.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_sys::raw;

use super::may_be_abandoned;
use super::path::{self, Place, ShortGuest};
use crate::calls::{descriptor_argument, forward};
use crate::host::{AT_FDCWD, Descriptor};
use crate::memory;
use crate::session::session;

const NOFOLLOW: usize = raw::AT_SYMLINK_NOFOLLOW as usize;
const EMPTY: usize = raw::AT_EMPTY_PATH as usize;
const NO_AUTOMOUNT: usize = raw::AT_NO_AUTOMOUNT as usize;

type Answer = Option<Result<usize, Errno>>;

pub(super) fn stat([path, out, ..]: [usize; 6]) -> Answer {
    newfstatat([AT_FDCWD as isize as usize, path, out, 0, 0, 0])
}

pub(super) fn lstat([path, out, ..]: [usize; 6]) -> Answer {
    newfstatat([AT_FDCWD as isize as usize, path, out, NOFOLLOW, 0, 0])
}

pub(super) fn newfstatat(arguments: [usize; 6]) -> Answer {
    let [directory, path, out, flags, ..] = arguments;
    if flags as u32 as usize & !(NOFOLLOW | EMPTY | NO_AUTOMOUNT) != 0 {
        return None;
    }
    if flags & EMPTY != 0 {
        // fstat(3), as C libraries make it.
        return is_empty(path).then(|| forward(raw::__NR_newfstatat, arguments));
    }
    let text = path::read(path)?;
    if flags & NOFOLLOW != 0 && is_plain_name(&text) {
        return Some(forward(raw::__NR_newfstatat, arguments));
    }
    let found = match object(descriptor_argument(directory), &text, flags & NOFOLLOW != 0)? {
        Ok(found) => found,
        Err(error) => return Some(Err(error)),
    };
    Some(forward(raw::__NR_fstat, [found.number() as usize, out, 0, 0, 0, 0]))
}

pub(super) fn statx(arguments: [usize; 6]) -> Answer {
    const SYNC_TYPE: usize = raw::AT_STATX_SYNC_TYPE as usize;
    let [directory, path, flags, mask, out, _] = arguments;
    if flags as u32 as usize & !(NOFOLLOW | EMPTY | NO_AUTOMOUNT | SYNC_TYPE) != 0 {
        return None;
    }
    if flags & EMPTY != 0 {
        return is_empty(path).then(|| forward(raw::__NR_statx, arguments));
    }
    let text = path::read(path)?;
    if flags & NOFOLLOW != 0 && is_plain_name(&text) {
        return Some(forward(raw::__NR_statx, arguments));
    }
    let found = match object(descriptor_argument(directory), &text, flags & NOFOLLOW != 0)? {
        Ok(found) => found,
        Err(error) => return Some(Err(error)),
    };
    let empty = c"".as_ptr() as usize;
    Some(forward(raw::__NR_statx, [found.number() as usize, empty, flags | EMPTY, mask, out, 0]))
}

pub(super) fn access([path, mode, ..]: [usize; 6]) -> Answer {
    if session().has(Flags::READ_ONLY) {
        return None;
    }
    let found = match object(AT_FDCWD, &path::read(path)?, false)? {
        Ok(found) => found,
        Err(error) => return Some(Err(error)),
    };
    let empty = c"".as_ptr() as usize;
    match forward(raw::__NR_faccessat2, [found.number() as usize, empty, mode, EMPTY, 0, 0]) {
        // Before Linux 5.8, or denied.
        Err(Errno::NOSYS | Errno::PERM) => None,
        answer => Some(answer),
    }
}

pub(super) fn readlink([path, out, size, ..]: [usize; 6]) -> Answer {
    readlinkat([AT_FDCWD as isize as usize, path, out, size, 0, 0])
}

pub(super) fn readlinkat([directory, path, out, size, ..]: [usize; 6]) -> Answer {
    if size as i32 <= 0 {
        return None;
    }
    let mut place = Place::of(descriptor_argument(directory), &path::read(path)?)?;
    // What procfs's links say is the host's business, and a relative path could lead there.
    if place.directory() != AT_FDCWD
        || !place.bytes().starts_with(b"/")
        || place.bytes().starts_with(b"/proc/")
    {
        return None;
    }
    let found = match open(&mut place, true)? {
        Ok(found) => found,
        Err(error) => return Some(Err(error)),
    };
    let empty = c"".as_ptr() as usize;
    match forward(raw::__NR_readlinkat, [found.number() as usize, empty, out, size, 0, 0]) {
        // What is no link answers this by its descriptor, and EINVAL by its name.
        Err(Errno::NOENT) => Some(Err(Errno::INVAL)),
        answer => Some(answer),
    }
}

/// Opens the file itself.
fn object(directory: i32, text: &ShortGuest, nofollow: bool) -> Option<Result<Descriptor, Errno>> {
    open(&mut Place::of(directory, text)?, nofollow)
}

fn open(place: &mut Place, nofollow: bool) -> Option<Result<Descriptor, Errno>> {
    if may_be_abandoned() {
        return None;
    }
    let nofollow = if nofollow { raw::O_NOFOLLOW } else { 0 };
    place.open((raw::O_PATH | raw::O_CLOEXEC | nofollow).into(), 0)
}

/// Whether a path that may stand for its descriptor is there, and empty.
fn is_empty(path: usize) -> bool {
    let mut first = [1];
    memory::read_bytes(path, &mut first).is_ok() && first == [0]
}

/// Whether a path is a single name that means the same to the host's kernel.
fn is_plain_name(text: &ShortGuest) -> bool {
    let bytes = text.bytes();
    !bytes.contains(&b'/') && bytes != b".." && !session().mounts.may_cross(bytes)
}
