//! What a guest process can change about itself, and the kernel doesn't keep for us: its
//! SIGSYS action, and by which binding it came to its working directory.
//!
//! A vfork child runs in its parent's memory with a working directory and signal actions of
//! its own. What it changes must not be found changed by the parent. So it gets a copy,
//! found by its process number; the parent is the one whose number is the memory's owner.
//!
//! # Safety
//! Every field is read and written whole through volatile pointers. Threads of one process that
//! change the same field at the same time get either value, as they would from the kernel.
#![allow(unsafe_code)]

use core::cell::UnsafeCell;
use core::ptr::addr_of_mut;
use core::sync::atomic::{AtomicBool, Ordering};

use newroot_sys::arch::SignalAction;

use crate::{host, slots};

/// One process's changeable facts.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct State {
    pid: u32,
    /// Index of the mount by which the working directory was reached.
    pub cwd_mount: u32,
    /// What the guest wants done on SIGSYS.
    pub sigsys: SignalAction,
    /// Other signals whose action has SIGSYS in its mask, as the guest set it: bit 0 is signal 1.
    pub masks_with_sigsys: u64,
    /// A SIGSYS came while the guest had it blocked.
    pub pending: u32,
    /// SIGSYS is open only until one has been delivered: a call waited with another mask.
    pub block_again: u32,
    /// A vfork child asked to be traced: to be done when it execs.
    pub trace_me: u32,
    /// The process can't gain privileges by an exec (PR_SET_NO_NEW_PRIVS). The kernel keeps that of each thread.
    pub no_new_privileges: u32,
}

const NEW: State = State {
    pid: 0,
    cwd_mount: 0,
    sigsys: SignalAction { handler: 0, flags: 0, restorer: 0, mask: 0 },
    masks_with_sigsys: 0,
    pending: 0,
    block_again: 0,
    trace_me: 0,
    no_new_privileges: 0,
};

/// How many vfork children of one process can differ from it at the same time.
const BORROWERS: usize = 8;

struct Cells(UnsafeCell<[State; 1 + BORROWERS]>);
// SAFETY: see the head of the file.
unsafe impl Sync for Cells {}
static STATES: Cells = Cells(UnsafeCell::new([NEW; 1 + BORROWERS]));

fn mine() -> *mut State {
    let states = STATES.0.get().cast::<State>();
    let pid = host::getpid();
    claim(pid);
    if slots::is_owner(pid) {
        return states;
    }
    // SAFETY: the index is at most BORROWERS.
    unsafe {
        let borrowed = states.add(1 + pid as usize % BORROWERS);
        if addr_of_mut!((*borrowed).pid).read_volatile() != pid {
            borrowed.write_volatile(State { pid, ..states.read_volatile() });
        }
        borrowed
    }
}

/// The calling process's state.
#[must_use]
pub fn get() -> State {
    // SAFETY: see the head of the file.
    unsafe { mine().read_volatile() }
}

/// Whether a SIGSYS came while the guest had it blocked.
#[must_use]
pub fn is_pending() -> bool {
    cares_for_sigsys() && get().pending != 0
}

/// Changes the calling process's state.
pub fn update(change: impl FnOnce(&mut State)) {
    let at = mine();
    // SAFETY: see the head of the file.
    unsafe {
        let mut state = at.read_volatile();
        change(&mut state);
        at.write_volatile(state);
        if state.sigsys != SignalAction::default() || state.masks_with_sigsys != 0 || state.pending != 0 {
            CARES_FOR_SIGSYS.store(true, Ordering::Relaxed);
        }
        if state.masks_with_sigsys != 0 {
            IN_A_MASK.store(true, Ordering::Relaxed);
        }
    }
}

// ---- what a whole process never did, so that nobody need look --------------------------

/// See [`cares_for_sigsys`]; read by the entry code, too.
pub static CARES_FOR_SIGSYS: AtomicBool = AtomicBool::new(false);

/// Whether any thread ever blocked SIGSYS, or set an action for it, or put it into another's mask. "No" is
/// certain, for this process and for all that share its memory.
#[must_use]
#[inline]
pub fn cares_for_sigsys() -> bool {
    CARES_FOR_SIGSYS.load(Ordering::Relaxed)
}

/// See [`sigsys_is_in_a_mask`].
static IN_A_MASK: AtomicBool = AtomicBool::new(false);

/// Whether an action for another signal ever had SIGSYS in its mask. "No" is certain, as above.
#[must_use]
#[inline]
pub fn sigsys_is_in_a_mask() -> bool {
    IN_A_MASK.load(Ordering::Relaxed)
}

// ---- which threads have SIGSYS blocked ------------------------------------------------

/// Threads whose own idea of their mask has SIGSYS in it, found by thread number.
///
/// The kernel's mask never has it. A thread that was created while its creator had all
/// signals blocked, as C libraries do, sets its own mask first of all; so an entry nobody
/// removed (a thread that ended) does no harm.
struct Blocked(UnsafeCell<[u32; BUCKETS]>);
const BUCKETS: usize = 512;
// SAFETY: words, each written by the thread whose number it holds.
unsafe impl Sync for Blocked {}
static BLOCKED: Blocked = Blocked(UnsafeCell::new([0; BUCKETS]));

/// A fork's child has one thread, which believes what the thread that forked did. That it was the
/// parent's first is a guess; other threads that fork with SIGSYS blocked are unheard of.
fn claim(pid: u32) {
    if slots::is_claimed() || !slots::is_owner(pid) || !cares_for_sigsys() {
        return;
    }
    // The first process of a PID namespace has no parent there: that is no thread, and blocks nothing.
    let parent = host::getppid();
    if parent != 0 && is_blocked(parent) {
        set_blocked(pid, true);
    }
}

/// Whether the calling thread believes SIGSYS blocked.
#[must_use]
pub fn sigsys_blocked() -> bool {
    // C libraries block all signals before they vfork: so the memory is claimed before a child borrows it.
    if !slots::is_claimed() {
        claim(host::getpid());
    }
    cares_for_sigsys() && is_blocked(host::gettid())
}

fn is_blocked(tid: u32) -> bool {
    // SAFETY: the index is below BUCKETS.
    unsafe { BLOCKED.0.get().cast::<u32>().add(tid as usize % BUCKETS).read_volatile() == tid }
}

/// Notes what the calling thread believes.
pub fn set_sigsys_blocked(blocked: bool) {
    if blocked || cares_for_sigsys() {
        set_blocked(host::gettid(), blocked);
    }
}

fn set_blocked(tid: u32, blocked: bool) {
    if blocked {
        CARES_FOR_SIGSYS.store(true, Ordering::Relaxed);
    }
    // SAFETY: the index is below BUCKETS.
    unsafe {
        let word = BLOCKED.0.get().cast::<u32>().add(tid as usize % BUCKETS);
        if blocked {
            word.write_volatile(tid);
        } else if word.read_volatile() == tid {
            word.write_volatile(0);
        }
    }
}
