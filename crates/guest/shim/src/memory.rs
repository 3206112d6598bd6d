//! The guest's memory. The one file that follows a pointer of the guest's.
//!
//! A bad pointer must answer EFAULT, never end the process. So a page is asked for before
//! it is touched: rt_sigprocmask(2) with an invalid `how` reads eight bytes and then refuses,
//! which tells EFAULT from EINVAL for the price of the cheapest call there is. Where the
//! guest's buffer is to be written, the kernel itself writes it where possible.
//!
//! Between the question and the touch another thread could unmap the page. A program that
//! does so natively gets EFAULT or a crash as chance wills; here it gets the crash.
//!
//! # Safety
//! Reads and writes go through raw pointers, byte by byte or unaligned, and no reference to
//! guest memory is ever made.
#![allow(unsafe_code)]

use core::mem::MaybeUninit;

use newroot_abi::{Errno, PATH_MAX};
use newroot_paths::{Buffer, Glance};
use newroot_sys::{raw, syscall};

use crate::host::Stat;

const PAGE: usize = 4096;

/// Whether an address lies in the same page as the stack in use. That page is there: on the guest's own stack, where the
/// short way runs, what a C library passes to a call often lies a little above.
fn is_near(address: usize) -> bool {
    let here = 0u8;
    (address ^ (&raw const here).addr()) < PAGE
}

/// Checks that the page of `address` can be read.
fn readable(address: usize) -> Result<(), Errno> {
    if is_near(address) {
        return Ok(());
    }
    // Nothing is ever mapped there, and the probe would take 0 for "no mask".
    if address < PAGE {
        return Err(Errno::FAULT);
    }
    // The probe reads eight bytes: keep it within the page.
    let probe = address.min((address & !(PAGE - 1)) + PAGE - 8);
    // SAFETY: the kernel copies with fault handling and then refuses `how`.
    match unsafe { syscall!(raw::__NR_rt_sigprocmask, usize::MAX, probe, 0, 8) } {
        Err(Errno::FAULT) => Err(Errno::FAULT),
        _ => Ok(()),
    }
}

/// Checks that `len` bytes at `address` can be read.
///
/// # Errors
/// EFAULT.
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

/// Reads a value.
///
/// # Errors
/// EFAULT.
pub fn read<T: Copy + Plain>(address: usize) -> Result<T, Errno> {
    check_readable(address, size_of::<T>())?;
    // SAFETY: the bytes are there, and any bytes are a T.
    Ok(unsafe { (address as *const T).read_unaligned() })
}

/// Types for which any bytes are a value.
///
/// # Safety
/// No padding, no invalid bit pattern.
pub unsafe trait Plain {}
// SAFETY: integers.
unsafe impl Plain for u8 {}
// SAFETY: integers.
unsafe impl Plain for u16 {}
// SAFETY: integers.
unsafe impl Plain for u32 {}
// SAFETY: integers.
unsafe impl Plain for u64 {}
// SAFETY: integers.
unsafe impl Plain for usize {}
// SAFETY: integers only, no padding on a 64-bit machine.
unsafe impl Plain for newroot_sys::arch::SignalAction {}
// SAFETY: integers only, no padding.
unsafe impl Plain for newroot_sys::bpf::Insn {}
// SAFETY: integers only, no padding on a 64-bit machine.
unsafe impl Plain for Stat {}
// SAFETY: integers only, no padding: everything has its place, on any machine.
unsafe impl Plain for raw::statx {}
// SAFETY: an array of what is Plain.
unsafe impl<T: Plain, const N: usize> Plain for [T; N] {}

/// Writes a value.
///
/// # Errors
/// EFAULT.
pub fn write<T: Copy + Plain>(address: usize, value: &T) -> Result<(), Errno> {
    let len = size_of::<T>();
    check_writable(address, len)?;
    // SAFETY: the bytes can be written.
    unsafe { (address as *mut T).write_unaligned(*value) };
    Ok(())
}

/// Writes bytes.
///
/// # Errors
/// EFAULT.
pub fn write_bytes(address: usize, bytes: &[u8]) -> Result<(), Errno> {
    check_writable(address, bytes.len())?;
    // SAFETY: the bytes can be written, and they are no memory of ours.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), address as *mut u8, bytes.len()) };
    Ok(())
}

/// Copies bytes from the guest.
///
/// # Errors
/// EFAULT.
pub fn read_bytes(address: usize, out: &mut [u8]) -> Result<(), Errno> {
    check_readable(address, out.len())?;
    // SAFETY: the bytes are there.
    unsafe { core::ptr::copy_nonoverlapping(address as *const u8, out.as_mut_ptr(), out.len()) };
    Ok(())
}

/// Checks that `len` bytes can be written, by having the kernel write into every page of
/// the range. What was there is lost: only for ranges that are about to be overwritten.
///
/// # Errors
/// EFAULT.
pub fn check_writable(address: usize, len: usize) -> Result<(), Errno> {
    if len == 0 {
        return Ok(());
    }
    // As for reading: nothing is there, and the probe would take 0 for "not wanted".
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

/// Has the kernel write into a page, with fault handling.
fn have_written(address: usize, room: usize) -> Result<(), Errno> {
    // SAFETY: only within the room.
    unsafe {
        if room >= 8 {
            syscall!(raw::__NR_rt_sigprocmask, 0, 0, address, 8)?;
        } else {
            syscall!(raw::__NR_getrandom, address, room, 0)?;
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

/// Writes a word into memory of the shim's own.
pub fn write_owned(address: usize, value: usize) {
    // SAFETY: the caller made the mapping, or holds the slot, that `address` lies in.
    unsafe { (address as *mut usize).write_unaligned(value) };
}

/// Writes a value into memory of the shim's own, or that was found writable just before.
pub fn store_owned<T: Copy + Plain>(address: usize, value: &T) {
    // SAFETY: as for `write_owned`.
    unsafe { (address as *mut T).write_unaligned(*value) };
}

/// Copies bytes into memory of the shim's own, or that was found writable just before.
pub fn copy_owned(address: usize, bytes: &[u8]) {
    // SAFETY: as for `write_owned`.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), address as *mut u8, bytes.len()) };
}

/// A value in memory of the shim's own, or that the kernel has just written for the guest.
#[must_use]
pub fn owned_value<T: Copy + Plain>(address: usize) -> T {
    // SAFETY: as for `write_owned`.
    unsafe { (address as *const T).read_unaligned() }
}

/// Bytes that the kernel has just written for the guest. Another of the guest's threads may write there as well, so that
/// what was read once may be something else the next time.
#[must_use]
pub fn written_bytes<'a>(address: usize, len: usize) -> &'a mut [u8] {
    // SAFETY: it was found writable just before, by the kernel; the bytes are plain.
    unsafe { core::slice::from_raw_parts_mut(address as *mut u8, len) }
}

/// The `struct stat` that the kernel has just written for the guest.
#[must_use]
pub fn written_stat(address: usize) -> Stat {
    // SAFETY: the kernel wrote all of it; integers only.
    unsafe { (address as *const Stat).read_unaligned() }
}

/// The `struct statx` that the kernel has just written for the guest.
#[must_use]
pub fn written_statx(address: usize) -> raw::statx {
    // SAFETY: the kernel wrote all of it; integers only.
    unsafe { (address as *const raw::statx).read_unaligned() }
}

/// A `struct stat` of nothing.
#[must_use]
pub fn zeroed_stat() -> Stat {
    // SAFETY: integers only.
    unsafe { core::mem::zeroed() }
}

/// A `struct statx` of nothing.
#[must_use]
pub fn zeroed_statx() -> raw::statx {
    // SAFETY: integers only.
    unsafe { core::mem::zeroed() }
}

/// A mapping that was just made, as words.
#[must_use]
pub fn mapped_words<'a>(address: usize, count: usize) -> &'a mut [u32] {
    // SAFETY: the caller made the mapping for this, and nobody else knows of it.
    unsafe { core::slice::from_raw_parts_mut(address as *mut u32, count) }
}

/// A part of a mapping that was just made, as bytes.
#[must_use]
pub fn mapped_bytes<'a>(address: usize, len: usize) -> &'a mut [u8] {
    // SAFETY: as above.
    unsafe { core::slice::from_raw_parts_mut(address as *mut u8, len) }
}

/// Gives such a mapping back.
pub fn unmap_owned(address: usize, len: usize) {
    // SAFETY: the caller made it, and is done with it.
    unsafe { crate::host::munmap(address, len) };
}

/// A NUL-terminated string in memory of the shim's own.
#[must_use]
pub fn owned_string(address: usize) -> &'static [u8] {
    // SAFETY: as for `write_owned`; whoever put it there ended it with NUL.
    unsafe { initial_string(address) }
}

/// The same with its NUL, for the kernel.
#[must_use]
pub fn owned_string_with_nul(address: usize) -> &'static [u8] {
    if address == 0 {
        return b"\0";
    }
    let len = owned_string(address).len();
    // SAFETY: as for `write_owned`; the NUL ends it.
    unsafe { core::slice::from_raw_parts(address as *const u8, len + 1) }
}

/// Copies a NUL-terminated string that may be longer than PATH_MAX.
///
/// # Errors
/// EFAULT; ENAMETOOLONG if it doesn't fit.
pub fn read_long_path<Side, const N: usize>(address: usize, out: &mut Buffer<Side, N>) -> Result<(), Errno> {
    read_string(address, out, N)
}

/// Copies a NUL-terminated path from the guest.
///
/// # Errors
/// EFAULT; ENAMETOOLONG if no NUL comes within PATH_MAX bytes.
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

/// Returns the length of a NUL-terminated string, however long it is.
///
/// # Errors
/// EFAULT.
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

/// Copies a NUL-terminated path from the guest into `room`, a word at a time, each of which `glance` sees. The
/// result is its length; the NUL is copied as well, and what stands behind it in the word.
///
/// # Errors
/// EFAULT; ENAMETOOLONG if it doesn't fit.
pub fn read_words(
    address: usize,
    room: &mut [MaybeUninit<u64>],
    glance: &mut Glance,
) -> Result<usize, Errno> {
    const WORD: usize = size_of::<u64>();
    readable(address)?;
    let mut at = address;
    for (index, place) in room.iter_mut().enumerate() {
        let left = PAGE - at % PAGE;
        let word = if left >= WORD {
            // SAFETY: the page was found readable, and all of the word lies in it.
            unsafe { (at as *const u64).read_unaligned() }
        } else {
            word_across_pages(at, left)?
        };
        place.write(word);
        if let Some(more) = glance.see(u64::from_le(word)) {
            return Ok(index * WORD + more);
        }
        at = at.checked_add(WORD).ok_or(Errno::FAULT)?;
        if left == WORD {
            readable(at)?;
        }
    }
    Err(Errno::NAMETOOLONG)
}

/// A word of which the first `left` bytes lie in a page that was found readable. What comes behind a NUL isn't read.
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

/// Length of a NUL-terminated string that the kernel put on the initial stack.
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
