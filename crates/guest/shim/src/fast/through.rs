//! Calls in a restartable section: opening for the guest, and using a file through a descriptor
//! that the shim opens.
//!
//! # Safety
//! The frame belongs to the call that runs. The guest is responsible for the pointers that it
//! passes: the kernel checks them. The shim's own pointers live longer than the call.
#![allow(unsafe_code)]

use newroot_abi::Errno;
use newroot_sys::arch::CallFrame;
use newroot_sys::arch::restartable::{self, Look, Open};
use newroot_sys::raw;

use super::path::PathTarget;
use crate::handlers;
use crate::host_path::NO_SYMLINKS;

/// Flags for opening a directory in which a name is used.
const DIRECTORY: u32 = raw::O_PATH | raw::O_CLOEXEC | raw::O_DIRECTORY;

/// Opens a target for the guest; returns `None` if the path has a symlink after all.
pub(super) fn open(
    frame: &CallFrame,
    target: &PathTarget<'_>,
    flags: u64,
    mode: u64,
) -> Option<Result<usize, Errno>> {
    let open = open_of(target, flags, mode);
    // SAFETY: frame and path live for the call (see the head of the file).
    let result = unsafe { restartable::open(frame, &open) };
    restartable::is_final_open(result).then(|| Errno::check(result))
}

/// Makes the call `number` for a target, with the target's descriptor as first argument. Returns
/// `None` if the path has a symlink after all, if no descriptor can be had, or if the descriptor
/// might be left open.
pub(super) fn look(
    frame: &CallFrame,
    target: &PathTarget<'_>,
    nofollow: bool,
    number: u32,
    arguments: [usize; 4],
) -> Option<Result<usize, Errno>> {
    if handlers::some_are_direct() {
        return None;
    }
    let nofollow = if nofollow { raw::O_NOFOLLOW } else { 0 };
    let open = open_of(target, (raw::O_PATH | raw::O_CLOEXEC | nofollow).into(), 0);
    let [a, b, c, d] = arguments;
    // SAFETY: frame, path and arguments live for the call (see the head of the file).
    let done = unsafe { restartable::look(frame, &open, &Look::last(number, [a, b, c, d, 0])) };
    if number == raw::__NR_readlinkat && done.looked && done.result == Errno::NOENT.to_return() {
        // With a descriptor, the kernel reports ENOENT for a file that is no symlink; with a name,
        // EINVAL.
        return Some(Err(Errno::INVAL));
    }
    answer(done.result)
}

/// Makes the call `number` for a name in the directory `directory`. Returns `None` as [`look`]
/// does, and also if there is no such directory, because errors in the other arguments come first.
pub(super) fn look_in(
    frame: &CallFrame,
    directory: &PathTarget<'_>,
    number: u32,
    arguments: [usize; 5],
) -> Option<Result<usize, Errno>> {
    if handlers::some_are_direct() {
        return None;
    }
    let open = open_of(directory, DIRECTORY.into(), 0);
    // SAFETY: frame, path and arguments live for the call (see the head of the file).
    let done = unsafe { restartable::look(frame, &open, &Look::last(number, arguments)) };
    if done.looked { answer(done.result) } else { None }
}

/// Makes a call for a name in the directory `directory`. If its result is `goes_on_after`, makes a
/// second call, whose result then counts. Returns `None` as [`look`] does.
pub(super) fn look_twice(
    frame: &CallFrame,
    directory: &PathTarget<'_>,
    first: (u32, [usize; 5]),
    goes_on_after: Errno,
    second: (u32, [usize; 5]),
) -> Option<Result<usize, Errno>> {
    if handlers::some_are_direct() {
        return None;
    }
    let open = open_of(directory, DIRECTORY.into(), 0);
    let second = Look::last(second.0, second.1);
    let first = Look::then(first.0, first.1, goes_on_after.to_return(), &second);
    // SAFETY: frame, path and arguments live for the calls (see the head of the file).
    answer(unsafe { restartable::look(frame, &open, &first) }.result)
}

/// Makes a call for the guest that must be made only once, whatever signal arrives. The guest gets
/// its result unchanged.
pub(super) fn once(frame: &CallFrame, number: u32, arguments: [usize; 6]) -> Result<usize, Errno> {
    // SAFETY: frame and arguments live for the call (see the head of the file).
    Errno::check(unsafe { restartable::once(frame, number, &arguments) })
}

fn open_of(target: &PathTarget<'_>, flags: u64, mode: u64) -> Open {
    Open { directory: target.directory(), path: target.path().address(), how: [flags, mode, NO_SYMLINKS] }
}

fn answer(result: isize) -> Option<Result<usize, Errno>> {
    restartable::is_final(result).then(|| Errno::check(result))
}
