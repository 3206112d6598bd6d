//! Calls about a single name in a directory, which they don't follow: it means the same to the host's kernel.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_sys::arch::CallFrame;
use newroot_sys::raw;
use newroot_sys::table::{self, Call, Empty, Follow, Intent, PathCall};

use super::path::Room;
use super::through;
use crate::calls::path::{argument, follows, is_access};
use crate::links;
use crate::session::session;

/// Any call that the table describes by its one path.
pub(super) fn run(frame: &CallFrame, number: u32, arguments: [usize; 6]) -> Option<Result<usize, Errno>> {
    let row = table::row_of(number as usize)?;
    let Call::Path(description) = row.call else { return None };
    if (description.intent != Intent::Read || is_access(&description)) && session().has(Flags::READ_ONLY) {
        return None;
    }
    // What a name stands for isn't told by itself.
    if description.intent != Intent::Create && links::on() {
        return None;
    }
    let address = argument(&arguments, description.path);
    if means_its_descriptor(&description, address) {
        return Some(through::once(frame, number, arguments));
    }
    let mut room = Room::new();
    if !is_about_the_name(&description, &arguments) || !room.read(address)?.is_plain_name() {
        return None;
    }
    Some(through::once(frame, number, arguments))
}

/// Whether there is no path at all, and need not be: futimens(3).
fn means_its_descriptor(description: &PathCall, path: usize) -> bool {
    path == 0 && matches!(description.empty, Empty::Null | Empty::NullOrFlag(_))
}

/// Whether a call is about the name itself, whatever stands there. With AT_EMPTY_PATH there would be more to
/// say about the path.
fn is_about_the_name(description: &PathCall, arguments: &[usize; 6]) -> bool {
    match (description.intent, description.follow) {
        (Intent::Create | Intent::Remove, _) => true,
        (_, Follow::Unless(index, _) | Follow::If(index, _))
            if argument(arguments, index) as u32 & raw::AT_EMPTY_PATH != 0 =>
        {
            false
        }
        _ => !follows(arguments, description),
    }
}
