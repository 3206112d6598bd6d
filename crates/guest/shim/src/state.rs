//! Facts that a guest process can change about itself and that the kernel doesn't keep: its SIGSYS
//! action, and the binding through which it reached its working directory.
//!
//! A vfork child runs in its parent's memory, but has its own working directory and signal actions.
//! The parent must not find the child's changes in its own state. So the child gets a copy, found
//! by its process number. The parent is the process whose number is that of the memory's owner.
//!
//! # Safety
//! Every field is read and written whole through volatile pointers. If threads of one process
//! change the same field at the same time, they get either value, as they would from the kernel.
#![allow(unsafe_code)]

use core::cell::UnsafeCell;
use core::ptr::addr_of_mut;
use core::sync::atomic::{AtomicBool, Ordering};

use newroot_sys::arch::SignalAction;

use crate::{kernel, slots};

/// State of one process.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct State {
    pid: u32,
    /// Index of the mount through which the working directory was reached.
    pub cwd_mount: u32,
    /// The guest's action for SIGSYS.
    pub sigsys: SignalAction,
    /// Other signals whose action has SIGSYS in its mask, as the guest set it. Bit 0 is signal 1.
    pub masks_with_sigsys: u64,
    /// Whether a SIGSYS arrived while the guest had it blocked.
    pub pending: u32,
    /// Whether SIGSYS is unblocked only until one has been delivered, because a call waited with
    /// another mask.
    pub block_again: u32,
    /// Whether a vfork child asked to be traced; the request takes effect when it execs.
    pub trace_me: u32,
    /// Whether the process can't gain privileges by an exec (PR_SET_NO_NEW_PRIVS). The kernel keeps
    /// this for each thread.
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

/// Number of vfork children of one process whose state can differ from it at the same time.
const BORROWERS: usize = 8;

struct Cells(UnsafeCell<[State; 1 + BORROWERS]>);
// SAFETY: see the head of the file.
unsafe impl Sync for Cells {}
static STATES: Cells = Cells(UnsafeCell::new([NEW; 1 + BORROWERS]));

fn mine() -> *mut State {
    let states = STATES.0.get().cast::<State>();
    let pid = kernel::getpid();
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

/// Returns the calling process's state.
#[must_use]
pub fn get() -> State {
    // SAFETY: see the head of the file.
    unsafe { mine().read_volatile() }
}

/// Returns whether a SIGSYS arrived while the guest had it blocked.
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

// ---- facts that are false for most processes, to skip the rest -------------------------

/// Value of [`cares_for_sigsys`]; the entry code reads it, too.
pub static CARES_FOR_SIGSYS: AtomicBool = AtomicBool::new(false);

/// Returns whether any thread ever blocked SIGSYS, set an action for it, or put it into another
/// action's mask. False is certain, for this process and for all that share its memory.
#[must_use]
#[inline]
pub fn cares_for_sigsys() -> bool {
    CARES_FOR_SIGSYS.load(Ordering::Relaxed)
}

/// Value of [`sigsys_is_in_a_mask`].
static IN_A_MASK: AtomicBool = AtomicBool::new(false);

/// Returns whether an action for another signal ever had SIGSYS in its mask. False is certain, as
/// in [`cares_for_sigsys`].
#[must_use]
#[inline]
pub fn sigsys_is_in_a_mask() -> bool {
    IN_A_MASK.load(Ordering::Relaxed)
}

// ---- which threads have SIGSYS blocked ------------------------------------------------

/// Threads whose virtual mask has SIGSYS in it, found by thread number.
///
/// The kernel's mask never has it. C libraries create a thread while all signals are blocked, and
/// the new thread first sets its own mask. So an entry that a thread left behind when it ended does
/// no harm to a later thread with its number.
struct Blocked(UnsafeCell<[u32; BUCKETS]>);
const BUCKETS: usize = 512;
// SAFETY: words; each is written only by the thread whose number it holds.
unsafe impl Sync for Blocked {}
static BLOCKED: Blocked = Blocked(UnsafeCell::new([0; BUCKETS]));

/// Claims the memory of a fork's child. The child has one thread, with the virtual mask of the
/// thread that forked. The shim assumes that this was the parent's first thread; no program is
/// known in which another thread forks with SIGSYS blocked.
fn claim(pid: u32) {
    if slots::is_claimed() || !slots::is_owner(pid) || !cares_for_sigsys() {
        return;
    }
    // The first process of a PID namespace has no parent there. Number 0 is no thread and blocks
    // nothing.
    let parent = kernel::getppid();
    if parent != 0 && is_blocked(parent) {
        set_blocked(pid, true);
    }
}

/// Returns whether SIGSYS is blocked as far as the calling thread knows.
#[must_use]
pub fn sigsys_blocked() -> bool {
    // C libraries block all signals before they vfork. So this process claims the memory before a
    // child borrows it.
    if !slots::is_claimed() {
        claim(kernel::getpid());
    }
    cares_for_sigsys() && is_blocked(kernel::gettid())
}

fn is_blocked(tid: u32) -> bool {
    // SAFETY: the index is below BUCKETS.
    unsafe { BLOCKED.0.get().cast::<u32>().add(tid as usize % BUCKETS).read_volatile() == tid }
}

/// Records whether SIGSYS is blocked as far as the calling thread knows.
pub fn set_sigsys_blocked(blocked: bool) {
    if blocked || cares_for_sigsys() {
        set_blocked(kernel::gettid(), blocked);
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
