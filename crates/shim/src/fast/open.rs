//! Opening: one openat2(2) that refuses symlinks. It may sleep, on the guest's own stack.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;

use super::path::{self, Place};
use crate::calls::open::Request;
use crate::calls::{descriptor_argument, procfs_files};
use crate::host::AT_FDCWD;
use crate::session::session;

pub(super) fn open([path, flags, mode, ..]: [usize; 6]) -> Option<Result<usize, Errno>> {
    run(Request::classic(AT_FDCWD, path, flags, mode))
}

pub(super) fn openat([directory, path, flags, mode, ..]: [usize; 6]) -> Option<Result<usize, Errno>> {
    run(Request::classic(descriptor_argument(directory), path, flags, mode))
}

fn run(request: Request) -> Option<Result<usize, Errno>> {
    if request.writes() && session().has(Flags::READ_ONLY) {
        return None;
    }
    let mut place = Place::of(request.directory, &path::read(request.path)?)?;
    // Whether a relative path leads to procfs is for the long way to find out.
    if procfs_files::may_be_special(place.bytes()) {
        return None;
    }
    let opened = place.open(request.flags, request.mode)?;
    Some(opened.map(|descriptor| descriptor.into_number() as usize))
}
