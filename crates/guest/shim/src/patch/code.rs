//! Reads and changes the guest's code.
//!
//! # Safety
//! Code is read within mappings that the process's own memory map has just shown, up to an
//! instruction that was just executed. It is written where that map showed a private mapping that
//! isn't writable. A thread that unmaps code in use crashes the process natively, too.
//!
//! Where other threads may execute the code at that moment, one store of an aligned quadword
//! replaces an instruction. Every processor then sees either the old instruction or the new one,
//! never a mixture, and both have the same length (AMD64 APM volume 2, "Cross-Modifying Code"). An
//! instruction that doesn't lie in one quadword is left alone then.
#![allow(unsafe_code)]

use core::sync::atomic::{AtomicU64, Ordering};

use newroot_abi::Errno;
use newroot_sys::arch::SYSTEM_CALL;
use newroot_sys::arch::site::{self, JUMP, WINDOW};

use super::stubs::{EXECUTABLE, WRITABLE, refused};
use crate::kernel;

const QUADWORD: usize = 8;
const PAGE: usize = 4096;
/// Patches that are closer to each other than this share one mprotect(2) and one mapping.
const TOGETHER: usize = 16 * PAGE;

/// An instruction in front of a `syscall`, which can be moved to a stub.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    /// Address of the `syscall`.
    syscall: usize,
    instruction: [u8; 6],
    len: usize,
}

impl Moved {
    /// Returns its address.
    pub(super) fn address(&self) -> usize {
        self.syscall - self.len
    }

    /// Returns its machine code.
    pub(super) fn instruction(&self) -> &[u8] {
        self.instruction.get(..self.len).unwrap_or(&[])
    }

    /// Returns the address behind the `syscall`.
    pub(super) fn next(&self) -> usize {
        self.syscall + SYSTEM_CALL
    }
}

/// Returns the instruction in front of `syscall` if it can be moved, in code that begins at
/// `start`.
pub(super) fn movable(start: usize, syscall: usize, alone: bool) -> Option<Moved> {
    let window = syscall.checked_sub(WINDOW).filter(|&window| window >= start)?;
    // SAFETY: within the mappings (see the head of the file). The bytes are copied first, because
    // the guest may change its code.
    let code = unsafe { (window as *const [u8; WINDOW]).read_volatile() };
    let len = site::movable(&code)?;
    if !alone && quadword_of(syscall - len).is_none() {
        return None;
    }
    let mut instruction = [0; 6];
    instruction.get_mut(..len)?.copy_from_slice(code.get(WINDOW - len..)?);
    Some(Moved { syscall, instruction, len })
}

/// Returns the aligned quadword that contains the whole jump at `address`, if there is one.
fn quadword_of(address: usize) -> Option<usize> {
    (address % QUADWORD + JUMP <= QUADWORD).then_some(address & !(QUADWORD - 1))
}

/// A jump that is to be written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patch {
    address: usize,
    jump: [u8; JUMP],
}

impl Patch {
    /// Placeholder in an array of patches.
    pub(super) const NONE: Self = Self { address: 0, jump: [0; JUMP] };

    /// Makes a jump from `address` to a stub; returns `None` if the stub is too far away.
    pub(super) fn new(address: usize, stub: usize) -> Option<Self> {
        Some(Self { address, jump: site::jump(address, stub)? })
    }

    fn write(&self, alone: bool) {
        match quadword_of(self.address) {
            Some(quadword) => {
                // SAFETY: the address is aligned, and the page was made writable.
                let word = unsafe { AtomicU64::from_ptr(quadword as *mut u64) };
                let mut bytes = word.load(Ordering::Relaxed).to_le_bytes();
                for (place, byte) in bytes.iter_mut().skip(self.address - quadword).zip(self.jump) {
                    *place = byte;
                }
                word.store(u64::from_le_bytes(bytes), Ordering::Release);
            }
            // SAFETY: the page was made writable, and no other thread runs.
            None if alone => unsafe { (self.address as *mut [u8; JUMP]).write_volatile(self.jump) },
            None => {}
        }
    }
}

/// Writes jumps into code that is readable and executable, before and afterwards.
///
/// Only the pages that change are made writable, for this moment; pages close together in one call.
/// They become mappings of their own for good, because the kernel accounts a page that was once
/// writable differently (VM_ACCOUNT in mm/mprotect.c). The alternative is worse: if a mapping
/// contains one written page, each fork copies the page-table entries of the whole mapping, which
/// takes longer than a few more mappings do.
///
/// # Errors
/// EPERM if code can't be made writable; ENOMEM if there are too many mappings.
pub(super) fn apply(patches: &mut [Patch], alone: bool) -> Result<(), Errno> {
    patches.sort_unstable_by_key(|patch| patch.address);
    for together in patches.chunk_by(|one, next| next.address - one.address < TOGETHER) {
        let (Some(first), Some(last)) = (together.first(), together.last()) else { continue };
        let start = first.address & !(PAGE - 1);
        let end = (last.address + JUMP).next_multiple_of(PAGE);
        // SAFETY: the code stays executable all the time.
        unsafe { kernel::mprotect(start, end - start, WRITABLE) }.map_err(refused)?;
        for patch in together {
            patch.write(alone);
        }
        // SAFETY: the pages get back the rights that the memory map showed.
        unsafe { kernel::mprotect(start, end - start, EXECUTABLE) }?;
    }
    Ok(())
}
