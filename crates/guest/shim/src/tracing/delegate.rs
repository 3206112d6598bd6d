//! Waits by one thread for the tracee of another.
//!
//! Any thread of a tracer's process may wait for a tracee, but only the thread that attached to it
//! may make ptrace(2) requests. So the waiter lets that thread judge the stop: it sends a SIGSYS,
//! which the shim handles, with the address of a `Question`.
//!
//! # Safety
//! A question lies on the waiter's slot stack. The waiter leaves only when the question is
//! answered, or when the other thread has ended.
#![allow(unsafe_code)]

use core::sync::atomic::{AtomicU32, Ordering};

use newroot_sys::filter::MARK;
use newroot_sys::table::SIGSYS;
use newroot_sys::{raw, syscall};

use super::stops::{self, Verdict};
use crate::{kernel, slots};

/// `si_code` of a signal that was sent with a value.
pub const SI_QUEUE: i32 = -1;

/// A stop that is to be judged.
#[repr(C)]
struct Question {
    /// 0 at first, then [`HIDDEN`] or [`SHOWN`].
    answer: AtomicU32,
    /// The status to report to the guest.
    shown: AtomicU32,
    tid: u32,
    status: u32,
}

const HIDDEN: u32 = 1;
const SHOWN: u32 = 2;
const FUTEX_WAIT_PRIVATE: u32 = 128;
const FUTEX_WAKE_PRIVATE: u32 = 129;
/// Time after which the waiter checks whether the other thread still exists: 20 ms.
const CHECK_INTERVAL: [u64; 2] = [0, 20_000_000];

/// Lets the tracee's tracer judge a stop; returns `None` if the tracer isn't another thread of this
/// process.
pub(super) fn judge(tid: u32, status: u32) -> Option<Verdict> {
    let tracer = stops::number_in_status(tid, b"TracerPid")?;
    if tracer == 0 || tracer == kernel::gettid() || !is_thread(tracer) {
        return None;
    }
    let question = Question { answer: AtomicU32::new(0), shown: AtomicU32::new(0), tid, status };
    let at = (&raw const question).addr();
    let mut info = [0u32; 32];
    let head =
        [SIGSYS, u32::from(MARK), SI_QUEUE as u32, 0, kernel::getpid(), 0, at as u32, (at >> 32) as u32];
    for (place, word) in info.iter_mut().zip(head) {
        *place = word;
    }
    // SAFETY: the structure lives for the call.
    unsafe { syscall!(raw::__NR_rt_tgsigqueueinfo, kernel::getpid(), tracer, SIGSYS, info.as_ptr()) }.ok()?;
    loop {
        let word = question.answer.as_ptr();
        // SAFETY: the word and the time live for the call.
        let _ = unsafe { syscall!(raw::__NR_futex, word, FUTEX_WAIT_PRIVATE, 0, CHECK_INTERVAL.as_ptr()) };
        match question.answer.load(Ordering::Acquire) {
            HIDDEN => return Some(Verdict::Hidden),
            SHOWN => return Some(Verdict::Show(question.shown.load(Ordering::Relaxed))),
            _ if !is_thread(tracer) => return None,
            _ => {}
        }
    }
}

fn is_thread(tid: u32) -> bool {
    // SAFETY: plain numbers; no signal is sent.
    unsafe { syscall!(raw::__NR_tgkill, kernel::getpid(), tid, 0) }.is_ok()
}

/// Answers a question whose address came with a SIGSYS from the process `sender`; returns false if
/// the address is no question's.
#[must_use]
pub fn answer(sender: u32, at: usize) -> bool {
    if sender != kernel::getpid() || slots::slot_of(at) >= slots::COUNT {
        return false;
    }
    // SAFETY: the sender is this process and the address lies on a slot's stack: see the head of
    // the file.
    let question = unsafe { &*(at as *const Question) };
    let answer = match stops::judge(question.tid, question.status) {
        Verdict::Hidden => HIDDEN,
        Verdict::Show(status) => {
            question.shown.store(status, Ordering::Relaxed);
            SHOWN
        }
    };
    let word = question.answer.as_ptr();
    question.answer.store(answer, Ordering::Release);
    // SAFETY: the kernel doesn't access the word. If the waiter has left already, the call wakes no
    // thread.
    let _ = unsafe { syscall!(raw::__NR_futex, word, FUTEX_WAKE_PRIVATE, 1) };
    true
}
