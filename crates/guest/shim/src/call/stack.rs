//! The guest's stack at the moment of a call, and the part of it that may be used.

use newroot_sys::arch::{CALL_AREA, RED_ZONE, SignalContext};

const PAGE: usize = 4096;
/// Upper limit for a signal frame's size: usually a few KiB, with wide vector registers up to 12
/// KiB.
const LARGEST_SIGNAL_FRAME: usize = 64 * 1024;
/// Bytes that the entry code pushes below a signal frame.
const ENTRY_PUSHES: usize = 128;

/// The free part of a guest's stack.
#[derive(Clone, Copy, Debug)]
pub struct GuestStack {
    /// Address below which nothing is in use.
    pub top: usize,
    /// Address from which on, up to `top`, the stack is known to be mapped.
    pub known: usize,
    /// Lowest address of the stack; 0 if it isn't known.
    pub limit: usize,
    /// Bytes that another trap would take: a signal frame, and the words that the entry code
    /// pushes.
    pub trap: usize,
    /// Whether more than a few hundred bytes are free: the kernel found that much for a signal
    /// frame, or a C library's code is running.
    pub roomy: bool,
}

impl GuestStack {
    /// No stack: nothing fits.
    pub const NONE: Self = Self { top: 0, known: 0, limit: usize::MAX, trap: 0, roomy: false };

    /// Returns the stack below the code that a signal interrupted.
    pub fn under_signal(context: &SignalContext) -> Self {
        let sp = context.registers.sp();
        let limit = context.alternate_stack();
        let signal_frame = core::ptr::from_ref(context) as usize;
        if signal_frame < sp && sp - signal_frame < LARGEST_SIGNAL_FRAME {
            let known = signal_frame & !(PAGE - 1);
            let top = signal_frame - ENTRY_PUSHES;
            return Self { top, known, limit, trap: sp - top, roomy: true };
        }
        // The signal arrived on the alternate stack. At the top of its own stack the interrupted
        // code has just written, so that page is mapped.
        Self { top: sp - RED_ZONE, known: sp & !(PAGE - 1), limit, trap: 0, roomy: false }
    }

    /// Returns the stack below the frame that the entry code for patched call sites has just
    /// written.
    pub fn under_call(frame: usize) -> Self {
        let top = frame - CALL_AREA;
        Self { top, known: top & !(PAGE - 1), limit: 0, trap: 0, roomy: true }
    }
}
