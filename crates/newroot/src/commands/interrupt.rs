//! Signals that would end newroot while it makes a root. They are held back until the work is
//! finished or undone.
//!
//! There is no handler. newroot blocks the signals and looks for pending ones between two steps.
//! They take their usual effect as soon as newroot restores the mask.
//!
//! Unsafe is allowed for the libc calls on signal sets, which are this module's own plain data.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::ptr;

use crate::failure::Failure;
use crate::memory;

/// The signals by which a user or a session ends a program.
const SIGNALS: [libc::c_int; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

/// Signals held back, and the way to ask whether one is pending.
pub(super) struct Interrupt {
    /// The signals held back: those of [`SIGNALS`] that aren't ignored.
    held: libc::sigset_t,
}

impl Interrupt {
    /// Returns whether the work should end: a signal is pending, or memory ran out.
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

/// Does `work` with the signals held back. A signal that arrives meanwhile takes effect before this
/// returns, and usually ends the process.
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
    // SAFETY: the set holds the former mask.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut()) };
    result
}

/// Returns the failure of work that ends when [`Interrupt::is_pending`] returns true: `error`,
/// unless memory ran out.
pub(super) fn reason(error: impl Into<Failure>) -> Failure {
    if memory::ran_short() { Failure::Memory } else { error.into() }
}

/// Returns whether this process ignores the signal, as under nohup(1). If it were blocked, it would
/// become pending all the same.
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
        // The tests may run with SIGHUP ignored, as under nohup(1). Ignored signals aren't held.
        // SAFETY: the default action needs no handler; it isn't taken while the signal is blocked.
        unsafe { libc::signal(libc::SIGHUP, libc::SIG_DFL) };
        // The mask belongs to this thread, and raise(3) sends the signal to this thread.
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
