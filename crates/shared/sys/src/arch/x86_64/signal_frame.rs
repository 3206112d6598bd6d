//! The signal frame that the kernel lays on a stack, and how it is moved to another one.
//!
//! # Safety
//! The layout is that of `struct rt_sigframe` (arch/x86/include/asm/sigframe.h), with the floating-point and vector
//! state above it. The caller of [`SignalFrame::move_to`] has made sure that the new place can be written.
#![allow(unsafe_code)]

use super::RED_ZONE;
use super::registers::{FPSTATE, SignalContext};

/// Bytes of the restorer's address, the context and the signal's information.
const FRAME: usize = 8 + CONTEXT + 128;
/// Bytes of `struct ucontext`, up to the end of the signal mask.
const CONTEXT: usize = 304;
const _: () = assert!(core::mem::offset_of!(SignalContext, mask) + 8 == CONTEXT);

/// A frame, and where it would lie on the interrupted stack.
#[derive(Clone, Copy, Debug)]
pub struct SignalFrame {
    /// Address of the restorer's address, with which the frame begins.
    start: usize,
    /// Address and length of the floating-point and vector state.
    state: (usize, usize),
    /// The same two addresses on the interrupted stack.
    new_start: usize,
    new_state: usize,
    end: usize,
}

impl SignalFrame {
    /// Returns the frame that a context belongs to.
    ///
    /// # Safety
    /// The context lies in a frame of the kernel's.
    #[must_use]
    pub unsafe fn of(context: &SignalContext) -> Self {
        let state = context.rest[FPSTATE];
        // SAFETY: the kernel's address.
        let len = if state == 0 { 0 } else { unsafe { state_len(state) } };
        let end = context.registers.sp() - RED_ZONE;
        // The kernel aligns the state to 64 bytes, and the frame so that the handler finds it as if it was called.
        let new_state = (end - len) & !63;
        let new_start = ((new_state - FRAME) & !15) - 8;
        let start = core::ptr::from_ref(context).addr() - 8;
        Self { start, state: (state, len), new_start, new_state, end }
    }

    /// First address and length of what it would take of the interrupted stack.
    #[must_use]
    pub fn place(&self) -> (usize, usize) {
        (self.new_start, self.end - self.new_start)
    }

    /// Copies the frame to the interrupted stack; the result is what to add to its addresses.
    ///
    /// # Safety
    /// [`place`](Self::place) can be written.
    pub unsafe fn move_to(&self) -> usize {
        let Self { start, state: (state, len), new_start, new_state, .. } = *self;
        // SAFETY: the kernel's frame, and the caller's contract. They are on different stacks.
        unsafe {
            core::ptr::copy_nonoverlapping(start as *const u8, new_start as *mut u8, FRAME);
            core::ptr::copy_nonoverlapping(state as *const u8, new_state as *mut u8, len);
            let context = &mut *((new_start + 8) as *mut SignalContext);
            if len != 0 {
                context.rest[FPSTATE] = new_state;
            }
        }
        new_start.wrapping_sub(start)
    }
}

/// Bytes of the state at an address: `struct _fpx_sw_bytes` in it tells (arch/x86/include/uapi/asm/sigcontext.h).
unsafe fn state_len(state: usize) -> usize {
    const CLASSIC: usize = 512;
    const MAGIC: usize = 464;
    const MAGIC_VALUE: u32 = 0x4650_5853;
    // SAFETY: the kernel's structure of at least 512 bytes.
    let [magic, extended] = unsafe { ((state + MAGIC) as *const [u32; 2]).read() };
    if magic == MAGIC_VALUE { (extended as usize).max(CLASSIC) } else { CLASSIC }
}
