//! The guest's code: looking at it, and changing it.
//!
//! # Safety
//! Code is read within mappings that were just seen in the process's own map, up to an instruction that was
//! just executed; it is written where that map said that it is private and nobody writes. A thread
//! that unmaps code that runs ends the process natively, too.
//!
//! Where other threads may execute the code at that moment, an instruction is replaced by one store of an
//! aligned quadword: every processor sees either the old instruction or the new one, never a mixture, and
//! both have the same length (AMD64 APM volume 2, "Cross-Modifying Code"). What doesn't lie in one quadword
//! is left alone then.
#![allow(unsafe_code)]

use core::sync::atomic::{AtomicU64, Ordering};

use newroot_abi::Errno;
use newroot_sys::arch::SYSTEM_CALL;
use newroot_sys::arch::site::{self, JUMP, WINDOW};

use super::stubs::{EXECUTABLE, WRITABLE, refused};
use crate::host;

const QUADWORD: usize = 8;
const PAGE: usize = 4096;
/// Patches that lie closer are written into one mapping.
const TOGETHER: usize = 16 * PAGE;

/// An instruction in front of a `syscall` that can be moved to a stub.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moved {
    /// Address of the `syscall`.
    syscall: usize,
    instruction: [u8; 6],
    len: usize,
}

impl Moved {
    /// Where it stands.
    pub(super) fn address(&self) -> usize {
        self.syscall - self.len
    }

    /// Its machine code.
    pub(super) fn instruction(&self) -> &[u8] {
        self.instruction.get(..self.len).unwrap_or(&[])
    }

    /// Address behind the `syscall`.
    pub(super) fn next(&self) -> usize {
        self.syscall + SYSTEM_CALL
    }
}

/// What can be moved from in front of `syscall`, in code that begins at `start`.
pub(super) fn movable(start: usize, syscall: usize, alone: bool) -> Option<Moved> {
    let window = syscall.checked_sub(WINDOW).filter(|&window| window >= start)?;
    // SAFETY: within the mappings: see the head of the file. A copy, for a guest's code is the guest's to change.
    let code = unsafe { (window as *const [u8; WINDOW]).read_volatile() };
    let len = site::movable(&code)?;
    if !alone && quadword_of(syscall - len).is_none() {
        return None;
    }
    let mut instruction = [0; 6];
    instruction.get_mut(..len)?.copy_from_slice(code.get(WINDOW - len..)?);
    Some(Moved { syscall, instruction, len })
}

/// The aligned quadword that a jump at `address` would lie in, if it lies in one.
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
    /// Holds the place of a patch.
    pub(super) const NONE: Self = Self { address: 0, jump: [0; JUMP] };

    /// A jump at `address` to a stub; `None` if that is too far.
    pub(super) fn new(address: usize, stub: usize) -> Option<Self> {
        Some(Self { address, jump: site::jump(address, stub)? })
    }

    fn write(&self, alone: bool) {
        match quadword_of(self.address) {
            Some(quadword) => {
                // SAFETY: aligned, and the page was made writable.
                let word = unsafe { AtomicU64::from_ptr(quadword as *mut u64) };
                let mut bytes = word.load(Ordering::Relaxed).to_le_bytes();
                for (place, byte) in bytes.iter_mut().skip(self.address - quadword).zip(self.jump) {
                    *place = byte;
                }
                word.store(u64::from_le_bytes(bytes), Ordering::Release);
            }
            // SAFETY: the page was made writable, and nobody else runs.
            None if alone => unsafe { (self.address as *mut [u8; JUMP]).write_volatile(self.jump) },
            None => {}
        }
    }
}

/// Writes jumps into code that can be read and executed, and is so again afterwards.
///
/// Only the pages that change are made writable for that moment, those close together at once. They are mappings of their
/// own from then on, for one that was writable is accounted differently for ever (VM_ACCOUNT in mm/mprotect.c). But
/// with one written page in it, all of a mapping's pages are copied by each fork, which takes longer than a few mappings.
///
/// # Errors
/// EPERM if code can't be made writable; ENOMEM.
pub(super) fn apply(patches: &mut [Patch], alone: bool) -> Result<(), Errno> {
    patches.sort_unstable_by_key(|patch| patch.address);
    for together in patches.chunk_by(|one, next| next.address - one.address < TOGETHER) {
        let (Some(first), Some(last)) = (together.first(), together.last()) else { continue };
        let start = first.address & !(PAGE - 1);
        let end = (last.address + JUMP).next_multiple_of(PAGE);
        // SAFETY: code that stays executable all the time.
        unsafe { host::mprotect(start, end - start, WRITABLE) }.map_err(refused)?;
        for patch in together {
            patch.write(alone);
        }
        // SAFETY: it gets back the rights that the map of memory showed.
        unsafe { host::mprotect(start, end - start, EXECUTABLE) }?;
    }
    Ok(())
}
