//! Extended attributes, looked at by a file's name in its directory. By a descriptor that stands for a path no call can
//! look at them; by a name getxattrat(2) and listxattrat(2) can (Linux 6.13).

use newroot_abi::Errno;
use newroot_sys::arch::CallFrame;
use newroot_sys::raw;

use super::path::{Place, Room, Text};
use super::through;
use crate::calls::{forward, newer};
use crate::host::AT_FDCWD;
use crate::links;
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
        /// No value is longer (XATTR_SIZE_MAX), and the kernel takes more room for that much.
        const LONGEST: usize = 65536;
        Self { address, size: size.min(LONGEST) as u32, flags: 0 }
    }

    /// The call that looks at it, behind the directory's descriptor.
    fn call(&self, name: usize, attribute: usize) -> (u32, [usize; 5]) {
        let value = core::ptr::from_ref(self) as usize;
        (raw::__NR_getxattrat, [name, NOFOLLOW, attribute, value, size_of::<Self>()])
    }
}

pub(super) fn lgetxattr(frame: &CallFrame, arguments: [usize; 6]) -> Answer {
    let [path, attribute, value, size, ..] = arguments;
    let mut room = Room::new();
    let text = read(&mut room, path)?;
    if text.is_plain_name() {
        return Some(forward(raw::__NR_lgetxattr, arguments));
    }
    let value = Value::new(value, size);
    at_name(frame, text, |name| value.call(name, attribute))
}

/// An access list's absence, or its value, tells that the name is no symlink, which has none and can't
/// (vfs_get_acl() in fs/posix_acl.c): then it was all the same that it wasn't followed.
pub(super) fn getxattr(frame: &CallFrame, [path, attribute, value, size, ..]: [usize; 6]) -> Answer {
    let attribute = access_list(attribute)?.as_ptr() as usize;
    let mut room = Room::new();
    let text = read(&mut room, path)?;
    let value = Value::new(value, size);
    match at_name(frame, text, |name| value.call(name, attribute))? {
        answer @ (Ok(_) | Err(Errno::NODATA)) => Some(answer),
        Err(_) => None,
    }
}

pub(super) fn llistxattr(frame: &CallFrame, arguments: [usize; 6]) -> Answer {
    let [path, list, size, ..] = arguments;
    let mut room = Room::new();
    let text = read(&mut room, path)?;
    if text.is_plain_name() {
        return Some(forward(raw::__NR_llistxattr, arguments));
    }
    at_name(frame, text, |name| (raw::__NR_listxattrat, [name, NOFOLLOW, list, size, 0]))
}

fn read(room: &mut Room, path: usize) -> Option<Text<'_>> {
    // A name may be one of several.
    if links::on() { None } else { room.read(path) }
}

/// Makes the call for a path's last component in its directory.
fn at_name(frame: &CallFrame, text: Text<'_>, call: impl Fn(usize) -> (u32, [usize; 5])) -> Answer {
    // The others came with it.
    if newer::refusal(raw::__NR_getxattrat as usize).is_some() {
        return None;
    }
    let mut place = Place::of(AT_FDCWD, text)?;
    if let Some(name) = place.split() {
        let (number, arguments) = call(name);
        return through::look_in(frame, &place, number, arguments);
    }
    if place.bytes().starts_with(b"/") {
        return None;
    }
    let (number, [a, b, c, d, e]) = call(place.path().address());
    Some(forward(number, [AT_FDCWD as isize as usize, a, b, c, d, e]))
}

/// The name of an attribute, in words of ours, if it is that of an access list.
fn access_list(name: usize) -> Option<&'static [u8]> {
    const ACCESS: &[u8] = b"system.posix_acl_access\0";
    const DEFAULT: &[u8] = b"system.posix_acl_default\0";
    let mut given = [0; DEFAULT.len()];
    memory::read_bytes(name, &mut given).ok()?;
    [ACCESS, DEFAULT].into_iter().find(|list| given.starts_with(list))
}
