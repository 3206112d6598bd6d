//! Signals that would end newroot in the middle of making a root, held back until what was
//! begun is finished or removed again.
//!
//! There is no handler: the signals are blocked, looked for among the pending ones between
//! two steps, and take their usual effect as soon as the mask is what it was.
//!
//! Unsafe is allowed for the libc calls on signal sets, which are plain data of ours.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::ptr;

use crate::failure::Failure;
use crate::memory;

/// The signals by which a user or a session ends a program.
const SIGNALS: [libc::c_int; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

/// Tells whether a signal is waiting.
pub(super) struct Interrupt {
    /// The signals held back: those that have an effect at all.
    held: libc::sigset_t,
}

impl Interrupt {
    /// Whether the user wants an end, or there is no memory to go on with.
    pub(super) fn is_pending(&self) -> bool {
        if memory::ran_short() {
            return true;
        }
        let mut pending = empty_set();
        // SAFETY: the set is ours, and initialized.
        unsafe { libc::sigpending(&raw mut pending) };
        SIGNALS.iter().any(|&signal| {
            // SAFETY: both sets are ours, and initialized.
            unsafe {
                libc::sigismember(&raw const pending, signal) == 1
                    && libc::sigismember(&raw const self.held, signal) == 1
            }
        })
    }
}

/// Does `work` with the signals held back. One that came meanwhile takes effect before this
/// returns, and that is usually the end of the process.
pub(super) fn held_back<T>(work: impl FnOnce(&Interrupt) -> T) -> T {
    let mut held = empty_set();
    for signal in SIGNALS.into_iter().filter(|&signal| !is_ignored(signal)) {
        // SAFETY: the set is ours, and initialized.
        unsafe { libc::sigaddset(&raw mut held, signal) };
    }
    let mut before = empty_set();
    // SAFETY: both sets are ours, and initialized.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const held, &raw mut before) };
    let result = work(&Interrupt { held });
    // SAFETY: the set is what the mask was.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut()) };
    result
}

/// Why work wasn't done that was to end where [`Interrupt::is_pending`] said so.
pub(super) fn reason(error: impl Into<Failure>) -> Failure {
    if memory::ran_short() { Failure::Memory } else { error.into() }
}

/// Whether the signal has no effect on this process, as under nohup(1). Blocked, it would be
/// found pending all the same.
fn is_ignored(signal: libc::c_int) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: it only fills `action`, for which all zeros is a valid value.
    let action = unsafe {
        libc::sigaction(signal, ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    action.sa_sigaction == libc::SIG_IGN
}

fn empty_set() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initializes the set it is given.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_signal_is_pending_until_it_is_dropped() {
        // Whoever runs the tests may ignore it, as nohup(1) does, and what is ignored isn't held.
        // SAFETY: the default action needs no handler; it isn't taken while the signal is blocked.
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_DFL) };
        // The mask is a thread's own, and so is a signal sent with raise(3).
        held_back(|outer| {
            assert!(!outer.is_pending());
            // SAFETY: the signal is blocked in this thread.
            unsafe { libc::raise(libc::SIGHUP) };
            assert!(outer.is_pending());
            // SAFETY: ignoring a signal drops the pending one; the action goes back at once.
            unsafe {
                let before = libc::signal(libc::SIGHUP, libc::SIG_IGN);
                libc::signal(libc::SIGHUP, before);
            }
            assert!(!outer.is_pending());
        });
    }
}
