//! Changes made through a descriptor, in sessions with read-only bindings: a descriptor opened
//! for reading lets one change mode, owner and attributes of its file.

use newroot_abi::Errno;

use super::{descriptor_argument, forward};
use crate::resolve;
use crate::trap::{Outcome, Trapped};

/// fchmod(2), fchown(2), fsetxattr(2), fremovexattr(2).
pub fn descriptor_write(call: &mut Trapped<'_>) -> Outcome {
    let [descriptor, ..] = call.arguments;
    let mount = resolve::mount_of_directory(descriptor_argument(descriptor));
    if mount.is_some_and(resolve::is_read_only) {
        return Errno::ROFS.into();
    }
    forward(call.number as u32, call.arguments).into()
}
