//! Extended attributes. Those that only root may set are kept under other names, which are hidden.

use newroot_abi::Errno;
use newroot_fakeroot::record::{NAME_MAX, is_hidden, shown_name, stored_name};
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Capabilities, FileCapabilities, acl, permission as rules};
use newroot_paths::{Buffer, Guest, Last};
use newroot_sys::raw;
use newroot_sys::table::{self, PathCall};

use crate::call::{Trapped, descriptor_argument, forward, read_path};
use crate::calls::attributes::no_mere_path;
use crate::calls::errno_order;
use crate::calls::path::{argument, follows};
use crate::fakeroot::file::{self, File, GuestStat, Route, bears_attributes};
use crate::fakeroot::remember::remember;
use crate::fakeroot::{list, permission};
use crate::identity::process::who;
use crate::kernel::{self, AT_FDCWD, Path, Stat};
use crate::memory;
use crate::resolve::{Target as _, stand_in};
use crate::slots::Operand;

/// Size in bytes of the largest value and of the longest list (`XATTR_SIZE_MAX`, `XATTR_LIST_MAX`).
const MOST: usize = 65536;
/// Size limit of capabilities and access control lists, in bytes.
const KEPT: usize = list::LIST_MAX;
/// `XATTR_CAPS_SZ_3` of `linux/capability.h`.
const LONGEST_CAPABILITIES: usize = 24;
const CAPABILITY: &[u8] = b"security.capability";

/// The request of a call: the arguments behind the path or descriptor.
#[derive(Clone, Copy)]
enum Operation {
    Set { name: usize, value: usize, size: usize, flags: u32 },
    Get { name: usize, value: usize, size: usize },
    List { list: usize, size: usize },
    Remove { name: usize },
}

impl Operation {
    /// Reads the request of a call. ENOSYS for a call of another kind.
    fn asked(operation: table::Operation, arguments: &[usize; 6]) -> Result<Self, Errno> {
        let [_, name, value, size, flags, _] = *arguments;
        Ok(match operation {
            table::Operation::SetAttribute => Self::Set { name, value, size, flags: flags as u32 },
            table::Operation::GetAttribute => Self::Get { name, value, size },
            table::Operation::ListAttributes => Self::List { list: name, size: value },
            table::Operation::RemoveAttribute => Self::Remove { name },
            _ => return Err(Errno::NOSYS),
        })
    }

    /// Checks the arguments themselves (setxattr_copy() in fs/xattr.c).
    fn check(self) -> Result<(), Errno> {
        const CREATE_OR_REPLACE: u32 = 3;
        let Self::Set { value, size, flags, .. } = self else { return Ok(()) };
        if flags & !CREATE_OR_REPLACE != 0 {
            return Err(Errno::INVAL);
        }
        if size > MOST {
            return Err(Errno::TOOBIG);
        }
        if size == 0 { Ok(()) } else { memory::read::<u8>(value).map(|_| ()) }
    }

    fn changes(self) -> bool {
        matches!(self, Self::Set { .. } | Self::Remove { .. })
    }
}

/// Runs the calls that name a path.
pub(super) fn by_path(
    call: &Trapped<'_>,
    me: &Identity<'_>,
    row: &PathCall,
    operand: &mut Operand,
) -> Result<usize, Errno> {
    let operation = Operation::asked(row.operation, &call.arguments)?;
    let last = if follows(&call.arguments, row) { Last::Follow } else { Last::Keep };
    let read = read_path(operand, argument(&call.arguments, row.path));
    let mut object = match read.and_then(|()| permission::object(me, operand, AT_FDCWD, last)) {
        Ok(object) => object,
        // The kernel knows whether the other arguments come first: before Linux 6.13 they don't.
        Err(error) => return errno_order::path(call.number, call.arguments, row, operand, error),
    };
    operation.check()?;
    if operation.changes() && object.is_read_only()? {
        return Err(Errno::ROFS);
    }
    let (file, mount) = permission::object_file(&mut object);
    run(me, file, mount, operation)
}

/// Runs the calls that name a descriptor. For them a descriptor opened with O_PATH is no file.
pub(super) fn by_descriptor(
    call: &Trapped<'_>,
    me: &Identity<'_>,
    operation: table::Operation,
) -> Result<usize, Errno> {
    let [descriptor, ..] = call.arguments;
    if let Err(error) = no_mere_path(descriptor) {
        return errno_order::attribute(call.number, call.arguments, error);
    }
    let operation = Operation::asked(operation, &call.arguments)?;
    operation.check()?;
    let descriptor = descriptor_argument(descriptor);
    let device = stand_in::of_any(descriptor)?;
    run(me, File::opened(descriptor, &device), None, operation)
}

/// An attribute's name as the guest passed it, with space for the NUL.
type Name = Buffer<Guest, { NAME_MAX + 1 }>;

fn read_name(at: usize) -> Result<Name, Errno> {
    let mut name = Name::new();
    match memory::read_path(at, &mut name) {
        Err(Errno::NAMETOOLONG) => Err(Errno::RANGE),
        Ok(()) if name.is_empty() => Err(Errno::RANGE),
        other => other.map(|()| name),
    }
}

/// Returns the host's name of an attribute. `None` if it is the same.
fn host_name(name: &[u8]) -> Result<Option<Name>, Errno> {
    let mut room = [0u8; NAME_MAX];
    let Some(stored) = stored_name(name, &mut room)? else { return Ok(None) };
    let mut out = Name::new();
    out.assign(stored).map_err(|_| Errno::RANGE)?;
    Ok(Some(out))
}

fn run(
    me: &Identity<'_>,
    file: File<'_>,
    mount: Option<usize>,
    operation: Operation,
) -> Result<usize, Errno> {
    let stat = file.stat()?;
    let mut route = Route::to(file)?;
    let path = route.path().address();
    let seen = file::guest_stat(me, file, &stat, mount)?;
    let ours = seen.is_ours(file, &stat, mount)?;
    let bears = bears_attributes(stat.st_mode);
    match operation {
        Operation::List { list, size } => {
            let lost = seen.record.is_written(stat.st_mode);
            list_names(me, route.path(), lost, list, size)
        }
        Operation::Get { name, value, size } => {
            let name = read_name(name)?;
            permission::ask(me, file, &seen, |owned| {
                rules::may_read_attribute(&who(me), owned, name.bytes())
            })?;
            check_class(&name)?;
            let lost = name.bytes() == CAPABILITY && seen.record.is_written(stat.st_mode);
            if is_hidden(name.bytes()) || lost {
                return Err(Errno::NODATA);
            }
            let as_asked = |mut name: Name| {
                let name = name.with_nul().as_ptr() as usize;
                forward(raw::__NR_getxattr, [path, name, value, size, 0, 0])
            };
            match host_name(name.bytes())? {
                Some(stored) if bears => match as_asked(stored) {
                    // The host's own attribute of this kind: labels, and access control lists that
                    // were there before.
                    Err(Errno::NODATA) => as_asked(name),
                    other => other,
                },
                _ => as_asked(name),
            }
        }
        Operation::Set { name, value, size, flags } => {
            let mut name = read_name(name)?;
            if name.bytes() == CAPABILITY && size != 0 {
                // Comes before the check of permissions (cap_convert_nscap() in
                // security/commoncap.c).
                let mut room = [0u8; LONGEST_CAPABILITIES];
                let bytes = room.get_mut(..size).ok_or(Errno::INVAL)?;
                memory::read_bytes(value, bytes)?;
                FileCapabilities::decode(bytes)?;
            }
            may_write(me, file, &seen, &name)?;
            if is_hidden(name.bytes()) {
                return Err(Errno::PERM);
            }
            match host_name(name.bytes())? {
                Some(stored) if ours => {
                    set_kept(me, (file, &stat, &seen), &name, stored, (value, size, flags))
                }
                _ => {
                    let name = name.with_nul().as_ptr() as usize;
                    forward(raw::__NR_setxattr, [path, name, value, size, flags as usize, 0])
                }
            }
        }
        Operation::Remove { name } => {
            let mut name = read_name(name)?;
            may_write(me, file, &seen, &name)?;
            if is_hidden(name.bytes()) {
                return Err(Errno::NODATA);
            }
            let is_acl = name.bytes() == acl::ACCESS || name.bytes() == acl::DEFAULT;
            if name.bytes() == CAPABILITY && seen.record.is_written(stat.st_mode) {
                return Err(Errno::NODATA);
            }
            if let Some(stored) = host_name(name.bytes())?.filter(|_| ours && bears) {
                name = stored;
            }
            let name = name.with_nul().as_ptr() as usize;
            match forward(raw::__NR_removexattr, [path, name, 0, 0, 0, 0]) {
                // Removing a list that doesn't exist is no error (posix_acl(5) in fs/posix_acl.c).
                Err(Errno::NODATA) if is_acl => Ok(0),
                other => other,
            }
        }
    }
}

fn may_write(me: &Identity<'_>, file: File<'_>, seen: &GuestStat, name: &Name) -> Result<(), Errno> {
    permission::ask(me, file, seen, |owned| rules::may_write_attribute(&who(me), owned, name.bytes()))?;
    check_class(name)
}

/// EINVAL for a class without a name behind it (xattr_resolve_name() in fs/xattr.c).
fn check_class(name: &Name) -> Result<(), Errno> {
    if matches!(name.bytes(), b"trusted." | b"security.") { Err(Errno::INVAL) } else { Ok(()) }
}

/// Sets an attribute that only root may set, under its other name.
fn set_kept(
    me: &Identity<'_>,
    (file, stat, seen): (File<'_>, &Stat, &GuestStat),
    name: &Name,
    mut stored: Name,
    (value, size, flags): (usize, usize, u32),
) -> Result<usize, Errno> {
    let mut route = Route::to(file)?;
    let mut kept = [0u8; KEPT];
    let bears = bears_attributes(stat.st_mode);
    let checked = name.bytes() == CAPABILITY || name.bytes() == acl::ACCESS || name.bytes() == acl::DEFAULT;
    if !bears && name.bytes() != acl::ACCESS {
        return Err(Errno::OPNOTSUPP);
    }
    if !checked {
        let name = stored.with_nul().as_ptr() as usize;
        let path = route.path().address();
        return forward(raw::__NR_setxattr, [path, name, value, size, flags as usize, 0]);
    }
    let bytes = kept.get_mut(..size).ok_or(Errno::RANGE)?;
    memory::read_bytes(value, bytes)?;
    let stored = Path::new(stored.with_nul());
    if name.bytes() == CAPABILITY {
        if seen.record.written.is_some() {
            // An earlier write didn't remove these.
            remember(file, stat, &seen.record, seen, true)?;
        }
        return kernel::setxattr(route.path(), stored, bytes, flags).map(|()| 0);
    }
    let keeps = if name.bytes() == acl::ACCESS {
        let (mode, keeps) = rules::change_acl(&who(me), &seen.owned(), bytes)?;
        if mode != seen.mode {
            remember(file, stat, &seen.record, &GuestStat { mode, ..*seen }, true)?;
        }
        keeps
    } else {
        acl::check(bytes)?
    };
    if !bears {
        // There is no place for the part of a list that a mode can't express.
        return if keeps { Err(Errno::OPNOTSUPP) } else { Ok(0) };
    }
    if keeps {
        let mut shown = [0u8; KEPT];
        let len = acl::normal(bytes, &mut shown)?;
        // Flags mean nothing for a list (vfs_set_acl() in fs/posix_acl.c).
        return kernel::setxattr(route.path(), stored, shown.get(..len).unwrap_or(&[]), 0).map(|()| 0);
    }
    match kernel::removexattr(route.path(), stored) {
        Err(Errno::NODATA) => Ok(0),
        other => other.map(|()| 0),
    }
}

/// Lists the names that the guest sees, without that of capabilities that are `lost`.
fn list_names(
    me: &Identity<'_>,
    path: Path<'_>,
    lost: bool,
    list: usize,
    size: usize,
) -> Result<usize, Errno> {
    let at = kernel::map_anonymous(2 * MOST)?;
    let result = (|| {
        let room = memory::mapped_bytes(at, MOST);
        let len = kernel::listxattr(path, room)?;
        let shown = memory::mapped_bytes(at + MOST, MOST);
        let mut used = 0;
        for name in room.get(..len).unwrap_or(&[]).split(|&byte| byte == 0).filter(|name| !name.is_empty()) {
            let name = match shown_name(name) {
                Some(name) => name,
                None if is_hidden(name) => continue,
                None => name,
            };
            if lost && name == CAPABILITY {
                continue;
            }
            if name.starts_with(b"trusted.") && !me.credentials.effective.has(Capabilities::SYS_ADMIN) {
                continue;
            }
            let place = shown.get_mut(used..used + name.len() + 1).ok_or(Errno::TOOBIG)?;
            if let Some((last, front)) = place.split_last_mut() {
                front.copy_from_slice(name);
                *last = 0;
            }
            used += name.len() + 1;
        }
        if size == 0 {
            return Ok(used);
        }
        if used > size {
            return Err(Errno::RANGE);
        }
        memory::write_bytes(list, shown.get(..used).unwrap_or(&[]))?;
        Ok(used)
    })();
    memory::unmap_owned(at, 2 * MOST);
    result
}
