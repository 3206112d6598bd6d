//! The registers of a call that came through a patched call site.
//!
//! # Safety
//! The frame is the entry code's, and stays where it is for as long as the call runs: what lies below it is
//! known. A signal's context leads to what the kernel has saved beside it.
#![allow(unsafe_code)]

use super::SYSTEM_CALL;
use super::registers::{FPSTATE, SavedRegisters, SignalContext};

/// What the entry for patched call sites keeps on the guest's stack, below the red zone. Its layout is
/// known to the assembly in [`entry_points`](crate::entry_points).
#[repr(C)]
#[derive(Debug)]
pub struct CallFrame {
    /// On the slow path the guest's signal mask, which is to be in force again. On the fast path [`DONE`] once the
    /// call has its result.
    pub mask: u64,
    r15: usize,
    r14: usize,
    r13: usize,
    r12: usize,
    rbp: usize,
    rbx: usize,
    r9: usize,
    r8: usize,
    r10: usize,
    rdx: usize,
    rsi: usize,
    rdi: usize,
    rax: usize,
    rip: usize,
    flags: usize,
    rsp: usize,
}

/// Bytes below a [`CallFrame`] in which the entry code keeps the vector registers and the frame's address, the gap
/// for their alignment included. It is the vector registers' lower 128 bits: code for the x86-64 baseline changes no
/// others.
pub const CALL_AREA: usize = VECTOR_BYTES + 16 + 16;

/// What stands in the place of the mask once a call on the fast path was made that must not be made again: its result is
/// among the registers then. No mask has this value, for SIGSYS isn't blocked, and no call this number.
pub(super) const DONE: u64 = u64::MAX;

/// Sixteen registers of 128 bits.
const VECTOR_BYTES: usize = 256;

const _: () = {
    assert!(core::mem::offset_of!(CallFrame, rbp) == 40);
    assert!(core::mem::offset_of!(CallFrame, rdi) == 96);
    assert!(core::mem::offset_of!(CallFrame, rax) == 104);
    assert!(core::mem::offset_of!(CallFrame, flags) == 120);
    assert!(core::mem::offset_of!(CallFrame, rsp) == 128);
};

impl CallFrame {
    /// The registers as a signal would have saved them, as far as a call has to do with them.
    #[must_use]
    pub fn registers(&self) -> SavedRegisters {
        let Self { r9, r8, r10, rdx, rsi, rdi, rax, rip, rsp, .. } = *self;
        SavedRegisters { r9, r8, r10, rdx, rsi, rdi, rax, rip, rsp, ..SavedRegisters::default() }
    }

    /// The call's number.
    #[must_use]
    pub fn number(&self) -> usize {
        self.rax
    }

    /// The call's six arguments.
    #[must_use]
    pub fn arguments(&self) -> [usize; 6] {
        [self.rdi, self.rsi, self.rdx, self.r10, self.r8, self.r9]
    }

    /// Gives the call its result.
    pub fn set_result(&mut self, result: isize) {
        self.rax = result as usize;
    }

    /// Has the guest go on with these registers.
    pub fn go_on_with(&mut self, registers: &SavedRegisters) {
        let SavedRegisters { r9, r8, r10, rdx, rsi, rdi, rax, rip, rsp, .. } = *registers;
        *self = Self { r9, r8, r10, rdx, rsi, rdi, rax, rip, rsp, ..*self };
    }

    /// Has the guest execute the `syscall` instruction at its call site after all.
    pub fn make_the_call(&mut self) {
        self.rip -= SYSTEM_CALL;
    }

    /// Address behind the call site.
    pub(crate) fn next(&self) -> usize {
        self.rip
    }

    /// Whether the call was made, on the fast path, and must not be made again.
    pub(crate) fn is_done(&self) -> bool {
        // The code of the window writes it behind the compiler's back.
        // SAFETY: a word of the frame.
        unsafe { (&raw const self.mask).read_volatile() == DONE }
    }

    /// Puts what the guest had in its general registers at its call site into a signal's context; only the instruction
    /// pointer is left alone.
    pub(crate) fn restore_registers(&self, context: &mut SignalContext) {
        let Self { r15, r14, r13, r12, rbp, rbx, r9, r8, r10, rdx, rsi, rdi, rax, flags, rsp, .. } = *self;
        let old = context.registers;
        context.registers =
            SavedRegisters { r15, r14, r13, r12, rbp, rbx, r9, r8, r10, rdx, rsi, rdi, rax, rsp, ..old };
        context.rest[0] = flags;
    }

    /// Puts everything the guest had at its call site into a signal's context, which it will have again
    /// when the handler returns; only the instruction pointer is left alone.
    ///
    /// # Safety
    /// The context is that of a signal frame, and the frame one of the entry code's that is in use, with the vector
    /// registers below it.
    pub(crate) unsafe fn restore(&self, context: &mut SignalContext) {
        self.restore_registers(context);
        // Where the kernel has saved the vector registers (struct _fpstate_64, asm/sigcontext.h), and the
        // bit by which it knows that the lower halves are among what it has saved.
        const VECTORS: usize = 160;
        const MAGIC: usize = 464;
        const MAGIC_VALUE: u32 = 0x4650_5853;
        const STATE_BITS: usize = 512;
        const SSE: u64 = 2;
        let saved = context.rest[FPSTATE];
        if saved == 0 {
            return;
        }
        let ours = (core::ptr::from_ref(self).addr() & !15) - VECTOR_BYTES;
        // SAFETY: the kernel's structure in the signal frame, and the entry code's below the frame.
        unsafe {
            core::ptr::copy_nonoverlapping(ours as *const u8, (saved + VECTORS) as *mut u8, VECTOR_BYTES);
            if ((saved + MAGIC) as *const u32).read() == MAGIC_VALUE {
                *((saved + STATE_BITS) as *mut u64) |= SSE;
            }
        }
    }
}
