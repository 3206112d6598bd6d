//! Changes made through a descriptor, in sessions with read-only bindings: a descriptor opened
//! for reading lets one change mode, owner and attributes of its file.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_sys::raw;

use super::{descriptor_argument, forward, precedence};
use crate::resolve;
use crate::session::session;
use crate::trap::{Outcome, Trapped};

/// fchmod(2), fchown(2), fsetxattr(2), fremovexattr(2).
pub fn descriptor_write(call: &mut Trapped<'_>) -> Outcome {
    if let Some(error) = refused(call) {
        return match call.number as u32 {
            raw::__NR_fsetxattr | raw::__NR_fremovexattr => {
                precedence::attribute(call.number, call.arguments, error).into()
            }
            _ => error.into(),
        };
    }
    forward(call.number as u32, call.arguments).into()
}

/// EROFS where the descriptor's file lies in a read-only binding.
pub(crate) fn refused(call: &Trapped<'_>) -> Option<Errno> {
    let [descriptor, ..] = call.arguments;
    if !session().has(Flags::READ_ONLY) {
        return None;
    }
    match resolve::lies_read_only(descriptor_argument(descriptor)) {
        Ok(false) => None,
        // One that isn't good for any change, the call itself will say.
        Ok(true) => no_mere_path(descriptor).is_ok().then_some(Errno::ROFS),
        Err(error) => Some(error),
    }
}

/// What is done to a file by its descriptor isn't done by one that only stands for a path (O_PATH).
///
/// # Errors
/// EBADF.
pub(crate) fn no_mere_path(descriptor: usize) -> Result<(), Errno> {
    let flags = forward(raw::__NR_fcntl, [descriptor, raw::F_GETFL as usize, 0, 0, 0, 0])?;
    if flags & raw::O_PATH as usize == 0 { Ok(()) } else { Err(Errno::BADF) }
}
