//! Extended attributes, by a file's name in its directory. An O_PATH descriptor doesn't serve to
//! read them; getxattrat(2) and listxattrat(2) read them by name (Linux 6.13).

use newroot_abi::Errno;
use newroot_sys::arch::CallFrame;
use newroot_sys::raw;

use super::path::{PathBuffer, PathTarget, Text};
use super::through;
use crate::call::forward;
use crate::calls::newer;
use crate::hardlinks;
use crate::kernel::AT_FDCWD;
use crate::memory;

const NOFOLLOW: usize = raw::AT_SYMLINK_NOFOLLOW as usize;

type Answer = Option<Result<usize, Errno>>;

/// `struct xattr_args` (linux/xattr.h).
#[repr(C)]
struct Value {
    address: usize,
    size: u32,
    flags: u32,
}

impl Value {
    fn new(address: usize, size: usize) -> Self {
        /// Size of the largest value (XATTR_SIZE_MAX). The kernel treats a larger buffer as one of
        /// this size.
        const LONGEST: usize = 65536;
        Self { address, size: size.min(LONGEST) as u32, flags: 0 }
    }

    /// Returns the call that reads the value, without its first argument, the directory's
    /// descriptor.
    fn call(&self, name: usize, attribute: usize) -> (u32, [usize; 5]) {
        let value = core::ptr::from_ref(self) as usize;
        (raw::__NR_getxattrat, [name, NOFOLLOW, attribute, value, size_of::<Self>()])
    }
}

pub(super) fn lgetxattr(frame: &CallFrame, arguments: [usize; 6]) -> Answer {
    let [path, attribute, value, size, ..] = arguments;
    let mut buffer = PathBuffer::new();
    let text = read(&mut buffer, path)?;
    if text.is_plain_name() {
        return Some(forward(raw::__NR_lgetxattr, arguments));
    }
    let value = Value::new(value, size);
    at_name(frame, text, |name| value.call(name, attribute))
}

/// Reads an access list. If the kernel returns the list or reports that there is none (ENODATA),
/// then the name is no symlink, because a symlink can't have one (vfs_get_acl() in fs/posix_acl.c).
/// So it made no difference that the link wasn't followed.
pub(super) fn getxattr(frame: &CallFrame, [path, attribute, value, size, ..]: [usize; 6]) -> Answer {
    let attribute = access_list(attribute)?.as_ptr() as usize;
    let mut buffer = PathBuffer::new();
    let text = read(&mut buffer, path)?;
    let value = Value::new(value, size);
    match at_name(frame, text, |name| value.call(name, attribute))? {
        answer @ (Ok(_) | Err(Errno::NODATA)) => Some(answer),
        Err(_) => None,
    }
}

pub(super) fn llistxattr(frame: &CallFrame, arguments: [usize; 6]) -> Answer {
    let [path, list, size, ..] = arguments;
    let mut buffer = PathBuffer::new();
    let text = read(&mut buffer, path)?;
    if text.is_plain_name() {
        return Some(forward(raw::__NR_llistxattr, arguments));
    }
    at_name(frame, text, |name| (raw::__NR_listxattrat, [name, NOFOLLOW, list, size, 0]))
}

fn read(buffer: &mut PathBuffer, path: usize) -> Option<Text<'_>> {
    // The file may have several names.
    if hardlinks::on() { None } else { buffer.read(path) }
}

/// Makes a call for a path's last component in its directory.
fn at_name(frame: &CallFrame, text: Text<'_>, call: impl Fn(usize) -> (u32, [usize; 5])) -> Answer {
    // The kernel got all these calls together, so one stands for all.
    if newer::refusal(raw::__NR_getxattrat as usize).is_some() {
        return None;
    }
    let mut target = PathTarget::of(AT_FDCWD, text)?;
    if let Some(name) = target.split() {
        let (number, arguments) = call(name);
        return through::look_in(frame, &target, number, arguments);
    }
    if target.bytes().starts_with(b"/") {
        return None;
    }
    let (number, [a, b, c, d, e]) = call(target.path().address());
    Some(forward(number, [AT_FDCWD as isize as usize, a, b, c, d, e]))
}

/// Returns the name of an attribute, in the shim's own memory, if it is that of an access list.
fn access_list(name: usize) -> Option<&'static [u8]> {
    const ACCESS: &[u8] = b"system.posix_acl_access\0";
    const DEFAULT: &[u8] = b"system.posix_acl_default\0";
    let mut given = [0; DEFAULT.len()];
    memory::read_bytes(name, &mut given).ok()?;
    [ACCESS, DEFAULT].into_iter().find(|list| given.starts_with(list))
}
