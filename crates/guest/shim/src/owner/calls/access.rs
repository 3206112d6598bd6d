//! access(2) and its kin.

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Want, permission as rules};
use newroot_paths::Last;
use newroot_sys::raw;
use newroot_sys::table::PathCall;

use crate::calls::path::{self, access_mode, argument, check_access, follows, names_descriptor};
use crate::calls::read_path;
use crate::owner::file::{self, File};
use crate::owner::process::who;
use crate::owner::{permission, stand_in};
use crate::slots::Operand;
use crate::trap::Trapped;

/// What the recorded owners and modes say comes first; what the host says (a read-only file system, a file of
/// somebody else's) holds as well.
pub(super) fn access(
    call: &mut Trapped<'_>,
    me: &Identity<'_>,
    row: &PathCall,
    operand: &mut Operand,
) -> Result<usize, Errno> {
    let arguments = call.arguments;
    check_access(&arguments, row)?;
    let flags = if row.reissue == raw::__NR_faccessat2 { argument(&arguments, 3) as u32 } else { 0 };
    let asker = if flags & raw::AT_EACCESS != 0 {
        *me
    } else {
        Identity { credentials: rules::as_real(&me.credentials), ..*me }
    };
    let want = Want(argument(&arguments, access_mode(row)) as u32 & 7);
    let directory = path::directory_of(&arguments, row);
    let at = argument(&arguments, row.path);
    if names_descriptor(&arguments, row, at)? {
        let device = stand_in::of_any(directory)?;
        permission::may(&asker, File::opened(directory, &device), None, want)?;
        if device.is_some() {
            return Ok(0);
        }
    } else {
        read_path(operand, at)?;
        let last = if follows(&arguments, row) { Last::Follow } else { Last::Keep };
        let object = permission::object(&asker, operand, directory, last)?;
        let file = permission::object_file(&object, operand);
        let stat = file.stat()?;
        let seen = file::look(&asker, file, &stat, object.mount)?;
        permission::ask(&asker, file, &seen, |owned| rules::may(&who(&asker), owned, want))?;
        // A stand-in's own mode says nothing.
        if seen.record.device.is_some() {
            return Ok(0);
        }
    }
    path::run(call, row, operand).result()
}
