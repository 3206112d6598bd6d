//! What a tracer's shim knows of its tracees, by thread number.
//!
//! The memory is mapped when the first is known, and grows by further mappings. A fork's child, which traces nobody,
//! finds it wiped.
//!
//! # Safety
//! A record is read and written whole through volatile pointers, by the one thread that traces the tracee.
#![allow(unsafe_code)]

use core::ptr::{addr_of, addr_of_mut};
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use newroot_sys::arch::tracee::TraceeRegisters;

use crate::{host, slots};

/// Where a tracee is between two stops that the tracer sees. Zero is the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Phase {
    /// In the guest's code.
    #[default]
    Outside,
    /// At the beginning of a system call, of which the tracer was told.
    Entered,
    /// In the shim, for a call of whose end the tracer wants to be told.
    Inside,
    /// In the shim, and to be run on until it leaves it.
    Leaving,
    /// The shim was executed, and loads the program.
    Loading,
    /// The tracer was told of PTRACE_EVENT_EXEC.
    AtExec,
    /// After that, the tracee is on the way to the stop at the end of its execve(2).
    AfterExec,
    /// A signal came before a call that sleeps was made: on the way to the stop at the call's end.
    Interrupted,
}

/// What is known of a tracee. All zeroes are one of which nothing is known.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Record {
    /// Where it is.
    pub(super) phase: Phase,
    /// The request it was last restarted with by the guest.
    pub(super) request: u32,
    /// The options that the guest has set.
    pub(super) options: u32,
    /// The call in whose shim it is.
    pub(super) number: u32,
    /// The status that the guest was shown; 0 while the guest takes the tracee to be running.
    pub(super) shown: u32,
    /// The status that the kernel gave then.
    pub(super) raw: u32,
    /// The `si_code` to be told at this stop, if it isn't the kernel's.
    pub(super) code: u32,
    /// The event's message to be told at this stop, plus one; 0 if it is the kernel's.
    pub(super) message: usize,
    /// How it is to be stopped again once it is out of the shim: [`Record::STOP`], [`Record::INTERRUPT`].
    pub(super) again: u32,
    /// The stop at the end of the execve(2) is to be an event's, with this message plus one; 0 if not.
    pub(super) event: u32,
    /// PTRACE_O_TRACESYSGOOD is set, by which its system calls' stops are known.
    pub(super) prepared: u32,
    /// The `si_code` of the step that the guest makes.
    pub(super) step: u32,
    /// The signal mask to be restored.
    pub(super) mask: u64,
    /// A signal waits, blocked, until the tracee is out of the shim: then `mask` is restored.
    pub(super) put_off: u32,
    /// Registers to be restored.
    pub(super) saved: TraceeRegisters,
}

impl Record {
    /// By a SIGSTOP.
    pub(super) const STOP: u32 = 1;
    /// By PTRACE_INTERRUPT.
    pub(super) const INTERRUPT: u32 = 2;
}

const CHUNK: usize = 64 << 10;
const COUNT: usize = (CHUNK - size_of::<usize>()) / (size_of::<Record>() + size_of::<u32>()) - 1;

/// A mapping of so many. Zeroes are an empty one.
#[repr(C)]
struct Chunk {
    next: AtomicUsize,
    tids: [AtomicU32; COUNT],
    records: [Record; COUNT],
}

const _: () = assert!(size_of::<Chunk>() <= CHUNK);

/// Address of the first chunk; 0 if there is none.
static FIRST: AtomicUsize = AtomicUsize::new(0);

/// Whether this memory's process may have tracees.
#[must_use]
pub(super) fn any() -> bool {
    FIRST.load(Ordering::Relaxed) != 0
}

/// Visits the places of all tids until one is the one.
fn find_place(mut is_it: impl FnMut(&AtomicU32) -> bool) -> Option<*mut Record> {
    let mut at = FIRST.load(Ordering::Acquire);
    while at != 0 {
        let chunk = at as *mut Chunk;
        // SAFETY: a chunk is never unmapped once it can be found; atomics may be shared.
        let (tids, next) = unsafe { (&*addr_of!((*chunk).tids), &*addr_of!((*chunk).next)) };
        if let Some(index) = tids.iter().position(&mut is_it) {
            // SAFETY: within the chunk.
            return Some(unsafe { addr_of_mut!((*chunk).records).cast::<Record>().add(index) });
        }
        at = next.load(Ordering::Acquire);
    }
    None
}

fn find(tid: u32) -> Option<*mut Record> {
    find_place(|place| place.load(Ordering::Relaxed) == tid)
}

/// Returns what is known of a tracee.
#[must_use]
pub(super) fn get(tid: u32) -> Option<Record> {
    // SAFETY: see the head of the file.
    find(tid).map(|at| unsafe { at.read_volatile() })
}

/// Notes what is known of a tracee. For want of memory nothing is noted, and its stops are shown as they are.
pub(super) fn put(tid: u32, record: &Record) {
    let take =
        |place: &AtomicU32| place.compare_exchange(0, tid, Ordering::Relaxed, Ordering::Relaxed).is_ok();
    let at = find(tid).or_else(|| find_place(take)).or_else(|| {
        grow()?;
        find_place(take)
    });
    if let Some(at) = at {
        // SAFETY: see the head of the file.
        unsafe { at.write_volatile(*record) };
    }
}

/// Forgets a tracee that is gone.
pub(super) fn forget(tid: u32) {
    find_place(|place| place.compare_exchange(tid, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok());
}

fn grow() -> Option<()> {
    let at = host::map_anonymous(CHUNK).ok()?;
    // SAFETY: the mapping was just made.
    unsafe { host::madvise(at, CHUNK, slots::MADV_WIPEONFORK) };
    let mut link = &FIRST;
    loop {
        match link.compare_exchange(0, at, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Some(()),
            // SAFETY: as in find_place.
            Err(next) => link = unsafe { &*addr_of!((*(next as *const Chunk)).next) },
        }
    }
}
