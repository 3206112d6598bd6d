//! Places where the calls are made that Syscall User Dispatch spares.
//!
//! The kernel spares one range of addresses, and that must be the shim's. A guest's call from the range that the guest
//! wants to be spared is made at one of the places here instead. They lie in the range that the kernel spares but behind
//! the one that the filter spares, so that the call meets the filters as it would have.
//!
//! # Safety
//! A place is entered by a register change made in a signal handler, never called. It changes nothing but what the
//! kernel changes in a call, and goes on where its word in [`RETURNS`] says, which never changes once it is set.
#![allow(unsafe_code)]

use core::arch::global_asm;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::{SYSTEM_CALL, SavedRegisters};

/// How many places there are.
const PLACES: usize = 512;
/// Bytes of each.
const LENGTH: usize = 8;

/// The addresses behind the guest's calls.
static RETURNS: [AtomicUsize; PLACES] = [const { AtomicUsize::new(0) }; PLACES];

global_asm!(
    ".pushsection .dispatch,\"ax\",@progbits",
    ".p2align 4",
    ".globl newroot_dispatch",
    ".hidden newroot_dispatch",
    "newroot_dispatch:",
    "2:",
    ".rept {places}",
    "syscall",
    // jmp *RETURNS(index), six bytes: the words lie as far apart as the places.
    ".byte 0xff, 0x25",
    ".long {returns} - 2b - 8",
    ".endr",
    ".globl newroot_dispatch_end",
    ".hidden newroot_dispatch_end",
    "newroot_dispatch_end:",
    ".popsection",
    places = const PLACES,
    returns = sym RETURNS,
);

unsafe extern "C" {
    fn newroot_dispatch();
    fn newroot_dispatch_end();
}

/// First address behind the places, and behind all of the shim's code.
#[must_use]
pub fn dispatch_end() -> usize {
    newroot_dispatch_end as *const () as usize
}

/// Whether a call was made at one of the places; `address` is the one behind its `syscall` instruction.
#[must_use]
pub fn is_dispatch_place(address: usize) -> bool {
    (newroot_dispatch as *const () as usize..dispatch_end()).contains(&address)
}

/// Returns where a call can be made that goes on at `address`; `None` if all places are for other addresses.
#[must_use]
pub fn dispatch_place(address: usize) -> Option<usize> {
    let first = address ^ address >> 9;
    (0..PLACES).map(|step| first.wrapping_add(step) % PLACES).find_map(|index| {
        let known = RETURNS.get(index)?;
        let mine = match known.compare_exchange(0, address, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(other) => other == address,
        };
        mine.then(|| newroot_dispatch as *const () as usize + index * LENGTH)
    })
}

/// Where a signal came at one of the places, has the guest be at its own `syscall` instruction, or behind it.
pub fn leave_dispatch_place(registers: &mut SavedRegisters) {
    if !is_dispatch_place(registers.rip) {
        return;
    }
    let offset = registers.rip - newroot_dispatch as *const () as usize;
    if let Some(behind) = RETURNS.get(offset / LENGTH) {
        let behind = behind.load(Ordering::Acquire);
        registers.rip = if offset.is_multiple_of(LENGTH) { behind - SYSTEM_CALL } else { behind };
    }
}
