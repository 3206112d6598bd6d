//! Changes through a descriptor, in sessions with read-only bindings: a descriptor opened for
//! reading lets a process change mode, owner and attributes of its file.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_sys::raw;
use newroot_sys::table::Operation;

use super::errno_order;
use crate::call::{Outcome, Trapped, descriptor_argument, forward};
use crate::resolve;
use crate::session::session;

/// Runs fchmod(2), fchown(2), fsetxattr(2) and fremovexattr(2).
pub fn descriptor_write(call: &mut Trapped<'_>, operation: Operation) -> Outcome {
    if let Some(error) = refused(call) {
        return match operation {
            Operation::SetAttribute | Operation::RemoveAttribute => {
                errno_order::attribute(call.number, call.arguments, error).into()
            }
            _ => error.into(),
        };
    }
    forward(call.number as u32, call.arguments).into()
}

/// Returns EROFS if the descriptor's file lies in a read-only binding.
pub(crate) fn refused(call: &Trapped<'_>) -> Option<Errno> {
    let [descriptor, ..] = call.arguments;
    if !session().has(Flags::READ_ONLY) {
        return None;
    }
    match resolve::lies_read_only(descriptor_argument(descriptor)) {
        Ok(false) => None,
        // The call itself reports a descriptor that allows no change.
        Ok(true) => no_mere_path(descriptor).is_ok().then_some(Errno::ROFS),
        Err(error) => Some(error),
    }
}

/// Checks that a descriptor stands for an open file, not only for a path (O_PATH).
///
/// # Errors
/// EBADF.
pub(crate) fn no_mere_path(descriptor: usize) -> Result<(), Errno> {
    let flags = forward(raw::__NR_fcntl, [descriptor, raw::F_GETFL as usize, 0, 0, 0, 0])?;
    if flags & raw::O_PATH as usize == 0 { Ok(()) } else { Err(Errno::BADF) }
}
