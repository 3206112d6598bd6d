//! Looking at a file: stat(2) and its kin.

use newroot_abi::Errno;
use newroot_paths::Last;
use newroot_sys::raw;

use super::{descriptor_argument, forward, read_path};
use crate::host::AT_FDCWD;
use crate::memory;
use crate::resolve;
use crate::slots::Operand;
use crate::trap::{Outcome, Trapped};

const EMPTY: usize = raw::AT_EMPTY_PATH as usize;
const NOFOLLOW: usize = raw::AT_SYMLINK_NOFOLLOW as usize;

fn last(flags: usize) -> Last {
    if flags & NOFOLLOW != 0 { Last::Keep } else { Last::Follow }
}

/// stat(2).
pub fn stat(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    let [path, out, ..] = call.arguments;
    classic(operand, AT_FDCWD, path, out, 0).into()
}

/// lstat(2).
pub fn lstat(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    let [path, out, ..] = call.arguments;
    classic(operand, AT_FDCWD, path, out, NOFOLLOW).into()
}

/// newfstatat(2), which is also what fstat(3) often makes.
pub fn newfstatat(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    const KNOWN: usize = NOFOLLOW | EMPTY | raw::AT_NO_AUTOMOUNT as usize | raw::AT_STATX_SYNC_TYPE as usize;
    let [directory, path, out, flags, ..] = call.arguments;
    if flags as u32 as usize & !KNOWN != 0 {
        return Errno::INVAL.into();
    }
    classic(operand, descriptor_argument(directory), path, out, flags).into()
}

fn classic(
    operand: &mut Operand,
    directory: i32,
    path: usize,
    out: usize,
    flags: usize,
) -> Result<usize, Errno> {
    if flags & EMPTY != 0 && is_empty(path)? {
        return forward(raw::__NR_newfstatat, [directory as isize as usize, path, out, flags, 0, 0]);
    }
    read_path(operand, path)?;
    if flags & NOFOLLOW != 0 && resolve::is_plain_name(operand.text.bytes()) {
        return forward(raw::__NR_newfstatat, [directory as isize as usize, path, out, flags, 0, 0]);
    }
    let object = resolve::object(operand, directory, last(flags))?;
    match &object.descriptor {
        Some(found) => forward(raw::__NR_fstat, [found.number() as usize, out, 0, 0, 0, 0]),
        None => {
            let at = operand.walk.host.with_nul().as_ptr() as usize;
            forward(raw::__NR_newfstatat, [AT_FDCWD as isize as usize, at, out, NOFOLLOW, 0, 0])
        }
    }
}

/// Whether a path that may stand for its descriptor is empty; null counts (Linux 6.11).
pub(crate) fn is_empty(path: usize) -> Result<bool, Errno> {
    if path == 0 {
        return Ok(true);
    }
    let mut first = [0];
    memory::read_bytes(path, &mut first)?;
    Ok(first == [0])
}

/// statx(2).
pub fn statx(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    let [directory, path, flags, mask, out, ..] = call.arguments;
    if !is_statx_request(flags, mask) {
        return Errno::INVAL.into();
    }
    statx_inner(operand, descriptor_argument(directory), path, [flags, mask, out]).into()
}

/// Whether statx(2) goes as far as looking at the path (do_statx() and vfs_statx() in fs/stat.c).
#[must_use]
pub fn is_statx_request(flags: usize, mask: usize) -> bool {
    const SYNC_TYPE: u32 = raw::AT_STATX_SYNC_TYPE;
    const KNOWN: u32 = NOFOLLOW as u32 | EMPTY as u32 | raw::AT_NO_AUTOMOUNT | SYNC_TYPE;
    const RESERVED: u32 = 1 << 31;
    let flags = flags as u32;
    // The kernel skips the first of these where the path is empty, as ours will be.
    flags & !KNOWN == 0 && flags & SYNC_TYPE != SYNC_TYPE && mask as u32 & RESERVED == 0
}

fn statx_inner(
    operand: &mut Operand,
    directory: i32,
    path: usize,
    [flags, mask, out]: [usize; 3],
) -> Result<usize, Errno> {
    if flags & EMPTY != 0 && is_empty(path)? {
        return forward(raw::__NR_statx, [directory as isize as usize, path, flags, mask, out, 0]);
    }
    read_path(operand, path)?;
    if flags & NOFOLLOW != 0 && resolve::is_plain_name(operand.text.bytes()) {
        return forward(raw::__NR_statx, [directory as isize as usize, path, flags, mask, out, 0]);
    }
    let object = resolve::object(operand, directory, last(flags))?;
    match &object.descriptor {
        Some(found) => {
            let empty = c"".as_ptr() as usize;
            forward(raw::__NR_statx, [found.number() as usize, empty, flags | EMPTY, mask, out, 0])
        }
        None => {
            let at = operand.walk.host.with_nul().as_ptr() as usize;
            forward(raw::__NR_statx, [AT_FDCWD as isize as usize, at, flags | NOFOLLOW, mask, out, 0])
        }
    }
}

/// statfs(2).
pub fn statfs(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    let [path, out, ..] = call.arguments;
    statfs_inner(operand, path, out).into()
}

fn statfs_inner(operand: &mut Operand, path: usize, out: usize) -> Result<usize, Errno> {
    read_path(operand, path)?;
    let object = resolve::object(operand, AT_FDCWD, Last::Follow)?;
    let read_only = object.read_only()?;
    let value = match &object.descriptor {
        Some(found) => forward(raw::__NR_fstatfs, [found.number() as usize, out, 0, 0, 0, 0])?,
        None => {
            let at = operand.walk.host.with_nul().as_ptr() as usize;
            forward(raw::__NR_statfs, [at, out, 0, 0, 0, 0])?
        }
    };
    mark_read_only(read_only, out).map(|()| value)
}

/// fstatfs(2), trapped in sessions with read-only bindings.
pub fn fstatfs(call: &mut Trapped<'_>) -> Outcome {
    let [descriptor, out, ..] = call.arguments;
    let read_only =
        resolve::mount_of_directory(descriptor_argument(descriptor)).is_some_and(resolve::is_read_only);
    let result = forward(raw::__NR_fstatfs, call.arguments)
        .and_then(|value| mark_read_only(read_only, out).map(|()| value));
    result.into()
}

/// Sets ST_RDONLY in a `struct statfs` that the kernel has just written.
fn mark_read_only(read_only: bool, out: usize) -> Result<(), Errno> {
    /// f_flags, behind ten words.
    const FLAGS: usize = 10 * size_of::<usize>();
    const ST_RDONLY: usize = 1;
    if !read_only {
        return Ok(());
    }
    let flags: usize = memory::read(out + FLAGS)?;
    memory::write(out + FLAGS, &(flags | ST_RDONLY))
}
