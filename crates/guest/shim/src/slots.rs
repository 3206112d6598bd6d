//! Private stacks for the handler, with buffers for paths.
//!
//! The guest's stacks are too small for path resolution (a goroutine's stack, an 8 KiB alternate
//! stack), and a thread has no memory that belongs to the shim. So each trap takes one slot from a
//! pool. The assembly around the handler exchanges the slot's word on entry and clears it on exit.
//! A thread that finds all slots taken yields until one is free. No thread keeps a slot over a call
//! that may sleep for the guest.
//!
//! The image holds one slot, which is enough for a program without threads: the kernel charges a
//! mapping to RLIMIT_AS and RLIMIT_DATA even if it is never touched. A thread that finds no free
//! slot maps more, below the image, up to [`COUNT`]. Where that fails (a limit, or an address that
//! is in use), it waits as if all [`COUNT`] existed.
//!
//! The kernel zeroes the words and the slots in a fork's child (MADV_WIPEONFORK), because the
//! threads that hold slots don't exist there. A vfork's child shares the page, as it must. When its
//! exec succeeds, the kernel gives back the slot that it holds, through set_tid_address(2).
//!
//! # Safety
//! A slot's scratch space belongs to the thread that holds the slot's word. Only the trap entry
//! hands it out, once for each trap.
#![allow(unsafe_code)]

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use newroot_abi::PATH_MAX;
use newroot_paths::{GuestBuf, HostBuf, WalkScratch};
use newroot_sys::raw;

use crate::kernel;

/// Base-2 logarithm of a slot's size in bytes.
pub const SHIFT: usize = 18;
/// Largest number of slots of a process.
pub const COUNT: usize = 32;

const SIZE: usize = 1 << SHIFT;
/// Makes pages read as zeroes when they are next touched (madvise(2)).
const MADV_DONTNEED: u32 = 4;
/// Makes the pages read as zeroes in a fork's child (madvise(2)).
pub const MADV_WIPEONFORK: u32 = 18;
/// Bytes that a slot must leave for the stack. The scratch space lies below it, so nothing would
/// detect an overflow. A test adds up the stack frames of the built image.
const STACK: usize = 160 * 1024;

/// Buffers for finding one file.
#[derive(Debug)]
pub struct Operand {
    /// The path as the guest passed it.
    pub text: GuestBuf,
    /// Buffer for a path that is being normalized.
    pub normal: GuestBuf,
    /// Buffers for the walk; `walk.host` is the host path that was found.
    pub walk: WalkScratch,
    /// The path that is passed to the kernel in the reissued call.
    pub name: HostBuf,
}

/// Buffers for an exec: the strings that `#!` lines put before the guest's arguments.
#[derive(Debug)]
pub struct ExecScratch {
    /// Guest path of the program.
    pub exe: GuestBuf,
    /// Interpreter names and arguments, each with its NUL.
    pub strings: [u8; 2 * PATH_MAX],
    /// Argument pointers, if they fit.
    pub pointers: [usize; 256],
    /// Larger array of pointers that a vfork child with a successful exec left mapped: (address,
    /// length).
    pub leftover: (usize, usize),
}

/// Scratch space of a slot, for its holder.
#[derive(Debug)]
pub struct Scratch {
    /// Buffers for the first path of a call.
    pub first: Operand,
    /// Buffers for the second path.
    pub second: Operand,
    /// Buffers for exec.
    pub exec: ExecScratch,
}

const _: () = assert!(size_of::<Scratch>() + STACK <= SIZE, "a slot must hold scratch and stack");

/// The first slot's memory.
#[repr(C, align(4096))]
pub struct Stacks(UnsafeCell<MaybeUninit<[u8; SIZE]>>);
// SAFETY: only its holder uses a slot.
unsafe impl Sync for Stacks {}

/// The words that mark slots as taken, and other data that a fork's child must find zeroed.
#[repr(C, align(4096))]
pub struct Holders {
    words: UnsafeCell<[u32; COUNT]>,
    process: UnsafeCell<u32>,
    /// Whether a thread is patching call sites.
    pub patching: AtomicBool,
    rest: UnsafeCell<[u8; 4096 - 4 * COUNT - 5]>,
}
// SAFETY: the words are exchanged atomically; all threads write the same value to `process`.
unsafe impl Sync for Holders {}

unsafe extern "C" {
    /// The image's first address. Slot 1 ends here; each further slot ends where the previous one
    /// begins.
    #[link_name = "__executable_start"]
    static IMAGE_START: u8;
}

/// The first slot: scratch space at the low end, and the stack, which grows down from the high end.
pub static STACKS: Stacks = Stacks(UnsafeCell::new(MaybeUninit::zeroed()));
/// Number of slots besides the first. A fork's child has the same slots, so this isn't zeroed
/// there.
pub static ADDED: AtomicU32 = AtomicU32::new(0);
/// The holders of the slots.
pub static HOLDERS: Holders = Holders {
    words: UnsafeCell::new([0; COUNT]),
    process: UnsafeCell::new(0),
    patching: AtomicBool::new(false),
    rest: UnsafeCell::new([0; 4096 - 4 * COUNT - 5]),
};

/// Returns the index of the slot on whose stack an address lies, or a number of at least [`COUNT`]
/// if it lies on none.
#[must_use]
#[inline]
pub fn slot_of(address: usize) -> usize {
    if address.wrapping_sub(STACKS.0.get().addr()) < SIZE {
        return 0;
    }
    // Addresses where a further slot would be but isn't mapped yet belong to the guest.
    let below = (&raw const IMAGE_START).addr().wrapping_sub(1).wrapping_sub(address) >> SHIFT;
    if below < ADDED.load(Ordering::Relaxed) as usize { 1 + below } else { usize::MAX }
}

/// Returns whether an address lies on the stack of a slot.
#[must_use]
pub fn is_slot(address: usize) -> bool {
    slot_of(address) < COUNT
}

/// Returns the first address of a slot, which must be below [`COUNT`].
fn start_of(slot: usize) -> usize {
    match slot % COUNT {
        0 => STACKS.0.get().addr(),
        further => (&raw const IMAGE_START).addr() - further * SIZE,
    }
}

/// Maps as many more slots as there are, or yields if no more can be had. The entry code calls this
/// when it finds no free slot. It runs on the guest's stack.
pub extern "C" fn all_taken() {
    if !add() {
        kernel::sched_yield();
    }
}

/// Maps more slots; returns false if no more can be had. If several threads do this at the same
/// time, only one succeeds in mapping the next slot, and only that one publishes the new number. If
/// another thread forks before that, the child can have a mapping that it doesn't know of. Then the
/// child has only the slots that it knows.
fn add() -> bool {
    let added = ADDED.load(Ordering::Acquire) as usize;
    let mut more = (1 + added).min(COUNT - 1 - added);
    while more > 0 {
        let at = start_of(added + more);
        let flags = raw::MAP_PRIVATE | raw::MAP_ANONYMOUS | raw::MAP_NORESERVE | raw::MAP_FIXED_NOREPLACE;
        // SAFETY: the mapping never replaces another one.
        match unsafe { kernel::mmap(at, more * SIZE, raw::PROT_READ | raw::PROT_WRITE, flags, -1, 0) } {
            Ok(got) if got == at => {
                // SAFETY: the mapping was just made, and no thread uses it yet.
                unsafe { kernel::madvise(at, more * SIZE, MADV_WIPEONFORK) };
                ADDED.store((added + more) as u32, Ordering::Release);
                return true;
            }
            // Kernels before 4.17 take the address for a hint.
            // SAFETY: it was mapped just now.
            Ok(got) => unsafe { kernel::munmap(got, more * SIZE) },
            Err(_) => {}
        }
        more /= 2;
    }
    false
}

/// Returns the scratch space of a slot.
///
/// # Safety
/// The caller holds the slot and calls this once.
pub unsafe fn scratch(slot: usize) -> &'static mut Scratch {
    let at = core::ptr::with_exposed_provenance_mut::<Scratch>(start_of(slot));
    // SAFETY: the slot is mapped (the entry code goes no further than ADDED). It is zeroed or was a
    // Scratch before, and zeroes are a valid Scratch: integers and byte arrays only.
    unsafe { &mut *at }
}

/// Returns the address of the word that marks a slot as taken.
#[must_use]
pub fn owner_word(slot: usize) -> usize {
    HOLDERS.words.get() as usize + (slot % COUNT) * size_of::<u32>()
}

/// The slot on whose stack a program starts.
pub const FIRST: usize = 0;

/// Takes the first slot for the start of a program, before any other thread exists.
pub fn take_first() {
    // SAFETY: no other thread exists yet.
    unsafe { (*HOLDERS.words.get())[FIRST] = 1 };
}

/// Releases the first slot.
pub fn release_first() {
    // SAFETY: as in take_first.
    unsafe { (*HOLDERS.words.get())[FIRST] = 0 };
}

/// Gives the memory of slot 0's stack below the current frame back to the kernel. The start of a
/// session takes several times the stack that the program's calls need.
#[inline(never)]
pub fn trim_first() {
    const PAGE: usize = 4096;
    let here = 0u8;
    let lowest = STACKS.0.get().addr() + SIZE - STACK;
    let end = ((&raw const here).addr() & !(PAGE - 1)) - PAGE;
    // SAFETY: the caller holds the slot, and its stack grows down: no frame uses memory that is
    // more than a page below this one.
    unsafe { kernel::madvise(lowest, end - lowest, MADV_DONTNEED) };
}

/// Returns whether the calling process, `pid`, owns this memory: false in a vfork's child, which
/// only borrows it.
#[must_use]
pub fn is_owner(pid: u32) -> bool {
    let owner = HOLDERS.process.get();
    // SAFETY: one word. A process writes only its own pid to it, and only while the word is 0.
    unsafe {
        if owner.read_volatile() == 0 {
            owner.write_volatile(pid);
        }
        owner.read_volatile() == pid
    }
}

/// Returns whether any process has claimed this memory: false at first in a fork's child.
#[must_use]
pub fn is_claimed() -> bool {
    // SAFETY: a word, as in `is_owner`.
    unsafe { HOLDERS.process.get().read_volatile() != 0 }
}

/// Asks the kernel to give a fork's child zeroed slots, none of them taken. Then the kernel copies
/// none of their pages, neither at the fork nor when the parent next writes to them. Kernels before
/// 4.14 can't do this: there a slot that another thread holds at the time of a fork stays taken in
/// the child.
pub fn wipe_on_fork() {
    let (holders, stacks) = (HOLDERS.words.get().addr(), STACKS.0.get().addr());
    // The linker script places the stacks right behind the holders.
    let len = size_of::<Holders>() + if stacks == holders + size_of::<Holders>() { SIZE } else { 0 };
    // SAFETY: whole pages that belong to the shim, and zeroes are their initial state. The thread
    // that forks uses none of the slots, because the filter doesn't trap the fork.
    unsafe { kernel::madvise(holders, len, MADV_WIPEONFORK) };
}
