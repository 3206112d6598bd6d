//! Opening: one openat2(2) that refuses symlinks. It may sleep, on the guest's own stack.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::Last;
use newroot_sys::arch::CallFrame;

use super::path::{Place, Room};
use super::through;
use crate::calls::open::Request;
use crate::calls::{descriptor_argument, procfs_files};
use crate::host::AT_FDCWD;
use crate::links;
use crate::session::session;

pub(super) fn open(frame: &CallFrame, [path, flags, mode, ..]: [usize; 6]) -> Option<Result<usize, Errno>> {
    run(frame, Request::classic(AT_FDCWD, path, flags, mode))
}

pub(super) fn openat(
    frame: &CallFrame,
    [directory, path, flags, mode, ..]: [usize; 6],
) -> Option<Result<usize, Errno>> {
    run(frame, Request::classic(descriptor_argument(directory), path, flags, mode))
}

fn run(frame: &CallFrame, request: Request) -> Option<Result<usize, Errno>> {
    if links::on() && request.last() == Last::Keep
        || request.writes() && session().has(Flags::READ_ONLY)
        || request.lists()
    {
        return None;
    }
    let mut room = Room::new();
    let place = Place::of(request.directory, room.read(request.path)?)?;
    // Whether a relative path leads to procfs is for the long way to find out.
    if procfs_files::may_be_special(place.bytes()) {
        return None;
    }
    through::open(frame, &place, request.flags, request.mode)
}
