//! access(2), faccessat(2) and faccessat2(2).

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Want, permission as rules};
use newroot_paths::Last;
use newroot_sys::raw;
use newroot_sys::table::PathCall;

use crate::call::{Trapped, read_path};
use crate::calls::path::{self, argument, check_access, flags, follows, names_descriptor};
use crate::fakeroot::file::{self, File};
use crate::fakeroot::permission;
use crate::identity::process::who;
use crate::resolve::stand_in;
use crate::slots::Operand;

/// Checks the recorded owners and modes first. The host's answer counts, too (a read-only file
/// system, a file of another user).
pub(super) fn access(
    call: &mut Trapped<'_>,
    me: &Identity<'_>,
    row: &PathCall,
    mode: u8,
    operand: &mut Operand,
) -> Result<usize, Errno> {
    let arguments = call.arguments;
    check_access(&arguments, row, mode)?;
    let asker = if flags(&arguments, row) as u32 & raw::AT_EACCESS != 0 {
        *me
    } else {
        Identity { credentials: rules::as_real(&me.credentials), ..*me }
    };
    let want = Want(argument(&arguments, mode) as u32 & 7);
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
        let mut object = permission::object(&asker, operand, directory, last)?;
        let (file, mount) = permission::object_file(&mut object);
        let stat = file.stat()?;
        let seen = file::guest_stat(&asker, file, &stat, mount)?;
        permission::ask(&asker, file, &seen, |owned| rules::may(&who(&asker), owned, want))?;
        // A stand-in's own mode means nothing.
        if seen.record.device.is_some() {
            return Ok(0);
        }
    }
    path::run(call, row, operand).result()
}
