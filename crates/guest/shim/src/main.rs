//! The shim's image: the entry points, and the few symbols that a program without libc must
//! provide.
//!
//! All other code is in the library beside this file, which also compiles for the host.
//!
//! # Safety
//! The compiler emits calls to the memory functions below. They are written so that it can't turn
//! their own code into calls to themselves: with assembly or volatile accesses.
#![no_std]
#![no_main]
#![allow(unsafe_code)]

use core::arch::asm;
use newroot_shim::{handlers, patch, slots, state, trap};

// Cargo doesn't know the contents of a linker script, but it links again when an included file has
// changed.
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
    holders: slots::HOLDERS,
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

/// Copies bytes (memcpy(3)).
///
/// # Safety
/// As for the C function: `n` bytes at both addresses, not overlapping.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    // SAFETY: the instruction needs only what the caller's contract guarantees.
    unsafe {
        asm!("rep movsb", inout("rdi") to => _, inout("rsi") from => _, inout("rcx") n => _,
            options(nostack, preserves_flags));
    }
    to
}

/// Copies bytes between ranges that may overlap (memmove(3)).
///
/// # Safety
/// As for the C function: `n` bytes at both addresses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    if (to as usize).wrapping_sub(from as usize) >= n {
        // SAFETY: a forward copy never overwrites bytes that it must still read.
        return unsafe { memcpy(to, from, n) };
    }
    // SAFETY: it copies backwards from the last byte, and then clears the direction flag again.
    unsafe {
        asm!("std", "rep movsb", "cld",
            inout("rdi") to.add(n).wrapping_sub(1) => _,
            inout("rsi") from.add(n).wrapping_sub(1) => _,
            inout("rcx") n => _, options(nostack));
    }
    to
}

/// Fills bytes with a value (memset(3)).
///
/// # Safety
/// As for the C function: `n` bytes at `to`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memset(to: *mut u8, byte: i32, n: usize) -> *mut u8 {
    // SAFETY: the instruction needs only what the caller's contract guarantees.
    unsafe {
        asm!("rep stosb", inout("rdi") to => _, in("al") byte as u8, inout("rcx") n => _,
            options(nostack, preserves_flags));
    }
    to
}

/// Compares bytes (memcmp(3)).
///
/// # Safety
/// As for the C function: `n` bytes at both addresses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn memcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    let mut i = 0;
    while i < n {
        // SAFETY: `i` is below `n`. Volatile reads keep the compiler from turning the loop into a
        // call of memcmp.
        let (x, y) = unsafe { (a.add(i).read_volatile(), b.add(i).read_volatile()) };
        if x != y {
            return i32::from(x) - i32::from(y);
        }
        i += 1;
    }
    0
}

/// Compares bytes for equality (bcmp(3)).
///
/// # Safety
/// As for the C function: `n` bytes at both addresses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn bcmp(a: *const u8, b: *const u8, n: usize) -> i32 {
    // SAFETY: the contracts are the same.
    unsafe { memcmp(a, b, n) }
}

/// Returns the length of a string (strlen(3)).
///
/// # Safety
/// As for the C function: the string ends with NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn strlen(text: *const u8) -> usize {
    let mut n = 0;
    // SAFETY: the string is readable up to and including its NUL.
    while unsafe { text.add(n).read_volatile() } != 0 {
        n += 1;
    }
    n
}
