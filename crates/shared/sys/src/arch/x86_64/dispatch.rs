//! Places from which calls are made under Syscall User Dispatch.
//!
//! Syscall User Dispatch exempts one range of addresses, which must be the shim's. If the guest
//! asks the kernel to exempt a range of its own, the shim makes the guest's calls from that range
//! at one of the places in this module instead. The places lie inside the range that the kernel
//! exempts, but behind the range that the filter exempts, so the filters see the call as they would
//! have seen it.
//!
//! # Safety
//! A register change in a signal handler enters a place; it is never called. A place changes only
//! what the kernel changes in a call, and then continues at the address that its word in
//! [`RETURNS`] holds. That word never changes once it is set.
#![allow(unsafe_code)]

use core::arch::global_asm;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::{SYSTEM_CALL, SavedRegisters};

/// Number of places.
const PLACES: usize = 512;
/// Bytes of a place.
const LENGTH: usize = 8;

/// For each place, the address behind the guest's call.
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
    // jmp *RETURNS(index), six bytes. Words and places have the same size, so the distance is
    // constant.
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

/// Returns the first address behind the places, which is also the end of the shim's code.
#[must_use]
pub fn dispatch_end() -> usize {
    newroot_dispatch_end as *const () as usize
}

/// Checks whether a call was made at one of the places. `address` is the one behind its `syscall`
/// instruction.
#[must_use]
pub fn is_dispatch_place(address: usize) -> bool {
    (newroot_dispatch as *const () as usize..dispatch_end()).contains(&address)
}

/// Returns the place for a call that continues at `address`, or `None` if all places belong to
/// other addresses.
#[must_use]
pub fn dispatch_place(address: usize) -> Option<usize> {
    let first = address ^ address >> 9;
    (0..PLACES).map(|step| first.wrapping_add(step) % PLACES).find_map(|index| {
        let known = RETURNS.get(index)?;
        let is_ours = match known.compare_exchange(0, address, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(other) => other == address,
        };
        is_ours.then(|| newroot_dispatch as *const () as usize + index * LENGTH)
    })
}

/// Moves the guest to its own `syscall` instruction if a signal came at one of the places, or
/// behind that instruction if the call was made.
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
