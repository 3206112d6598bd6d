//! Private stacks for the handler, with room for paths.
//!
//! The guest's stacks are too small (a goroutine's, an 8 KiB alternate stack) for what
//! path resolution needs, and a thread has no memory of ours. So a trap takes one of a
//! fixed pool of slots: a word is exchanged on entry and cleared on exit, in the assembly
//! around the handler. A thread that finds all taken yields until one is free: a slot is
//! never held over a call that may sleep for the guest's sake.
//!
//! The words lie in a page that a fork's child gets zeroed (MADV_WIPEONFORK), for there the
//! threads that hold slots don't exist. A vfork's child shares the page, as it must; what it
//! holds when its exec succeeds is given back by the kernel, through set_tid_address(2).
//!
//! # Safety
//! A slot's scratch space belongs to the thread that holds its word. Only the trap entry
//! hands it out, once for each trap.
#![allow(unsafe_code)]

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::AtomicBool;

use newroot_abi::PATH_MAX;
use newroot_paths::{GuestBuf, HostBuf, WalkScratch};

use crate::host;

/// log2 of a slot's size.
pub const SHIFT: usize = 18;
/// How many slots there are.
pub const COUNT: usize = 32;

const SIZE: usize = 1 << SHIFT;
/// Pages are zeroes again when they are next touched (madvise(2)).
pub const MADV_DONTNEED: u32 = 4;
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

/// The slots' memory.
#[repr(C, align(4096))]
pub struct Stacks(UnsafeCell<[MaybeUninit<[u8; SIZE]>; COUNT]>);
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

/// The slots: scratch space at the low end, the stack growing down from the high end.
pub static STACKS: Stacks = Stacks(UnsafeCell::new([const { MaybeUninit::zeroed() }; COUNT]));
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
    address.wrapping_sub(STACKS.0.get().addr()) >> SHIFT
}

/// The scratch space of a slot.
///
/// # Safety
/// The caller holds the slot and asks once.
pub unsafe fn scratch(slot: usize) -> &'static mut Scratch {
    let first = STACKS.0.get().cast::<u8>();
    // SAFETY: the slot lies within the array (the entry code counts to COUNT), is zeroed or was
    // a Scratch before, and zeroes are a valid Scratch: integers and byte arrays only.
    unsafe { &mut *first.add((slot % COUNT) * SIZE).cast::<Scratch>() }
}

/// Address of the word that says a slot is taken.
#[must_use]
pub fn owner_word(slot: usize) -> usize {
    OWNERS.words.get() as usize + (slot % COUNT) * size_of::<u32>()
}

/// Takes slot 0 for the start of a program, before there is any other thread.
pub fn take_first() {
    // SAFETY: no other thread exists yet.
    unsafe { (*OWNERS.words.get())[0] = 1 };
}

/// Gives slot 0 back, and with it the memory that loading a program has touched, which is several times what
/// its calls will.
pub fn release_first() {
    // SAFETY: the slot is whole pages of the shim's, it was taken, and zeroes are a valid Scratch.
    unsafe { host::madvise(STACKS.0.get() as usize, SIZE, MADV_DONTNEED) };
    // SAFETY: as in take_first.
    unsafe { (*OWNERS.words.get())[0] = 0 };
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

/// Asks the kernel to give a fork's child a zeroed page. Before Linux 4.14 it can't; then a
/// slot held by another thread at the time of a fork stays taken in the child.
pub fn wipe_owners_on_fork() {
    const MADV_WIPEONFORK: u32 = 18;
    // SAFETY: the page is the shim's, and zeroes are its initial state.
    unsafe { host::madvise(OWNERS.words.get() as usize, size_of::<Owners>(), MADV_WIPEONFORK) };
}
