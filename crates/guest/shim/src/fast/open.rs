//! Opening by one openat2(2) that refuses symlinks. It may sleep, on the guest's own stack.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::Last;
use newroot_sys::arch::CallFrame;

use super::path::{PathBuffer, PathTarget};
use super::through;
use crate::call::descriptor_argument;
use crate::calls::open::Request;
use crate::calls::synthetic_proc;
use crate::hardlinks;
use crate::kernel::AT_FDCWD;
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
    if hardlinks::on() && request.last() == Last::Keep
        || request.writes() && session().has(Flags::READ_ONLY)
        || request.lists()
    {
        return None;
    }
    let mut buffer = PathBuffer::new();
    let target = PathTarget::of(request.directory, buffer.read(request.path)?)?;
    // The slow path finds out whether a relative path leads to procfs.
    if synthetic_proc::may_be_special(target.bytes()) {
        return None;
    }
    through::open(frame, &target, request.flags, request.mode)
}
