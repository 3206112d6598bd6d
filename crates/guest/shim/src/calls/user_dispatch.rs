//! Syscall User Dispatch (prctl(2), PR_SET_SYSCALL_USER_DISPATCH): a thread gets its own calls as
//! SIGSYS, except those from one range of addresses.
//!
//! The kernel spares one range, which has to be the shim's. So a call from the guest's range comes
//! here, too, and is made at another address (`sys/src/arch/x86_64/dispatch.rs`). The kernel knows
//! which threads have dispatch on. The shim notes each thread's range by the thread's number. A
//! note of a thread that has ended does no harm, because a new thread begins without dispatch and
//! makes its own note.
//!
//! # Safety
//! The notes are in a mapping of their own that stays, and all access to them is atomic.
#![allow(unsafe_code)]

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use newroot_abi::Errno;
use newroot_sys::arch;
use newroot_sys::raw;
use newroot_sys::table::PR_SET_SYSCALL_USER_DISPATCH;

use crate::call::{Outcome, Trapped, forward, shim_range};
use crate::kernel;

const OFF: usize = 0;
/// Calls from outside of the range are dispatched.
const ON: usize = 1;
/// Calls from the range are dispatched (Linux 6.16).
const INCLUSIVE: usize = 2;

/// Whether any thread in this memory has switched dispatch on.
static USED: AtomicBool = AtomicBool::new(false);

/// Returns whether dispatch may be on for the calling thread. Then its calls have to reach the
/// kernel where they are made.
#[must_use]
#[inline]
pub fn any() -> bool {
    USED.load(Ordering::Relaxed)
}

/// The range that a thread wants spared.
struct Note {
    thread: AtomicU32,
    start: AtomicUsize,
    len: AtomicUsize,
}

/// Limit of threads with a range of their own at the same time.
const NOTES: usize = 2048;

/// Address of the notes; 0 before any thread has had a range.
static TABLE: AtomicUsize = AtomicUsize::new(0);

fn notes() -> Option<&'static [Note; NOTES]> {
    let at = TABLE.load(Ordering::Acquire);
    // SAFETY: the mapping is large enough for the notes, and zeroes are valid ones.
    (at != 0).then(|| unsafe { &*(at as *const [Note; NOTES]) })
}

fn notes_or_new() -> Result<&'static [Note; NOTES], Errno> {
    if let Some(notes) = notes() {
        return Ok(notes);
    }
    let len = size_of::<[Note; NOTES]>();
    let at = kernel::map_anonymous(len)?;
    if TABLE.compare_exchange(0, at, Ordering::AcqRel, Ordering::Acquire).is_err() {
        // SAFETY: it was mapped just now, and no other code knows it.
        unsafe { kernel::munmap(at, len) };
    }
    notes().ok_or(Errno::NOMEM)
}

/// Returns the notes in the order of a thread's search.
fn searched(notes: &'static [Note; NOTES], thread: u32) -> impl Iterator<Item = &'static Note> {
    let (behind, before) = notes.split_at(thread as usize % NOTES);
    before.iter().chain(behind)
}

/// Returns the calling thread's note. A note that was taken stays taken, though its thread may
/// change.
fn mine() -> Option<&'static Note> {
    let thread = kernel::gettid();
    searched(notes()?, thread)
        .take_while(|note| note.thread.load(Ordering::Acquire) != 0)
        .find(|note| note.thread.load(Ordering::Acquire) == thread)
}

/// Notes the calling thread's range. Returns the one before.
fn set(start: usize, len: usize) -> Result<(usize, usize), Errno> {
    let note = match mine() {
        Some(note) => note,
        None if len == 0 => return Ok((0, 0)),
        None => take(notes_or_new()?)?,
    };
    Ok((note.start.swap(start, Ordering::Relaxed), note.len.swap(len, Ordering::Relaxed)))
}

/// Takes a note for the calling thread that is free, or belongs to a thread that has ended.
fn take(notes: &'static [Note; NOTES]) -> Result<&'static Note, Errno> {
    let thread = kernel::gettid();
    let free = searched(notes, thread).find(|note| {
        let holder = note.thread.load(Ordering::Acquire);
        let is_free = holder == 0
            || forward(raw::__NR_sched_getscheduler, [holder as usize, 0, 0, 0, 0, 0]) == Err(Errno::SRCH);
        is_free && note.thread.compare_exchange(holder, thread, Ordering::AcqRel, Ordering::Acquire).is_ok()
    });
    free.ok_or(Errno::NOMEM)
}

/// Runs prctl(2) with PR_SET_SYSCALL_USER_DISPATCH.
pub fn prctl(call: &mut Trapped<'_>) -> Outcome {
    change(call.arguments).into()
}

fn change(arguments: [usize; 6]) -> Result<usize, Errno> {
    let [_, mode, start, len, selector, _] = arguments;
    let shim = shim_range().start as usize..arch::dispatch_end();
    // set_syscall_user_dispatch() in kernel/entry/syscall_user_dispatch.c.
    let is_range = start == 0 || start.wrapping_add(len) > start;
    let (range, kernels) = match mode {
        OFF => ((0, 0), arguments),
        ON if is_range => {
            let spared = [shim.start, shim.len() + 1];
            let [operation, ..] = arguments;
            ((start, len), [operation, mode, spared[0], spared[1], selector, 0])
        }
        // A range that contains the shim can't be the kernel's.
        INCLUSIVE if is_range && (start > shim.end || start.wrapping_add(len) <= shim.start) => {
            ((0, 0), arguments)
        }
        _ => return Err(Errno::INVAL),
    };
    debug_assert!(arguments[0] as u32 == PR_SET_SYSCALL_USER_DISPATCH);
    let before = set(range.0, range.1)?;
    let result = forward(raw::__NR_prctl, kernels);
    match result {
        Ok(_) if mode != OFF => USED.store(true, Ordering::Relaxed),
        Ok(_) => {}
        Err(_) => _ = set(before.0, before.1)?,
    }
    result
}

/// Returns the address at which a dispatched call is made, if it comes from the thread's own range.
/// `behind` is the address behind its `syscall` instruction.
///
/// # Errors
/// ENOMEM if such calls have come from too many addresses.
pub fn place_of(behind: usize) -> Result<Option<usize>, Errno> {
    let Some(note) = mine() else { return Ok(None) };
    let spared = behind.wrapping_sub(note.start.load(Ordering::Relaxed)) < note.len.load(Ordering::Relaxed);
    if spared { arch::dispatch_place(behind).map(Some).ok_or(Errno::NOMEM) } else { Ok(None) }
}
