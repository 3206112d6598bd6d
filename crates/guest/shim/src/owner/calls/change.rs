//! chmod(2), chown(2) and their kin.

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Capabilities, permission as rules};
use newroot_paths::Last;
use newroot_sys::arch::legacy;
use newroot_sys::raw;
use newroot_sys::table::PathCall;

use crate::calls::attributes::no_mere_path;
use crate::calls::path::{argument, directory_of, follows, names_descriptor};
use crate::calls::{descriptor_argument, forward, read_path};
use crate::host::{self, AT_FDCWD, Stat};
use crate::owner::file::{self, File, Route, Seen, bears_attributes};
use crate::owner::process::who;
use crate::owner::remember::remember;
use crate::owner::{list, permission, privileges, stand_in};
use crate::resolve::{is_read_only, mount_of_directory};
use crate::session::session;
use crate::slots::Operand;
use crate::trap::Trapped;

/// What is to be changed.
#[derive(Clone, Copy)]
enum Change {
    Mode(u32),
    Owner(u32, u32),
}

impl Change {
    fn asked(number: u32, arguments: &[usize; 6]) -> Self {
        let at = |index: u8| argument(arguments, index) as u32;
        match number {
            legacy::__NR_chmod | raw::__NR_fchmod => Self::Mode(at(1)),
            raw::__NR_fchmodat | raw::__NR_fchmodat2 => Self::Mode(at(2)),
            raw::__NR_fchownat => Self::Owner(at(2), at(3)),
            _ => Self::Owner(at(1), at(2)),
        }
    }
}

/// The calls that name a path.
pub(super) fn by_path(
    call: &Trapped<'_>,
    me: &Identity<'_>,
    row: &PathCall,
    operand: &mut Operand,
) -> Result<usize, Errno> {
    let number = call.number as u32;
    let arguments = &call.arguments;
    let known = raw::AT_SYMLINK_NOFOLLOW | raw::AT_EMPTY_PATH;
    let flags = match number {
        raw::__NR_fchmodat2 => argument(arguments, 3) as u32,
        raw::__NR_fchownat => argument(arguments, 4) as u32,
        _ => 0,
    };
    if flags & !known != 0 {
        return Err(Errno::INVAL);
    }
    let change = Change::asked(number, arguments);
    let directory = directory_of(arguments, row);
    let path = argument(arguments, row.path);
    if names_descriptor(arguments, row, path)? {
        let device = stand_in::of_any(directory)?;
        let mount = if device.is_some() { None } else { mount_of_directory(directory)? };
        return apply(me, File::opened(directory, &device), mount, change);
    }
    read_path(operand, path)?;
    let last = if follows(arguments, row) { Last::Follow } else { Last::Keep };
    let object = permission::object(me, operand, directory, last)?;
    if object.read_only()? {
        return Err(Errno::ROFS);
    }
    apply(me, permission::object_file(&object, operand), object.mount, change)
}

/// fchmod(2), fchown(2). A descriptor opened with O_PATH is no file to them.
pub(super) fn by_descriptor(call: &Trapped<'_>, me: &Identity<'_>, number: u32) -> Result<usize, Errno> {
    let [descriptor, ..] = call.arguments;
    no_mere_path(descriptor)?;
    let descriptor = descriptor_argument(descriptor);
    let device = stand_in::of_any(descriptor)?;
    apply(me, File::opened(descriptor, &device), None, Change::asked(number, &call.arguments))
}

fn apply(me: &Identity<'_>, file: File<'_>, mount: Option<usize>, change: Change) -> Result<usize, Errno> {
    let stat = file.stat()?;
    if session().has(newroot_abi::plan::Flags::READ_ONLY) && mount.is_some_and(is_read_only) {
        return Err(Errno::ROFS);
    }
    let seen = file::look(me, file, &stat, mount)?;
    let owned = seen.owned();
    let new = match change {
        // Linux has no modes of symbolic links (fchmodat2(2)).
        Change::Mode(_) if stat.st_mode & raw::S_IFMT == raw::S_IFLNK => return Err(Errno::OPNOTSUPP),
        Change::Mode(mode) => Seen { mode: rules::change_mode(&who(me), &owned, mode)?, ..seen },
        Change::Owner(uid, gid) => {
            let new = rules::change_owner(&who(me), &owned, uid, gid)?;
            Seen { uid: new.uid, gid: new.gid, mode: new.mode, ..seen }
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
        // What was recorded beside the file, or was so before, hasn't changed its time of change.
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

/// A file that isn't the root's: nothing is recorded of it. Its mode is the host's to change, if the host's user
/// owns it; else the change is forgotten. That root gives it to somebody is forgotten in any case, as it is by
/// PRoot.
fn elsewhere(me: &Identity<'_>, file: File<'_>, stat: &Stat, change: Change) -> Result<usize, Errno> {
    match change {
        Change::Mode(mode) => match host::fchmodat(AT_FDCWD, Route::to(file)?.path(), mode & 0o7777) {
            Err(Errno::PERM) if file::is_anothers(stat) => Ok(0),
            other => other.map(|()| 0),
        },
        Change::Owner(..) if me.credentials.effective.has(Capabilities::CHOWN) => Ok(0),
        Change::Owner(uid, gid) => {
            let same = |new: u32, old: u32| new == u32::MAX || new == old;
            let seen = file::look(me, file, stat, None)?;
            let nothing = same(uid, seen.uid) && same(gid, seen.gid);
            if nothing { Ok(0) } else { Err(Errno::PERM) }
        }
    }
}
