//! The shim image: entry points and the few symbols a program without libc must bring.
//!
//! Everything else is the library beside this file, which compiles for the host as well.
//!
//! # Safety
//! The memory functions are what the compiler calls for copies it emits; they must not be
//! written in a way that it turns into calls of themselves, hence the assembly.
#![no_std]
#![no_main]
#![allow(unsafe_code)]

use core::arch::asm;
use newroot_shim::{handlers, patch, slots, state, trap};

// Cargo doesn't know what a linker script says, but links again when what is included has changed.
const _: &str = include_str!("../image.ld");

newroot_sys::entry_points! {
    start: newroot_shim::start::start,
    trap: trap::trap,
    fast: trap::fast,
    call: trap::call,
    entering: trap::entering,
    handlers: handlers::TABLE,
    stubs: patch::STUBS,
    stub_area: patch::STUB_AREA,
    stub_areas: patch::STUB_AREAS,
    cares: state::CARES_FOR_SIGSYS,
    main_stack: patch::MAIN_STACK,
    slots: slots::STACKS,
    owners: slots::OWNERS,
    added: slots::ADDED,
    all_taken: slots::all_taken,
    shift: slots::SHIFT
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    newroot_shim::report::fatal(&[b"internal error: a panic in the shim"])
}

#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// memcpy(3).
///
/// # Safety
/// As for the C function: `n` bytes at both, not overlapping.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    // SAFETY: the caller's contract is the instruction's.
    unsafe {
        asm!("rep movsb", inout("rdi") to => _, inout("rsi") from => _, inout("rcx") n => _,
            options(nostack, preserves_flags));
    }
    to
}

/// memmove(3).
///
/// # Safety
/// As for the C function: `n` bytes at both.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    if (to as usize).wrapping_sub(from as usize) >= n {
        // SAFETY: a forward copy never overwrites what it has still to read.
        return unsafe { memcpy(to, from, n) };
    }
    // SAFETY: backwards from the last byte; the direction flag is put back.
    unsafe {
        asm!("std", "rep movsb", "cld",
            inout("rdi") to.add(n).wrapping_sub(1) => _,
            inout("rsi") from.add(n).wrapping_sub(1) => _,
            inout("rcx") n => _, options(nostack));
    }
    to
}

/// memset(3).
///
/// # Safety
/// As for the C function: `n` bytes at `to`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memset(to: *mut u8, byte: i32, n: usize) -> *mut u8 {
    // SAFETY: the caller's contract is the instruction's.
    unsafe {
        asm!("rep stosb", inout("rdi") to => _, in("al") byte as u8, inout("rcx") n => _,
            options(nostack, preserves_flags));
    }
    to
}

/// memcmp(3).
///
/// # Safety
/// As for the C function: `n` bytes at both.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    let mut i = 0;
    while i < n {
        // SAFETY: i is below n; volatile keeps the loop from becoming a call of memcmp.
        let (x, y) = unsafe { (a.add(i).read_volatile(), b.add(i).read_volatile()) };
        if x != y {
            return i32::from(x) - i32::from(y);
        }
        i += 1;
    }
    0
}

/// bcmp(3).
///
/// # Safety
/// As for the C function: `n` bytes at both.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    // SAFETY: the contracts are the same.
    unsafe { memcmp(a, b, n) }
}

/// strlen(3).
///
/// # Safety
/// As for the C function: a string ended by NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut n = 0;
    // SAFETY: up to and including the NUL the string is readable.
    while unsafe { text.add(n).read_volatile() } != 0 {
        n += 1;
    }
    n
}
