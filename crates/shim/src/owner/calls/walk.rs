//! What who isn't root must be allowed before an ordinary call that names a path.

use newroot_abi::Errno;
use newroot_owner::session::Identity;
use newroot_owner::{Want, permission as rules};
use newroot_paths::Last;
use newroot_sys::arch::legacy;
use newroot_sys::raw;
use newroot_sys::table::{Call, PathCall};

use crate::calls::path::{argument, follows, names_descriptor};
use crate::calls::{descriptor_argument, read_path};
use crate::host::AT_FDCWD;
use crate::memory;
use crate::owner::file;
use crate::owner::process::who;
use crate::owner::{permission, procfs};
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
    let directory = row.directory.map_or(AT_FDCWD, |index| descriptor_argument(argument(arguments, index)));
    let path = argument(arguments, row.path);
    if names_descriptor(arguments, row, path)? {
        return Ok(());
    }
    read_path(operand, path)?;
    let last = if follows(arguments, row) { Last::Follow } else { Last::Keep };
    let object = permission::object(me, operand, directory, last)?;
    let mount = object.mount;
    let want = match call.number as u32 {
        raw::__NR_truncate => Want::WRITE,
        raw::__NR_inotify_add_watch => Want::READ,
        number
        @ (legacy::__NR_utime | legacy::__NR_utimes | legacy::__NR_futimesat | raw::__NR_utimensat) => {
            let file = permission::object_file(&object, operand);
            let seen = file::look(me, file, &file.stat()?, mount)?;
            return rules::may_set_times(&who(me), &seen.owned(), sets_now(number, arguments)?);
        }
        _ => return Ok(()),
    };
    permission::may_object(me, &object, operand, want)
}

/// Whether a call sets both times to now, which who may write may do.
fn sets_now(number: u32, arguments: &[usize; 6]) -> Result<bool, Errno> {
    const NOW: usize = (1 << 30) - 1;
    let times = match number {
        legacy::__NR_utime | legacy::__NR_utimes => argument(arguments, 1),
        _ => argument(arguments, 2),
    };
    if times == 0 || number != raw::__NR_utimensat {
        return Ok(times == 0);
    }
    let [_, access, _, change] = memory::read::<[usize; 4]>(times)?;
    Ok(access == NOW && change == NOW)
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
    permission::may_object(me, &object, operand, Want::EXECUTE)
}
