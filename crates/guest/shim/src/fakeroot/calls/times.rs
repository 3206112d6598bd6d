//! utimensat(2) and its variants.

use newroot_abi::Errno;
use newroot_fakeroot::permission as rules;
use newroot_fakeroot::session::Identity;
use newroot_paths::Last;
use newroot_sys::table::{Operation, PathCall};

use crate::call::{Outcome, Trapped, read_path};
use crate::calls::path::{self, argument, directory_of, follows, names_descriptor, reissue};
use crate::calls::times::Times;
use crate::fakeroot::file::{self, File, Route};
use crate::fakeroot::permission;
use crate::identity::process::who;
use crate::kernel::AT_FDCWD;
use crate::resolve::stand_in;
use crate::slots::Operand;

/// Returns whether a call sets both times to now, for which the right to write is enough.
///
/// # Errors
/// EFAULT.
pub(super) fn sets_now(row: &PathCall, arguments: &[usize; 6]) -> Result<bool, Errno> {
    match row.operation {
        Operation::SetTimes { times, nanoseconds: true } => {
            Ok(Times::read(argument(arguments, times))?.are_now())
        }
        Operation::SetTimes { times, nanoseconds: false } => Ok(argument(arguments, times) == 0),
        _ => Ok(false),
    }
}

/// Sets the times of a file, after the check of the identity's right.
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

/// Sets the times of the stand-in of a made device's descriptor. `None` for any other file.
fn of_device(call: &Trapped<'_>, row: &PathCall) -> Result<Option<usize>, Errno> {
    let arguments = &call.arguments;
    if !names_descriptor(arguments, row, argument(arguments, row.path))? {
        return Ok(None);
    }
    let Some(found) = stand_in::of_any(directory_of(arguments, row))? else { return Ok(None) };
    let mut route = Route::to(File::Found(found.number()))?;
    reissue(arguments, row, AT_FDCWD, route.path().address()).map(Some)
}

/// Returns whether the host refuses an allowed change only because another user of the host owns
/// the file.
fn is_forgotten(
    call: &Trapped<'_>,
    me: &Identity<'_>,
    row: &PathCall,
    operand: &mut Operand,
) -> Result<bool, Errno> {
    let arguments = &call.arguments;
    let directory = directory_of(arguments, row);
    let path = argument(arguments, row.path);
    let mut object;
    let (file, mount) = if names_descriptor(arguments, row, path)? {
        (File::Descriptor(directory), None)
    } else {
        read_path(operand, path)?;
        let last = if follows(arguments, row) { Last::Follow } else { Last::Keep };
        object = permission::object(me, operand, directory, last)?;
        permission::object_file(&mut object)
    };
    let stat = file.stat()?;
    if !file::is_anothers(&stat) {
        return Ok(false);
    }
    let seen = file::guest_stat(me, file, &stat, mount)?;
    let now = sets_now(row, arguments)?;
    permission::ask(me, file, &seen, |owned| rules::may_set_times(&who(me), owned, now)).map(|()| true)
}
