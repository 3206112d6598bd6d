//! What who isn't root must be allowed before an ordinary call that names a path.

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Want, permission as rules};
use newroot_paths::Last;
use newroot_sys::raw;
use newroot_sys::table::{Call, PathCall};

use super::times;
use crate::calls::path::{argument, directory_of, follows, names_descriptor};
use crate::calls::times::Times;
use crate::calls::{descriptor_argument, read_path};
use crate::host::{AT_FDCWD, FileType};
use crate::owner::file::{self, File};
use crate::owner::process::who;
use crate::owner::{permission, privileges, procfs, stand_in};
use crate::slots::Operand;
use crate::trap::Trapped;

/// Calls that the table describes.
pub(super) fn check(
    call: &Trapped<'_>,
    me: &Identity<'_>,
    row: &PathCall,
    operand: &mut Operand,
) -> Result<(), Errno> {
    if permission::is_unlimited(me) {
        return Ok(());
    }
    let arguments = &call.arguments;
    let directory = directory_of(arguments, row);
    let path = argument(arguments, row.path);
    let number = call.number as u32;
    let sets_times = times::sets_times(number);
    // Before a file is looked at all.
    if number == raw::__NR_utimensat && Times::read(argument(arguments, 2))?.are_omitted()
        || number == raw::__NR_truncate && (argument(arguments, 1) as isize) < 0
    {
        return Ok(());
    }
    if names_descriptor(arguments, row, path)? {
        if !sets_times {
            return Ok(());
        }
        let device = stand_in::of_any(directory)?;
        return may_set_times(me, File::opened(directory, &device), None, number, arguments);
    }
    read_path(operand, path)?;
    let last = if follows(arguments, row) { Last::Follow } else { Last::Keep };
    let object = permission::object(me, operand, directory, last)?;
    let mount = object.mount;
    match number {
        raw::__NR_truncate => truncate(me, permission::object_file(&object, operand), mount),
        raw::__NR_inotify_add_watch => permission::may_object(me, &object, operand, Want::READ),
        _ if sets_times => {
            may_set_times(me, permission::object_file(&object, operand), mount, number, arguments)
        }
        _ => Ok(()),
    }
}

fn truncate(me: &Identity<'_>, file: File<'_>, mount: Option<usize>) -> Result<(), Errno> {
    let stat = file.stat()?;
    // Which of them can't be, the call itself says.
    if FileType::of(&stat) != FileType::Regular {
        return Ok(());
    }
    let seen = file::look(me, file, &stat, mount)?;
    permission::ask(me, file, &seen, |owned| rules::may(&who(me), owned, Want::WRITE))?;
    privileges::lost_by_writing(me, file, &stat, &seen)
}

fn may_set_times(
    me: &Identity<'_>,
    file: File<'_>,
    mount: Option<usize>,
    number: u32,
    arguments: &[usize; 6],
) -> Result<(), Errno> {
    let now = times::sets_now(number, arguments)?;
    let seen = file::look(me, file, &file.stat()?, mount)?;
    permission::ask(me, file, &seen, |owned| rules::may_set_times(&who(me), owned, now))
}

/// The others, that only look.
pub(super) fn check_call(
    call: &Trapped<'_>,
    me: &Identity<'_>,
    kind: Call,
    operand: &mut Operand,
) -> Result<(), Errno> {
    if permission::is_unlimited(me) {
        return Ok(());
    }
    let [a, b, ..] = call.arguments;
    let (directory, path, last) = match kind {
        Call::ReadLinkAt => (descriptor_argument(a), b, Last::Keep),
        Call::ReadLink => (AT_FDCWD, a, Last::Keep),
        Call::FChDir => {
            return permission::may(me, file::File::Descriptor(descriptor_argument(a)), None, Want::EXECUTE);
        }
        _ => (AT_FDCWD, a, Last::Follow),
    };
    match read_path(operand, path) {
        // A link's own descriptor.
        Err(Errno::NOENT) if kind == Call::ReadLinkAt => return Ok(()),
        other => other?,
    }
    if kind != Call::ChDir {
        permission::search(me, operand, directory, last)?;
        // Where the search has come to: a magic link tells only some what it leads to.
        return match kind {
            Call::ReadLink | Call::ReadLinkAt => procfs::may_follow(me, operand.walk.host.bytes()),
            _ => Ok(()),
        };
    }
    let object = permission::object(me, operand, directory, last)?;
    let mount = object.mount;
    let file = permission::object_file(&object, operand);
    // That it is no directory is for the call to find.
    if FileType::of(&file.stat()?) != FileType::Directory {
        return Ok(());
    }
    permission::may(me, file, mount, Want::EXECUTE)
}
