//! Calls for a single name in a directory that they don't follow. The name means the same to the
//! host's kernel.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_sys::arch::CallFrame;
use newroot_sys::raw;
use newroot_sys::table::{Call, Empty, Intent, PathCall, Row};

use super::path::PathBuffer;
use super::through;
use crate::calls::path::{access_mode, argument, flags, follows};
use crate::hardlinks;
use crate::session::session;

/// Runs any call that the table describes by its one path.
pub(super) fn run(frame: &CallFrame, row: &Row, arguments: [usize; 6]) -> Option<Result<usize, Errno>> {
    let number = row.number;
    let Call::Path(description) = row.call else { return None };
    let intent = description.intent();
    if (intent != Intent::Read || access_mode(&description).is_some()) && session().has(Flags::READ_ONLY) {
        return None;
    }
    // The name alone doesn't show which file it stands for.
    if intent != Intent::Create && hardlinks::on() {
        return None;
    }
    let address = argument(&arguments, description.path);
    if means_its_descriptor(&description, address) {
        return Some(through::once(frame, number, arguments));
    }
    let mut buffer = PathBuffer::new();
    if !is_about_the_name(&description, &arguments) || !buffer.read(address)?.is_plain_name() {
        return None;
    }
    Some(through::once(frame, number, arguments))
}

/// Returns whether there is no path, and need not be one: futimens(3).
fn means_its_descriptor(description: &PathCall, path: usize) -> bool {
    path == 0 && matches!(description.empty, Empty::Null | Empty::NullOrFlag(_))
}

/// Returns whether a call is for the name itself, whatever file it has. With AT_EMPTY_PATH the path
/// would need more checks.
fn is_about_the_name(description: &PathCall, arguments: &[usize; 6]) -> bool {
    match description.intent() {
        Intent::Create | Intent::Remove => true,
        Intent::Read | Intent::Modify => {
            flags(arguments, description) as u32 & raw::AT_EMPTY_PATH == 0 && !follows(arguments, description)
        }
    }
}
