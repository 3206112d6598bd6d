//! Permission checks before an ordinary call that names a path, for identities other than root.

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Want, permission as rules};
use newroot_paths::Last;
use newroot_sys::table::{Call, Operation, PathCall, Row};

use super::times;
use crate::call::{Trapped, descriptor_argument, read_path};
use crate::calls::path::{argument, directory_of, follows, is_negative_size, named, names_descriptor};
use crate::calls::times::Times;
use crate::fakeroot::file::{self, File};
use crate::fakeroot::{permission, privileges, procfs};
use crate::identity::process::who;
use crate::kernel::FileType;
use crate::resolve::stand_in;
use crate::slots::Operand;

/// Checks a call that the table describes.
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
    let sets_times = matches!(row.operation, Operation::SetTimes { .. });
    // Comes before any look at a file.
    if let Operation::SetTimes { times, nanoseconds: true } = row.operation
        && Times::read(argument(arguments, times))?.are_omitted()
    {
        return Ok(());
    }
    if is_negative_size(arguments, row) {
        return Ok(());
    }
    if names_descriptor(arguments, row, path)? {
        if !sets_times {
            return Ok(());
        }
        let device = stand_in::of_any(directory)?;
        return may_set_times(me, File::opened(directory, &device), None, row, arguments);
    }
    read_path(operand, path)?;
    let last = if follows(arguments, row) { Last::Follow } else { Last::Keep };
    let mut object = permission::object(me, operand, directory, last)?;
    if matches!(row.operation, Operation::Watch) {
        return permission::may_object(me, &mut object, Want::READ);
    }
    let (file, mount) = permission::object_file(&mut object);
    match row.operation {
        Operation::Truncate { .. } => truncate(me, file, mount),
        Operation::SetTimes { .. } => may_set_times(me, file, mount, row, arguments),
        _ => Ok(()),
    }
}

fn truncate(me: &Identity<'_>, file: File<'_>, mount: Option<usize>) -> Result<(), Errno> {
    let stat = file.stat()?;
    // The call itself reports a file of the wrong type.
    if FileType::of(&stat) != FileType::Regular {
        return Ok(());
    }
    let seen = file::guest_stat(me, file, &stat, mount)?;
    permission::ask(me, file, &seen, |owned| rules::may(&who(me), owned, Want::WRITE))?;
    privileges::lost_by_writing(me, file, &stat, &seen)
}

fn may_set_times(
    me: &Identity<'_>,
    file: File<'_>,
    mount: Option<usize>,
    row: &PathCall,
    arguments: &[usize; 6],
) -> Result<(), Errno> {
    let now = times::sets_now(row, arguments)?;
    let seen = file::guest_stat(me, file, &file.stat()?, mount)?;
    permission::ask(me, file, &seen, |owned| rules::may_set_times(&who(me), owned, now))
}

/// Checks the other calls, which change nothing.
pub(super) fn check_call(
    call: &Trapped<'_>,
    me: &Identity<'_>,
    row: &Row,
    operand: &mut Operand,
) -> Result<(), Errno> {
    if permission::is_unlimited(me) {
        return Ok(());
    }
    let kind = row.call;
    let [first, ..] = call.arguments;
    let Some(names) = row.paths[0] else {
        // fchdir(2).
        return permission::may(me, File::Descriptor(descriptor_argument(first)), None, Want::EXECUTE);
    };
    let (directory, path) = named(&call.arguments, names);
    let last = match kind {
        Call::ReadLink | Call::ReadLinkAt => Last::Keep,
        _ => Last::Follow,
    };
    match read_path(operand, path) {
        // The descriptor of a symlink itself.
        Err(Errno::NOENT) if kind == Call::ReadLinkAt => return Ok(()),
        other => other?,
    }
    if kind != Call::ChDir {
        permission::search(me, operand, directory, last)?;
        // The end of the search: only some processes may read a magic link.
        return match kind {
            Call::ReadLink | Call::ReadLinkAt => procfs::may_follow(me, operand.walk.host.bytes()),
            _ => Ok(()),
        };
    }
    let mut object = permission::object(me, operand, directory, last)?;
    let (file, mount) = permission::object_file(&mut object);
    // The call itself reports that it is no directory.
    if FileType::of(&file.stat()?) != FileType::Directory {
        return Ok(());
    }
    permission::may(me, file, mount, Want::EXECUTE)
}
