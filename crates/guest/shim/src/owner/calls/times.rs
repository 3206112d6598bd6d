//! utimensat(2) and its kin.

use newroot_abi::Errno;
use newroot_fakeroot::permission as rules;
use newroot_fakeroot::session::Identity;
use newroot_paths::Last;
use newroot_sys::arch::legacy;
use newroot_sys::raw;
use newroot_sys::table::PathCall;

use crate::calls::path::{self, argument, directory_of, follows, names_descriptor, reissue};
use crate::calls::read_path;
use crate::calls::times::Times;
use crate::host::AT_FDCWD;
use crate::owner::file::{self, File, Route};
use crate::owner::process::who;
use crate::owner::{permission, stand_in};
use crate::slots::Operand;
use crate::trap::{Outcome, Trapped};

/// Returns whether a call sets a file's times.
pub(super) const fn sets_times(number: u32) -> bool {
    matches!(number, legacy::__NR_utime | legacy::__NR_utimes | legacy::__NR_futimesat | raw::__NR_utimensat)
}

/// Returns whether a call sets both times to now, for which the right to write is enough.
///
/// # Errors
/// EFAULT.
pub(super) fn sets_now(number: u32, arguments: &[usize; 6]) -> Result<bool, Errno> {
    let times = match number {
        legacy::__NR_utime | legacy::__NR_utimes => argument(arguments, 1),
        _ => argument(arguments, 2),
    };
    if number == raw::__NR_utimensat { Ok(Times::read(times)?.are_now()) } else { Ok(times == 0) }
}

/// Sets the times of a file, once the identity is known to have the right.
pub(super) fn set(
    call: &mut Trapped<'_>,
    me: &Identity<'_>,
    row: &PathCall,
    operand: &mut Operand,
) -> Outcome {
    match of_device(call, row) {
        Ok(None) => {}
        Ok(Some(value)) => return Outcome::Done(value as isize),
        Err(error) => return error.into(),
    }
    let outcome = path::run(call, row, operand);
    let refused = [Errno::PERM, Errno::ACCES].map(|error| Outcome::Done(error.to_return()));
    if refused.contains(&outcome) && matches!(is_forgotten(call, me, row, operand), Ok(true)) {
        return Outcome::Done(0);
    }
    outcome
}

/// Sets the times of the stand-in that a descriptor was opened by; `None` for any other file.
fn of_device(call: &Trapped<'_>, row: &PathCall) -> Result<Option<usize>, Errno> {
    let arguments = &call.arguments;
    if !names_descriptor(arguments, row, argument(arguments, row.path))? {
        return Ok(None);
    }
    let Some(found) = stand_in::of_any(directory_of(arguments, row))? else { return Ok(None) };
    let mut route = Route::to(File::Found(found.number()))?;
    reissue(arguments, row, AT_FDCWD, route.path().address()).map(Some)
}

/// Returns whether the host refuses what the guest may do only because the file isn't the host's user's.
fn is_forgotten(
    call: &Trapped<'_>,
    me: &Identity<'_>,
    row: &PathCall,
    operand: &mut Operand,
) -> Result<bool, Errno> {
    let arguments = &call.arguments;
    let directory = directory_of(arguments, row);
    let path = argument(arguments, row.path);
    let object;
    let (file, mount) = if names_descriptor(arguments, row, path)? {
        (File::Descriptor(directory), None)
    } else {
        read_path(operand, path)?;
        let last = if follows(arguments, row) { Last::Follow } else { Last::Keep };
        object = permission::object(me, operand, directory, last)?;
        (permission::object_file(&object, operand), object.mount)
    };
    let stat = file.stat()?;
    if !file::is_anothers(&stat) {
        return Ok(false);
    }
    let seen = file::look(me, file, &stat, mount)?;
    let now = sets_now(call.number as u32, arguments)?;
    permission::ask(me, file, &seen, |owned| rules::may_set_times(&who(me), owned, now)).map(|()| true)
}
