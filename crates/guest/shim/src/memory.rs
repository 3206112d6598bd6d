//! Access to the guest's memory. Only this file follows guest pointers.
//!
//! A bad pointer must lead to EFAULT and never end the process. So the shim asks the kernel about a
//! page before it touches it: rt_sigprocmask(2) with an invalid `how` reads eight bytes and then
//! fails. EFAULT means that the page isn't readable, EINVAL that it is, for the price of the
//! cheapest system call. Where the shim is to write into the guest's buffer, it lets the kernel
//! write where possible.
//!
//! Between the check and the access another thread can unmap the page. A program that does this
//! natively gets EFAULT or a crash, depending on timing. Here it gets the crash.
//!
//! # Safety
//! Reads and writes go through raw pointers, byte by byte or unaligned. No reference to guest
//! memory is ever made, except to bytes that the kernel has just written ([`written_bytes`]).
#![allow(unsafe_code)]

use core::mem::MaybeUninit;

use newroot_abi::{Errno, PATH_MAX};
use newroot_paths::{Buffer, PathScan};
use newroot_sys::{raw, syscall};

use crate::kernel::Stat;

const PAGE: usize = 4096;

/// Returns whether an address lies in the same page as the top of the current stack. That page is
/// mapped. On the guest's own stack, where the fast path runs, the arguments that a C library
/// passes to a call often lie a little above the top.
fn is_near(address: usize) -> bool {
    let here = 0u8;
    (address ^ (&raw const here).addr()) < PAGE
}

/// Checks that the page of `address` can be read.
fn readable(address: usize) -> Result<(), Errno> {
    if is_near(address) {
        return Ok(());
    }
    // Nothing is ever mapped in the first page, and the probe would take 0 for "no mask".
    if address < PAGE {
        return Err(Errno::FAULT);
    }
    // The probe reads eight bytes: they must all lie in this page.
    let probe = address.min((address & !(PAGE - 1)) + PAGE - 8);
    // SAFETY: the kernel copies with fault handling, and then rejects `how` without changing the
    // mask.
    match unsafe { syscall!(raw::__NR_rt_sigprocmask, usize::MAX, probe, 0, 8) } {
        Err(Errno::FAULT) => Err(Errno::FAULT),
        _ => Ok(()),
    }
}

/// Checks that `len` bytes at `address` can be read.
///
/// # Errors
/// EFAULT if one of them can't.
pub fn check_readable(address: usize, len: usize) -> Result<(), Errno> {
    if len == 0 {
        return Ok(());
    }
    let last = address.checked_add(len - 1).ok_or(Errno::FAULT)?;
    let mut at = address;
    loop {
        readable(at)?;
        at = (at & !(PAGE - 1)).checked_add(PAGE).ok_or(Errno::FAULT)?;
        if at > last {
            return Ok(());
        }
    }
}

/// Reads a value from the guest's memory.
///
/// # Errors
/// EFAULT if it can't be read.
pub fn read<T: Copy + Plain>(address: usize) -> Result<T, Errno> {
    check_readable(address, size_of::<T>())?;
    // SAFETY: the bytes were found readable, and any bytes are a valid T (`Plain`).
    Ok(unsafe { (address as *const T).read_unaligned() })
}

/// Types for which any bytes are a valid value.
///
/// # Safety
/// The type has no padding and no invalid bit pattern.
pub unsafe trait Plain {}
// SAFETY: an integer.
unsafe impl Plain for u8 {}
// SAFETY: an integer.
unsafe impl Plain for u16 {}
// SAFETY: an integer.
unsafe impl Plain for u32 {}
// SAFETY: an integer.
unsafe impl Plain for u64 {}
// SAFETY: an integer.
unsafe impl Plain for usize {}
// SAFETY: integers only, no padding on a 64-bit machine.
unsafe impl Plain for newroot_sys::arch::SignalAction {}
// SAFETY: integers only, no padding.
unsafe impl Plain for newroot_sys::bpf::Insn {}
// SAFETY: integers only, no padding on a 64-bit machine.
unsafe impl Plain for Stat {}
// SAFETY: integers only, no padding: the layout is the same on every machine, without gaps.
unsafe impl Plain for raw::statx {}
// SAFETY: an array of a type that is Plain.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// Writes a value into the guest's memory.
///
/// # Errors
/// EFAULT if it can't be written.
pub fn write<T: Copy + Plain>(address: usize, value: &T) -> Result<(), Errno> {
    let len = size_of::<T>();
    check_writable(address, len)?;
    // SAFETY: the bytes were found writable.
    unsafe { (address as *mut T).write_unaligned(*value) };
    Ok(())
}

/// Writes bytes into the guest's memory.
///
/// # Errors
/// EFAULT if they can't be written.
pub fn write_bytes(address: usize, bytes: &[u8]) -> Result<(), Errno> {
    check_writable(address, bytes.len())?;
    // SAFETY: the bytes were found writable, and they don't overlap the shim's own memory.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), address as *mut u8, bytes.len()) };
    Ok(())
}

/// Copies bytes from the guest's memory.
///
/// # Errors
/// EFAULT if they can't be read.
pub fn read_bytes(address: usize, out: &mut [u8]) -> Result<(), Errno> {
    check_readable(address, out.len())?;
    // SAFETY: the bytes were found readable.
    unsafe { core::ptr::copy_nonoverlapping(address as *const u8, out.as_mut_ptr(), out.len()) };
    Ok(())
}

/// Checks that `len` bytes can be written, by having the kernel write into every page of the range.
/// The old contents are lost, so use it only for a range that is about to be overwritten.
///
/// # Errors
/// EFAULT if one of the bytes can't be written.
pub fn check_writable(address: usize, len: usize) -> Result<(), Errno> {
    if len == 0 {
        return Ok(());
    }
    // Nothing is ever mapped there, and the probe would take 0 for "not wanted".
    if address < PAGE {
        return Err(Errno::FAULT);
    }
    let last = address.checked_add(len - 1).ok_or(Errno::FAULT)?;
    let mut at = address;
    loop {
        let page_end = (at & !(PAGE - 1)).checked_add(PAGE).ok_or(Errno::FAULT)?;
        if !is_near(at) {
            have_written(at, page_end.min(last + 1) - at)?;
        }
        at = page_end;
        if at > last {
            return Ok(());
        }
    }
}

/// Has the kernel write into a page of which `len` bytes may be overwritten, with fault handling.
fn have_written(address: usize, len: usize) -> Result<(), Errno> {
    // SAFETY: the kernel writes at most `len` bytes.
    unsafe {
        if len >= 8 {
            syscall!(raw::__NR_rt_sigprocmask, 0, 0, address, 8)?;
        } else {
            syscall!(raw::__NR_getrandom, address, len, 0)?;
        }
    }
    Ok(())
}

/// Reads a word whose page was found readable just before.
#[must_use]
pub fn read_checked(address: usize) -> usize {
    // SAFETY: the caller has read from the same page, or owns it.
    unsafe { (address as *const usize).read_unaligned() }
}

/// Writes a word into the shim's own memory.
pub fn write_owned(address: usize, value: usize) {
    // SAFETY: the caller made the mapping that `address` lies in, or holds the slot that it lies
    // in.
    unsafe { (address as *mut usize).write_unaligned(value) };
}

/// Writes a value into the shim's own memory, or into guest memory that was found writable just
/// before.
pub fn store_owned<T: Copy + Plain>(address: usize, value: &T) {
    // SAFETY: as for `write_owned`.
    unsafe { (address as *mut T).write_unaligned(*value) };
}

/// Copies bytes into the shim's own memory, or into guest memory that was found writable just
/// before.
pub fn copy_owned(address: usize, bytes: &[u8]) {
    // SAFETY: as for `write_owned`.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), address as *mut u8, bytes.len()) };
}

/// Reads a value from the shim's own memory, or one that the kernel has just written for the guest.
#[must_use]
pub fn owned_value<T: Copy + Plain>(address: usize) -> T {
    // SAFETY: as for `write_owned`.
    unsafe { (address as *const T).read_unaligned() }
}

/// Returns bytes that the kernel has just written for the guest. Another guest thread may write
/// there at the same time, so reading a byte twice can give two values.
#[must_use]
pub fn written_bytes<'a>(address: usize, len: usize) -> &'a mut [u8] {
    // SAFETY: the kernel has just written there, so it is writable; the bytes are plain.
    unsafe { core::slice::from_raw_parts_mut(address as *mut u8, len) }
}

/// Reads the `struct stat` that the kernel has just written for the guest.
#[must_use]
pub fn written_stat(address: usize) -> Stat {
    // SAFETY: the kernel wrote all of it; integers only.
    unsafe { (address as *const Stat).read_unaligned() }
}

/// Reads the `struct statx` that the kernel has just written for the guest.
#[must_use]
pub fn written_statx(address: usize) -> raw::statx {
    // SAFETY: the kernel wrote all of it; integers only.
    unsafe { (address as *const raw::statx).read_unaligned() }
}

/// Returns a zeroed `struct stat`.
#[must_use]
pub fn zeroed_stat() -> Stat {
    // SAFETY: integers only.
    unsafe { core::mem::zeroed() }
}

/// Returns a zeroed `struct statx`.
#[must_use]
pub fn zeroed_statx() -> raw::statx {
    // SAFETY: integers only.
    unsafe { core::mem::zeroed() }
}

/// Returns a mapping that was just made, as `count` words.
#[must_use]
pub fn mapped_words<'a>(address: usize, count: usize) -> &'a mut [u32] {
    // SAFETY: the caller made the mapping for this purpose, and no other code has its address.
    unsafe { core::slice::from_raw_parts_mut(address as *mut u32, count) }
}

/// Returns a part of a mapping that was just made, as bytes.
#[must_use]
pub fn mapped_bytes<'a>(address: usize, len: usize) -> &'a mut [u8] {
    // SAFETY: as in `mapped_words`.
    unsafe { core::slice::from_raw_parts_mut(address as *mut u8, len) }
}

/// Unmaps such a mapping.
pub fn unmap_owned(address: usize, len: usize) {
    // SAFETY: the caller made the mapping, and doesn't use it any more.
    unsafe { crate::kernel::munmap(address, len) };
}

/// Returns a NUL-terminated string in the shim's own memory, without its NUL.
#[must_use]
pub fn owned_string(address: usize) -> &'static [u8] {
    // SAFETY: as for `write_owned`; the code that wrote the string ended it with NUL.
    unsafe { initial_string(address) }
}

/// Returns such a string with its NUL, for the kernel; the empty string for address 0.
#[must_use]
pub fn owned_string_with_nul(address: usize) -> &'static [u8] {
    if address == 0 {
        return b"\0";
    }
    let len = owned_string(address).len();
    // SAFETY: as for `write_owned`; the NUL ends it.
    unsafe { core::slice::from_raw_parts(address as *const u8, len + 1) }
}

/// Copies a NUL-terminated string that may be longer than PATH_MAX from the guest.
///
/// # Errors
/// EFAULT if it can't be read; ENAMETOOLONG if it doesn't fit.
pub fn read_long_path<Side, const N: usize>(address: usize, out: &mut Buffer<Side, N>) -> Result<(), Errno> {
    read_string(address, out, N)
}

/// Copies a NUL-terminated path from the guest.
///
/// # Errors
/// EFAULT if it can't be read; ENAMETOOLONG if the first PATH_MAX bytes have no NUL.
pub fn read_path<Side, const N: usize>(address: usize, out: &mut Buffer<Side, N>) -> Result<(), Errno> {
    read_string(address, out, PATH_MAX)
}

fn read_string<Side, const N: usize>(
    address: usize,
    out: &mut Buffer<Side, N>,
    limit: usize,
) -> Result<(), Errno> {
    let space = out.space();
    let limit = space.len().min(limit);
    let mut len = 0;
    let mut checked = address;
    while len < limit {
        let at = address.checked_add(len).ok_or(Errno::FAULT)?;
        if at >= checked {
            readable(at)?;
            checked = (at & !(PAGE - 1)).checked_add(PAGE).ok_or(Errno::FAULT)?;
        }
        // SAFETY: the page of `at` was found readable.
        let byte = unsafe { (at as *const u8).read() };
        match space.get_mut(len) {
            Some(place) if byte != 0 => *place = byte,
            _ => break,
        }
        len += 1;
    }
    if len >= limit {
        return Err(Errno::NAMETOOLONG);
    }
    out.set_len(len);
    Ok(())
}

/// Returns the length of a NUL-terminated string of any length, in bytes without the NUL.
///
/// # Errors
/// EFAULT if it can't be read.
pub fn string_len(address: usize) -> Result<usize, Errno> {
    let mut at = address;
    loop {
        readable(at)?;
        let page_end = (at & !(PAGE - 1)).checked_add(PAGE).ok_or(Errno::FAULT)?;
        // SAFETY: the page was found readable.
        if let Some(nul) = (at..page_end).find(|&at| unsafe { (at as *const u8).read_volatile() } == 0) {
            return Ok(nul - address);
        }
        at = page_end;
    }
}

/// Copies a NUL-terminated path from the guest into `out`, a word at a time, and shows each word to
/// `scan`. Returns the path's length. The NUL is copied as well, with the bytes behind it in the
/// same word.
///
/// # Errors
/// EFAULT if it can't be read; ENAMETOOLONG if it doesn't fit.
pub fn read_words(address: usize, out: &mut [MaybeUninit<u64>], scan: &mut PathScan) -> Result<usize, Errno> {
    const WORD: usize = size_of::<u64>();
    readable(address)?;
    let mut at = address;
    for (index, place) in out.iter_mut().enumerate() {
        let left = PAGE - at % PAGE;
        let word = if left >= WORD {
            // SAFETY: the page was found readable, and the whole word lies in it.
            unsafe { (at as *const u64).read_unaligned() }
        } else {
            word_across_pages(at, left)?
        };
        place.write(word);
        if let Some(more) = scan.see(u64::from_le(word)) {
            return Ok(index * WORD + more);
        }
        at = at.checked_add(WORD).ok_or(Errno::FAULT)?;
        if left == WORD {
            readable(at)?;
        }
    }
    Err(Errno::NAMETOOLONG)
}

/// Reads a word whose first `left` bytes lie in a page that was found readable. Bytes behind a NUL
/// aren't read.
#[cold]
fn word_across_pages(address: usize, left: usize) -> Result<u64, Errno> {
    let mut bytes = [0; size_of::<u64>()];
    for (index, place) in bytes.iter_mut().enumerate() {
        let at = address.checked_add(index).ok_or(Errno::FAULT)?;
        if index == left {
            readable(at)?;
        }
        // SAFETY: the page of `at` was found readable.
        *place = unsafe { (at as *const u8).read() };
        if *place == 0 {
            break;
        }
    }
    Ok(u64::from_ne_bytes(bytes))
}

/// Returns a NUL-terminated string that the kernel put on the initial stack, without its NUL.
///
/// # Safety
/// `address` must be one of argv's or envp's pointers at the start of a program.
#[must_use]
pub unsafe fn initial_string<'a>(address: usize) -> &'a [u8] {
    let mut len = 0;
    // SAFETY: the kernel ended the string with a NUL; the memory stays mapped.
    unsafe {
        while (address as *const u8).add(len).read() != 0 {
            len += 1;
        }
        core::slice::from_raw_parts(address as *const u8, len)
    }
}
