//! The registers of a call that came through a patched call site.
//!
//! # Safety
//! The entry code creates the frame, which stays in place while the call runs; the layout of the
//! memory below it is known. A signal's context points to the state that the kernel has saved
//! beside it.
#![allow(unsafe_code)]

use super::SYSTEM_CALL;
use super::registers::{FPSTATE, SavedRegisters, SignalContext};

/// The registers that the entry for patched call sites saves on the guest's stack, below the red
/// zone. The assembly in [`entry_points`](crate::entry_points) depends on the layout.
#[repr(C)]
#[derive(Debug)]
pub struct CallFrame {
    /// On the slow path, the guest's signal mask, which is restored after the call. On the fast
    /// path, `DONE` once the call has its result.
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

/// Bytes below a [`CallFrame`] in which the entry code keeps the vector registers and the frame's
/// address, including the gap for their alignment. It keeps the lower 128 bits of the vector
/// registers: code for the x86-64 baseline changes no others.
pub const CALL_AREA: usize = VECTOR_BYTES + 16 + 16;

/// Value of [`CallFrame::mask`] once a call on the fast path was made that must not be made again.
/// Its result is then among the registers. No mask has this value, because SIGSYS is never blocked,
/// and no call has this number.
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
    /// Returns the registers that a call uses, as a signal would have saved them.
    #[must_use]
    pub fn registers(&self) -> SavedRegisters {
        let Self { r9, r8, r10, rdx, rsi, rdi, rax, rip, rsp, .. } = *self;
        SavedRegisters { r9, r8, r10, rdx, rsi, rdi, rax, rip, rsp, ..SavedRegisters::default() }
    }

    /// Returns the call's number.
    #[must_use]
    pub fn number(&self) -> usize {
        self.rax
    }

    /// Returns the call's six arguments.
    #[must_use]
    pub fn arguments(&self) -> [usize; 6] {
        [self.rdi, self.rsi, self.rdx, self.r10, self.r8, self.r9]
    }

    /// Sets the call's result.
    pub fn set_result(&mut self, result: isize) {
        self.rax = result as usize;
    }

    /// Makes the guest continue with these registers.
    pub fn go_on_with(&mut self, registers: &SavedRegisters) {
        let SavedRegisters { r9, r8, r10, rdx, rsi, rdi, rax, rip, rsp, .. } = *registers;
        *self = Self { r9, r8, r10, rdx, rsi, rdi, rax, rip, rsp, ..*self };
    }

    /// Makes the guest execute the `syscall` instruction at its call site.
    pub fn make_the_call(&mut self) {
        self.rip -= SYSTEM_CALL;
    }

    /// Returns the address behind the call site.
    pub(crate) fn next(&self) -> usize {
        self.rip
    }

    /// Checks whether a call on the fast path was made that must not be made again.
    pub(crate) fn is_done(&self) -> bool {
        // The assembly of the restartable sections writes the word unseen by the compiler.
        // SAFETY: the word belongs to the frame.
        unsafe { (&raw const self.mask).read_volatile() == DONE }
    }

    /// Puts the general registers that the guest had at its call site into a signal's context,
    /// except the instruction pointer.
    pub(crate) fn restore_registers(&self, context: &mut SignalContext) {
        let Self { r15, r14, r13, r12, rbp, rbx, r9, r8, r10, rdx, rsi, rdi, rax, flags, rsp, .. } = *self;
        let old = context.registers;
        context.registers =
            SavedRegisters { r15, r14, r13, r12, rbp, rbx, r9, r8, r10, rdx, rsi, rdi, rax, rsp, ..old };
        context.rest[0] = flags;
    }

    /// Puts all registers that the guest had at its call site into a signal's context, except the
    /// instruction pointer. The guest gets them when the handler returns.
    ///
    /// # Safety
    /// The context must be that of a signal frame. The frame must be one of the entry code that is
    /// in use, with the vector registers below it.
    pub(crate) unsafe fn restore(&self, context: &mut SignalContext) {
        self.restore_registers(context);
        // Offset of the vector registers that the kernel has saved (struct _fpstate_64,
        // asm/sigcontext.h), and the bit that says that their lower halves are among the saved
        // state.
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
        // SAFETY: the kernel's structure lies in the signal frame, and the entry code's below the
        // call frame.
        unsafe {
            core::ptr::copy_nonoverlapping(ours as *const u8, (saved + VECTORS) as *mut u8, VECTOR_BYTES);
            if ((saved + MAGIC) as *const u32).read() == MAGIC_VALUE {
                *((saved + STATE_BITS) as *mut u64) |= SSE;
            }
        }
    }
}
