//! Through the window: opening for the guest, and looking at a file by a descriptor of ours.
//!
//! # Safety
//! The frame is that of the call that runs. A pointer the guest gave is the guest's to answer for: the
//! kernel checks it. A pointer of ours lives longer than the call.
#![allow(unsafe_code)]

use newroot_abi::Errno;
use newroot_sys::arch::CallFrame;
use newroot_sys::arch::window::{self, Look, Open};
use newroot_sys::raw;

use super::path::Place;
use crate::handlers;
use crate::resolve::NO_SYMLINKS;

/// How a directory is opened in which a name is looked at.
const DIRECTORY: u32 = raw::O_PATH | raw::O_CLOEXEC | raw::O_DIRECTORY;

/// Opens a place for the guest; `None` if there was a symlink after all.
pub(super) fn open(
    frame: &CallFrame,
    place: &Place<'_>,
    flags: u64,
    mode: u64,
) -> Option<Result<usize, Errno>> {
    let open = open_of(place, flags, mode);
    // SAFETY: see the head of the file.
    let result = unsafe { window::open(frame, &open) };
    window::is_final_open(result).then(|| Errno::check(result))
}

/// Looks at what is at a place by the call `number`, whose first argument is its descriptor. `None` if there
/// was a symlink after all, or no descriptor to be had, or the descriptor might be left open.
pub(super) fn look(
    frame: &CallFrame,
    place: &Place<'_>,
    nofollow: bool,
    number: u32,
    arguments: [usize; 4],
) -> Option<Result<usize, Errno>> {
    if handlers::some_are_direct() {
        return None;
    }
    let nofollow = if nofollow { raw::O_NOFOLLOW } else { 0 };
    let open = open_of(place, (raw::O_PATH | raw::O_CLOEXEC | nofollow).into(), 0);
    let [a, b, c, d] = arguments;
    // SAFETY: see the head of the file.
    let seen = unsafe { window::look(frame, &open, &Look::last(number, [a, b, c, d, 0])) };
    if number == raw::__NR_readlinkat && seen.looked && seen.result == Errno::NOENT.to_return() {
        // So says a descriptor of what is no link; by its name it is EINVAL.
        return Some(Err(Errno::INVAL));
    }
    answer(seen.result)
}

/// Looks at a name in the directory that is a place by the call `number`. `None` as for [`look`], and if there is no such
/// directory: what is wrong with the other arguments comes first.
pub(super) fn look_in(
    frame: &CallFrame,
    directory: &Place<'_>,
    number: u32,
    arguments: [usize; 5],
) -> Option<Result<usize, Errno>> {
    if handlers::some_are_direct() {
        return None;
    }
    let open = open_of(directory, DIRECTORY.into(), 0);
    // SAFETY: see the head of the file.
    let seen = unsafe { window::look(frame, &open, &Look::last(number, arguments)) };
    if seen.looked { answer(seen.result) } else { None }
}

/// Looks at `name` in the directory that is a place: first by one call, and if that has a certain result, by
/// another, which counts then. `None` as for [`look`].
pub(super) fn look_twice(
    frame: &CallFrame,
    directory: &Place<'_>,
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
    // SAFETY: see the head of the file.
    answer(unsafe { window::look(frame, &open, &first) }.result)
}

/// Makes a call for the guest that may be made once only, whatever signal comes. Its result is the guest's as it is.
pub(super) fn once(frame: &CallFrame, number: u32, arguments: [usize; 6]) -> Result<usize, Errno> {
    // SAFETY: see the head of the file.
    Errno::check(unsafe { window::once(frame, number, &arguments) })
}

fn open_of(place: &Place<'_>, flags: u64, mode: u64) -> Open {
    Open { directory: place.directory(), path: place.path().address(), how: [flags, mode, NO_SYMLINKS] }
}

fn answer(result: isize) -> Option<Result<usize, Errno>> {
    window::is_final(result).then(|| Errno::check(result))
}
