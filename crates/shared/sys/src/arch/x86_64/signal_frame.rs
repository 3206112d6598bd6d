//! The signal frame that the kernel writes to a stack, and its move to another stack.
//!
//! # Safety
//! The layout is that of `struct rt_sigframe` (arch/x86/include/asm/sigframe.h), with the
//! floating-point and vector state above it. The caller of [`SignalFrame::move_to`] guarantees that
//! the target can be written.
#![allow(unsafe_code)]

use super::RED_ZONE;
use super::registers::{FPSTATE, SignalContext};

/// Bytes of the restorer's address, the context and the signal's information.
const FRAME: usize = 8 + CONTEXT + 128;
/// Bytes of `struct ucontext`, up to the end of the signal mask.
const CONTEXT: usize = 304;
const _: () = assert!(core::mem::offset_of!(SignalContext, mask) + 8 == CONTEXT);

/// A signal frame, and the addresses it would have on the interrupted stack.
#[derive(Clone, Copy, Debug)]
pub struct SignalFrame {
    /// Address of the frame, which begins with the restorer's address.
    start: usize,
    /// Address and length of the floating-point and vector state.
    state: (usize, usize),
    /// Address of the frame on the interrupted stack.
    new_start: usize,
    new_state: usize,
    end: usize,
}

impl SignalFrame {
    /// Finds the frame that contains a context.
    ///
    /// # Safety
    /// The context must lie in a frame that the kernel wrote.
    #[must_use]
    pub unsafe fn of(context: &SignalContext) -> Self {
        let state = context.rest[FPSTATE];
        // SAFETY: the kernel has set the address.
        let len = if state == 0 { 0 } else { unsafe { state_len(state) } };
        let end = context.registers.sp() - RED_ZONE;
        // The kernel aligns the state to 64 bytes, and aligns the frame as if the handler had been
        // called.
        let new_state = (end - len) & !63;
        let new_start = ((new_state - FRAME) & !15) - 8;
        let start = core::ptr::from_ref(context).addr() - 8;
        Self { start, state: (state, len), new_start, new_state, end }
    }

    /// Returns the first address and the length of the area that the frame would occupy on the
    /// interrupted stack.
    #[must_use]
    pub fn place(&self) -> (usize, usize) {
        (self.new_start, self.end - self.new_start)
    }

    /// Copies the frame to the interrupted stack. Returns the offset to add to the frame's
    /// addresses.
    ///
    /// # Safety
    /// The area of [`place`](Self::place) must be writable.
    pub unsafe fn move_to(&self) -> usize {
        let Self { start, state: (state, len), new_start, new_state, .. } = *self;
        // SAFETY: the kernel's frame is readable, and by the caller's contract the target is
        // writable. They lie on different stacks.
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

/// Returns the number of bytes of the state at an address. `struct _fpx_sw_bytes` in the state
/// holds it (arch/x86/include/uapi/asm/sigcontext.h).
unsafe fn state_len(state: usize) -> usize {
    const CLASSIC: usize = 512;
    const MAGIC: usize = 464;
    const MAGIC_VALUE: u32 = 0x4650_5853;
    // SAFETY: the kernel's structure has at least 512 bytes.
    let [magic, extended] = unsafe { ((state + MAGIC) as *const [u32; 2]).read() };
    if magic == MAGIC_VALUE { (extended as usize).max(CLASSIC) } else { CLASSIC }
}
