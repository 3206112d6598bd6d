//! Private stacks for the handler, with room for paths.
//!
//! The guest's stacks are too small (a goroutine's, an 8 KiB alternate stack) for what
//! path resolution needs, and a thread has no memory of ours. So a trap takes one of a
//! pool of slots: a word is exchanged on entry and cleared on exit, in the assembly
//! around the handler. A thread that finds all taken yields until one is free: a slot is
//! never held over a call that may sleep for the guest's sake.
//!
//! The image holds one slot, which is all that a program without threads needs: the kernel charges
//! a mapping to RLIMIT_AS and RLIMIT_DATA whether it is touched or not. A thread that finds none
//! free maps more, below the image, until there are [`COUNT`]. Where that fails (a limit, an address
//! that something else has), it waits as if there were no more to be had.
//!
//! A fork's child gets the words and the slots zeroed (MADV_WIPEONFORK), for there the
//! threads that hold slots don't exist. A vfork's child shares the page, as it must; what it
//! holds when its exec succeeds is given back by the kernel, through set_tid_address(2).
//!
//! # Safety
//! A slot's scratch space belongs to the thread that holds its word. Only the trap entry
//! hands it out, once for each trap.
#![allow(unsafe_code)]

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use newroot_abi::PATH_MAX;
use newroot_paths::{GuestBuf, HostBuf, WalkScratch};
use newroot_sys::raw;

use crate::host;

/// log2 of a slot's size.
pub const SHIFT: usize = 18;
/// How many slots a process can have.
pub const COUNT: usize = 32;

const SIZE: usize = 1 << SHIFT;
/// Pages are zeroes again when they are next touched (madvise(2)).
const MADV_DONTNEED: u32 = 4;
/// A fork's child finds the pages zeroed (madvise(2)).
pub const MADV_WIPEONFORK: u32 = 18;
/// What must be left of a slot for the stack itself. Below it lies the scratch space, so that an overflow
/// would go unnoticed: a test adds up the frames of the image that was built.
const STACK: usize = 160 * 1024;

/// Room to find one file in.
#[derive(Debug)]
pub struct Operand {
    /// The path as the guest gave it.
    pub text: GuestBuf,
    /// Room for a path that is being normalized.
    pub normal: GuestBuf,
    /// Room for the walk; `walk.host` is the host path that was found.
    pub walk: WalkScratch,
    /// What the reissued call is given as its path.
    pub name: HostBuf,
}

/// Room for an exec: the strings that `#!` lines put in front of the guest's arguments.
#[derive(Debug)]
pub struct ExecScratch {
    /// Guest path of the program.
    pub exe: GuestBuf,
    /// Interpreter names and arguments, each ended by NUL.
    pub strings: [u8; 2 * PATH_MAX],
    /// Argument pointers, if there are few.
    pub pointers: [usize; 256],
    /// A larger array of pointers, left by a vfork child whose exec succeeded: (address, length).
    pub leftover: (usize, usize),
}

/// What the holder of a slot may use.
#[derive(Debug)]
pub struct Scratch {
    /// The first path of a call.
    pub first: Operand,
    /// The second.
    pub second: Operand,
    /// For exec.
    pub exec: ExecScratch,
}

const _: () = assert!(size_of::<Scratch>() + STACK <= SIZE, "a slot must hold scratch and stack");

/// The first slot's memory.
#[repr(C, align(4096))]
pub struct Stacks(UnsafeCell<MaybeUninit<[u8; SIZE]>>);
// SAFETY: each slot is used by its holder alone.
unsafe impl Sync for Stacks {}

/// The words by which slots are taken, and what else a fork's child must find zeroed.
#[repr(C, align(4096))]
pub struct Owners {
    words: UnsafeCell<[u32; COUNT]>,
    process: UnsafeCell<u32>,
    /// A thread is patching call sites.
    pub patching: AtomicBool,
    rest: UnsafeCell<[u8; 4096 - 4 * COUNT - 5]>,
}
// SAFETY: the words are exchanged atomically; `process` is written with one value by all.
unsafe impl Sync for Owners {}

unsafe extern "C" {
    /// The image's first address: slot 1 ends here, each further one where the one before it begins.
    #[link_name = "__executable_start"]
    static IMAGE_START: u8;
}

/// The first slot: scratch space at the low end, the stack growing down from the high end.
pub static STACKS: Stacks = Stacks(UnsafeCell::new(MaybeUninit::zeroed()));
/// How many slots there are besides the first. A fork's child has them as well, so this isn't wiped.
pub static ADDED: AtomicU32 = AtomicU32::new(0);
/// Who holds them.
pub static OWNERS: Owners = Owners {
    words: UnsafeCell::new([0; COUNT]),
    process: UnsafeCell::new(0),
    patching: AtomicBool::new(false),
    rest: UnsafeCell::new([0; 4096 - 4 * COUNT - 5]),
};

/// Index of the slot on whose stack an address lies; out of range for one on none.
#[must_use]
#[inline]
pub fn slot_of(address: usize) -> usize {
    if address.wrapping_sub(STACKS.0.get().addr()) < SIZE {
        return 0;
    }
    // What lies where further slots would be, but isn't one, is the guest's.
    let below = (&raw const IMAGE_START).addr().wrapping_sub(1).wrapping_sub(address) >> SHIFT;
    if below < ADDED.load(Ordering::Relaxed) as usize { 1 + below } else { usize::MAX }
}

/// Whether an address lies on the stack of a slot.
#[must_use]
pub fn is_slot(address: usize) -> bool {
    slot_of(address) < COUNT
}

/// First address of a slot, which must be below [`COUNT`].
fn start_of(slot: usize) -> usize {
    match slot % COUNT {
        0 => STACKS.0.get().addr(),
        further => (&raw const IMAGE_START).addr() - further * SIZE,
    }
}

/// Called by the entry code when it finds no slot free: maps as many more as there are, or yields if there are no
/// more to be had. It runs on the guest's stack.
pub extern "C" fn all_taken() {
    if !add() {
        host::sched_yield();
    }
}

/// Of threads that do this at once only one maps the next slot, and so publishes. A fork in another thread
/// before that one has published can leave the child with a mapping that it doesn't know of: then the
/// child has no more than the slots that it knows.
fn add() -> bool {
    let added = ADDED.load(Ordering::Acquire) as usize;
    let mut more = (1 + added).min(COUNT - 1 - added);
    while more > 0 {
        let at = start_of(added + more);
        let flags = raw::MAP_PRIVATE | raw::MAP_ANONYMOUS | raw::MAP_NORESERVE | raw::MAP_FIXED_NOREPLACE;
        // SAFETY: never in place of anything.
        match unsafe { host::mmap(at, more * SIZE, raw::PROT_READ | raw::PROT_WRITE, flags, -1, 0) } {
            Ok(got) if got == at => {
                // SAFETY: the mapping was just made, and nobody uses it yet.
                unsafe { host::madvise(at, more * SIZE, MADV_WIPEONFORK) };
                ADDED.store((added + more) as u32, Ordering::Release);
                return true;
            }
            // A kernel before 4.17 takes the address for a wish.
            // SAFETY: it was mapped just now.
            Ok(got) => unsafe { host::munmap(got, more * SIZE) },
            Err(_) => {}
        }
        more /= 2;
    }
    false
}

/// The scratch space of a slot.
///
/// # Safety
/// The caller holds the slot and asks once.
pub unsafe fn scratch(slot: usize) -> &'static mut Scratch {
    let at = core::ptr::with_exposed_provenance_mut::<Scratch>(start_of(slot));
    // SAFETY: the slot is mapped (the entry code counts to ADDED), is zeroed or was
    // a Scratch before, and zeroes are a valid Scratch: integers and byte arrays only.
    unsafe { &mut *at }
}

/// Address of the word that says a slot is taken.
#[must_use]
pub fn owner_word(slot: usize) -> usize {
    OWNERS.words.get() as usize + (slot % COUNT) * size_of::<u32>()
}

/// The slot on whose stack a program starts.
pub const FIRST: usize = 0;

/// Takes the first slot for the start of a program, before there is any other thread.
pub fn take_first() {
    // SAFETY: no other thread exists yet.
    unsafe { (*OWNERS.words.get())[FIRST] = 1 };
}

/// Gives the first slot back.
pub fn release_first() {
    // SAFETY: as in take_first.
    unsafe { (*OWNERS.words.get())[FIRST] = 0 };
}

/// Gives back the memory that the stack of slot 0 has taken below the frame in use: starting a session takes several
/// times what a program's calls will.
#[inline(never)]
pub fn trim_first() {
    const PAGE: usize = 4096;
    let here = 0u8;
    let lowest = STACKS.0.get().addr() + SIZE - STACK;
    let end = ((&raw const here).addr() & !(PAGE - 1)) - PAGE;
    // SAFETY: the slot was taken, and its stack grows down: what lies a page below this frame is in nobody's.
    unsafe { host::madvise(lowest, end - lowest, MADV_DONTNEED) };
}

/// Whether the calling process owns this memory: false in a vfork's child, which only borrows it.
#[must_use]
pub fn is_owner(pid: u32) -> bool {
    let owner = OWNERS.process.get();
    // SAFETY: a word; the only value ever written where there was none is the owner's own pid.
    unsafe {
        if owner.read_volatile() == 0 {
            owner.write_volatile(pid);
        }
        owner.read_volatile() == pid
    }
}

/// Whether any process has claimed this memory: false at first in a fork's child.
#[must_use]
pub fn is_claimed() -> bool {
    // SAFETY: a word, as in `is_owner`.
    unsafe { OWNERS.process.get().read_volatile() != 0 }
}

/// Asks the kernel to give a fork's child zeroed slots, none of them taken: then nothing of them needs to be copied, nor
/// the parent's be copied again when it next writes them. Before Linux 4.14 it can't; then a slot held by another thread
/// at the time of a fork stays taken in the child.
pub fn wipe_on_fork() {
    let (owners, stacks) = (OWNERS.words.get().addr(), STACKS.0.get().addr());
    // The linker script puts one behind the other.
    let len = size_of::<Owners>() + if stacks == owners + size_of::<Owners>() { SIZE } else { 0 };
    // SAFETY: whole pages of the shim's, and zeroes are their initial state. The thread that forks is in none of the
    // slots, for the call isn't trapped.
    unsafe { host::madvise(owners, len, MADV_WIPEONFORK) };
}
