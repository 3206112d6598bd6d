//! stat(2) and its kin.

use newroot_abi::Errno;
use newroot_owner::session::Identity;
use newroot_paths::Last;
use newroot_sys::arch::legacy;
use newroot_sys::raw;

use crate::calls::stat::{is_empty, is_statx_request};
use crate::calls::{descriptor_argument, forward, read_path};
use crate::host::AT_FDCWD;
use crate::memory;
use crate::owner::file::{self, File};
use crate::owner::permission;
use crate::owner::written::{amend_classic, amend_statx, short};
use crate::slots::Operand;
use crate::trap::Trapped;

const EMPTY: usize = raw::AT_EMPTY_PATH as usize;
const NOFOLLOW: usize = raw::AT_SYMLINK_NOFOLLOW as usize;

/// What is asked for.
#[derive(Clone, Copy)]
struct Request {
    directory: i32,
    path: usize,
    flags: usize,
    out: usize,
    /// statx(2)'s mask; `None` for the classic structure.
    mask: Option<usize>,
}

/// stat(2), lstat(2), newfstatat(2), statx(2).
pub(super) fn stat(call: &Trapped<'_>, me: &Identity<'_>, operand: &mut Operand) -> Result<usize, Errno> {
    const KNOWN: usize = NOFOLLOW | EMPTY | raw::AT_NO_AUTOMOUNT as usize | raw::AT_STATX_SYNC_TYPE as usize;
    let [a, b, c, d, e, _] = call.arguments;
    let request = match call.number as u32 {
        legacy::__NR_stat => Request { directory: AT_FDCWD, path: a, flags: 0, out: b, mask: None },
        legacy::__NR_lstat => Request { directory: AT_FDCWD, path: a, flags: NOFOLLOW, out: b, mask: None },
        raw::__NR_newfstatat => {
            if d as u32 as usize & !KNOWN != 0 {
                return Err(Errno::INVAL);
            }
            Request { directory: descriptor_argument(a), path: b, flags: d, out: c, mask: None }
        }
        _ => {
            if !is_statx_request(c, d) {
                return Err(Errno::INVAL);
            }
            Request { directory: descriptor_argument(a), path: b, flags: c, out: e, mask: Some(d) }
        }
    };
    if request.flags & EMPTY != 0 && is_empty(request.path)? {
        let file = File::Descriptor(request.directory);
        let arguments = match request.mask {
            None => [request.directory as isize as usize, request.path, request.out, request.flags, 0, 0],
            Some(mask) => {
                [request.directory as isize as usize, request.path, request.flags, mask, request.out, 0]
            }
        };
        forward(call.number as u32, arguments)?;
        return amend(me, file, None, request);
    }
    read_path(operand, request.path)?;
    let last = if request.flags & NOFOLLOW != 0 { Last::Keep } else { Last::Follow };
    let object = permission::object(me, operand, request.directory, last)?;
    let mount = object.mount;
    let file = permission::object_file(&object, operand);
    let (directory, path, flags) = match file {
        File::Descriptor(found) | File::Found(found) => (found, c"".as_ptr() as usize, EMPTY),
        File::Host(path) => (AT_FDCWD, path.address(), NOFOLLOW),
    };
    let directory = directory as isize as usize;
    match request.mask {
        None => forward(raw::__NR_newfstatat, [directory, path, request.out, flags, 0, 0])?,
        Some(mask) => {
            let flags = flags | request.flags & raw::AT_STATX_SYNC_TYPE as usize;
            forward(raw::__NR_statx, [directory, path, flags, mask, request.out, 0])?
        }
    };
    amend(me, file, mount, request)
}

/// fstat(2).
pub(super) fn fstat(call: &Trapped<'_>, me: &Identity<'_>) -> Result<usize, Errno> {
    let [descriptor, out, ..] = call.arguments;
    forward(raw::__NR_fstat, call.arguments)?;
    let directory = descriptor_argument(descriptor);
    amend(me, File::Descriptor(directory), None, Request { directory, path: 0, flags: 0, out, mask: None })
}

/// Puts what the guest is to see into the structure that the kernel has just written.
fn amend(me: &Identity<'_>, file: File<'_>, mount: Option<usize>, request: Request) -> Result<usize, Errno> {
    match request.mask {
        None => {
            let stat = memory::written_stat(request.out);
            amend_classic(request.out, &file::look(me, file, &stat, mount)?);
        }
        Some(_) => {
            let stat = short(&memory::written_statx(request.out));
            amend_statx(request.out, &file::look(me, file, &stat, mount)?);
        }
    }
    Ok(0)
}
