//! The state of a tracer's tracees, by thread number.
//!
//! The memory is mapped when the first tracee is recorded, and grows by further mappings. A fork's
//! child traces no process: it finds the table zeroed.
//!
//! # Safety
//! Only the thread that traces a tracee reads and writes its record, whole and through volatile
//! pointers.
#![allow(unsafe_code)]

use core::ptr::{addr_of, addr_of_mut};
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use newroot_sys::arch::tracee::TraceeRegisters;

use crate::{kernel, slots};

/// The state of a tracee between two stops that the tracer sees. Zero is the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Phase {
    /// It runs the guest's code.
    #[default]
    Outside,
    /// It is at the beginning of a system call, which was reported to the tracer.
    Entered,
    /// It is in the shim, for a call whose end the tracer wants to see.
    Inside,
    /// It is in the shim, and runs on until it leaves it.
    Leaving,
    /// The shim was executed and is loading the program.
    Loading,
    /// PTRACE_EVENT_EXEC was reported to the tracer.
    AtExec,
    /// After [`Self::AtExec`]: it is on the way to the stop at the end of its execve(2).
    AfterExec,
    /// A signal came before a call that sleeps was made: it is on the way to the stop at the call's
    /// end.
    Interrupted,
}

/// The state of a tracee. All zeroes mean that nothing is known of it.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub(super) struct Record {
    /// Its phase.
    pub(super) phase: Phase,
    /// Request with which the guest last restarted it.
    pub(super) request: u32,
    /// Options that the guest has set.
    pub(super) options: u32,
    /// Number of the call that it is in the shim for.
    pub(super) number: u32,
    /// Status that was reported to the guest; 0 while the tracee runs as far as the guest knows.
    pub(super) shown: u32,
    /// Status that the kernel reported for that stop.
    pub(super) raw: u32,
    /// `si_code` to report at this stop; 0 for the kernel's.
    pub(super) code: u32,
    /// Event message to report at this stop, plus one; 0 for the kernel's.
    pub(super) message: usize,
    /// Stops to repeat once the tracee has left the shim: [`Record::STOP`], [`Record::INTERRUPT`].
    pub(super) again: u32,
    /// If not 0, the stop at the end of the execve(2) is reported as an event, with this message
    /// plus one.
    pub(super) event: u32,
    /// Whether PTRACE_O_TRACESYSGOOD is set, which marks the stops of the tracee's system calls.
    pub(super) prepared: u32,
    /// `si_code` of the single step that the guest requested.
    pub(super) step: u32,
    /// Signal mask to restore.
    pub(super) mask: u64,
    /// Whether a signal is blocked until the tracee has left the shim; `mask` is restored then.
    pub(super) delayed: u32,
    /// Registers to restore.
    pub(super) saved: TraceeRegisters,
}

impl Record {
    /// Repeat the stop by SIGSTOP.
    pub(super) const STOP: u32 = 1;
    /// Repeat the stop by PTRACE_INTERRUPT.
    pub(super) const INTERRUPT: u32 = 2;
}

const CHUNK: usize = 64 << 10;
const COUNT: usize = (CHUNK - size_of::<usize>()) / (size_of::<Record>() + size_of::<u32>()) - 1;

/// A mapping with [`COUNT`] records. Zeroes are an empty one.
#[repr(C)]
struct Chunk {
    next: AtomicUsize,
    tids: [AtomicU32; COUNT],
    records: [Record; COUNT],
}

const _: () = assert!(size_of::<Chunk>() <= CHUNK);

/// Address of the first chunk; 0 if there is none.
static FIRST: AtomicUsize = AtomicUsize::new(0);

/// Returns whether the process that owns this memory may have tracees.
#[must_use]
pub(super) fn any() -> bool {
    FIRST.load(Ordering::Relaxed) != 0
}

/// Visits the entries of all chunks until `is_it` accepts one; returns the address of its record.
fn find_place(mut is_it: impl FnMut(&AtomicU32) -> bool) -> Option<*mut Record> {
    let mut at = FIRST.load(Ordering::Acquire);
    while at != 0 {
        let chunk = at as *mut Chunk;
        // SAFETY: a chunk that can be found is never unmapped, and atomics may be shared.
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

/// Returns the state of a tracee, if it is known.
#[must_use]
pub(super) fn get(tid: u32) -> Option<Record> {
    // SAFETY: the address is a record's; see the head of the file.
    find(tid).map(|at| unsafe { at.read_volatile() })
}

/// Records the state of a tracee. If there is no memory for it, the tracee's stops are reported as
/// they are.
pub(super) fn put(tid: u32, record: &Record) {
    let take =
        |place: &AtomicU32| place.compare_exchange(0, tid, Ordering::Relaxed, Ordering::Relaxed).is_ok();
    let at = find(tid).or_else(|| find_place(take)).or_else(|| {
        grow()?;
        find_place(take)
    });
    if let Some(at) = at {
        // SAFETY: the address is a record's; see the head of the file.
        unsafe { at.write_volatile(*record) };
    }
}

/// Forgets a tracee that has ended or was detached.
pub(super) fn forget(tid: u32) {
    find_place(|place| place.compare_exchange(tid, 0, Ordering::Relaxed, Ordering::Relaxed).is_ok());
}

fn grow() -> Option<()> {
    let at = kernel::map_anonymous(CHUNK).ok()?;
    // SAFETY: the mapping was just made.
    unsafe { kernel::madvise(at, CHUNK, slots::MADV_WIPEONFORK) };
    let mut link = &FIRST;
    loop {
        match link.compare_exchange(0, at, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Some(()),
            // SAFETY: as in `find_place`.
            Err(next) => link = unsafe { &*addr_of!((*(next as *const Chunk)).next) },
        }
    }
}
