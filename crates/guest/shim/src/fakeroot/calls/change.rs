//! chmod(2), chown(2) and their variants.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Capabilities, permission as rules};
use newroot_paths::Last;
use newroot_sys::raw;
use newroot_sys::table::{Operation, PathCall};

use crate::call::{Trapped, descriptor_argument, forward, read_path};
use crate::calls::attributes::no_mere_path;
use crate::calls::path::{argument, directory_of, flags, follows, names_descriptor};
use crate::fakeroot::file::{self, File, GuestStat, Route, bears_attributes};
use crate::fakeroot::remember::remember;
use crate::fakeroot::{list, permission, privileges};
use crate::identity::process::who;
use crate::kernel::{self, AT_FDCWD, Stat};
use crate::resolve::{Target as _, lies_read_only, mount_of_directory, stand_in};
use crate::session::session;
use crate::slots::Operand;

/// A change of a file.
#[derive(Clone, Copy)]
enum Change {
    Mode(u32),
    Owner(u32, u32),
}

impl Change {
    /// Reads the change that a call asks for. ENOSYS for a call of another kind.
    fn asked(operation: Operation, arguments: &[usize; 6]) -> Result<Self, Errno> {
        let at = |index: u8| argument(arguments, index) as u32;
        match operation {
            Operation::SetMode { mode } => Ok(Self::Mode(at(mode))),
            Operation::SetOwner { user } => Ok(Self::Owner(at(user), at(user + 1))),
            _ => Err(Errno::NOSYS),
        }
    }
}

/// Runs the calls that name a path.
pub(super) fn by_path(
    call: &Trapped<'_>,
    me: &Identity<'_>,
    row: &PathCall,
    operand: &mut Operand,
) -> Result<usize, Errno> {
    let arguments = &call.arguments;
    let known = raw::AT_SYMLINK_NOFOLLOW | raw::AT_EMPTY_PATH;
    if flags(arguments, row) as u32 & !known != 0 {
        return Err(Errno::INVAL);
    }
    let change = Change::asked(row.operation, arguments)?;
    let directory = directory_of(arguments, row);
    let path = argument(arguments, row.path);
    if names_descriptor(arguments, row, path)? {
        let device = stand_in::of_any(directory)?;
        if device.is_none() && session().has(Flags::READ_ONLY) && lies_read_only(directory)? {
            return Err(Errno::ROFS);
        }
        let mount = if device.is_some() { None } else { mount_of_directory(directory)? };
        return apply(me, File::opened(directory, &device), mount, change);
    }
    read_path(operand, path)?;
    let last = if follows(arguments, row) { Last::Follow } else { Last::Keep };
    let mut object = permission::object(me, operand, directory, last)?;
    if object.is_read_only()? {
        return Err(Errno::ROFS);
    }
    let (file, mount) = permission::object_file(&mut object);
    apply(me, file, mount, change)
}

/// Runs fchmod(2) and fchown(2). For them a descriptor opened with O_PATH is no file.
pub(super) fn by_descriptor(
    call: &Trapped<'_>,
    me: &Identity<'_>,
    operation: Operation,
) -> Result<usize, Errno> {
    let [descriptor, ..] = call.arguments;
    no_mere_path(descriptor)?;
    let descriptor = descriptor_argument(descriptor);
    let device = stand_in::of_any(descriptor)?;
    apply(me, File::opened(descriptor, &device), None, Change::asked(operation, &call.arguments)?)
}

fn apply(me: &Identity<'_>, file: File<'_>, mount: Option<usize>, change: Change) -> Result<usize, Errno> {
    let stat = file.stat()?;
    let seen = file::guest_stat(me, file, &stat, mount)?;
    let owned = seen.owned();
    let new = match change {
        // Linux has no modes of symlinks (fchmodat2(2)).
        Change::Mode(_) if stat.st_mode & raw::S_IFMT == raw::S_IFLNK => return Err(Errno::OPNOTSUPP),
        Change::Mode(mode) => GuestStat { mode: rules::change_mode(&who(me), &owned, mode)?, ..seen },
        Change::Owner(uid, gid) => {
            let new = rules::change_owner(&who(me), &owned, uid, gid)?;
            GuestStat { uid: new.uid, gid: new.gid, mode: new.mode, ..seen }
        }
    };
    if !seen.is_ours(file, &stat, mount)? {
        return elsewhere(me, file, &stat, change);
    }
    let is_mode = matches!(change, Change::Mode(_));
    let record = || remember(file, &stat, &seen.record, &new, is_mode || new.mode != seen.mode);
    let recorded = if is_mode && bears_attributes(stat.st_mode) {
        list::with_mode(file, new.mode, record)
    } else {
        record()
    };
    match recorded {
        // As in a binding.
        Err(Errno::PERM | Errno::ACCES) if file::is_anothers(&stat) => return Ok(0),
        other => other?,
    }
    if matches!(change, Change::Owner(..)) || !bears_attributes(stat.st_mode) {
        // A record beside the file doesn't change the file's time of change.
        let _ = file.touch();
    }
    if let (Change::Mode(_), File::Descriptor(descriptor)) = (change, file)
        && is_open_for_writing(descriptor)
    {
        privileges::lost_by_a_write_to(me, descriptor)?;
    }
    if matches!(change, Change::Owner(..))
        && rules::loses_capabilities(&owned)
        && bears_attributes(stat.st_mode)
    {
        // file_remove_privs() and cap_inode_need_killpriv().
        privileges::lost_capabilities(file)?;
    }
    Ok(0)
}

fn is_open_for_writing(descriptor: i32) -> bool {
    let flags = forward(raw::__NR_fcntl, [descriptor as isize as usize, raw::F_GETFL as usize, 0, 0, 0, 0]);
    flags.is_ok_and(|flags| flags as u32 & raw::O_PATH == 0 && flags as u32 & raw::O_ACCMODE != raw::O_RDONLY)
}

/// Changes a file outside of the root's own tree. Nothing is recorded for it. If the host's user
/// owns it, its mode on the host is changed, else the change is forgotten. A change of owner by
/// root is always forgotten, as PRoot does.
fn elsewhere(me: &Identity<'_>, file: File<'_>, stat: &Stat, change: Change) -> Result<usize, Errno> {
    match change {
        Change::Mode(mode) => match kernel::fchmodat(AT_FDCWD, Route::to(file)?.path(), mode & 0o7777) {
            Err(Errno::PERM) if file::is_anothers(stat) => Ok(0),
            other => other.map(|()| 0),
        },
        Change::Owner(..) if me.credentials.effective.has(Capabilities::CHOWN) => Ok(0),
        Change::Owner(uid, gid) => {
            let same = |new: u32, old: u32| new == u32::MAX || new == old;
            let seen = file::guest_stat(me, file, stat, None)?;
            let nothing = same(uid, seen.uid) && same(gid, seen.gid);
            if nothing { Ok(0) } else { Err(Errno::PERM) }
        }
    }
}
