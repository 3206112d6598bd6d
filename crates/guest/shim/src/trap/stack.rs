//! The guest's stack at the moment of a call: where something may be laid on it.

use newroot_sys::arch::{CALL_AREA, RED_ZONE, SignalContext};

const PAGE: usize = 4096;
/// Signal frames are a few KiB, with wide vector registers up to twelve.
const LARGEST_SIGNAL_FRAME: usize = 64 * 1024;
/// Bytes that the entry code pushes below a signal frame.
const ENTRY_PUSHES: usize = 128;

/// The part of a guest's stack that is free.
#[derive(Clone, Copy, Debug)]
pub struct GuestStack {
    /// Below this address nothing is in use.
    pub top: usize,
    /// From here up to `top` the stack is known to be there.
    pub known: usize,
    /// Below this address it isn't the stack any more; 0 if that isn't known.
    pub limit: usize,
    /// What another trap would take of it: a signal frame, and what the entry code pushes.
    pub trap: usize,
    /// There is room for more than a few hundred bytes: the kernel found as much for a signal frame,
    /// or it is a C library's code that runs.
    pub roomy: bool,
}

impl GuestStack {
    /// No stack: nothing fits.
    pub(super) const NONE: Self = Self { top: 0, known: 0, limit: usize::MAX, trap: 0, roomy: false };

    /// Below the code that a signal interrupted.
    pub(super) fn under_signal(context: &SignalContext) -> Self {
        let sp = context.registers.sp();
        let limit = context.alternate_stack();
        let signal_frame = core::ptr::from_ref(context) as usize;
        if signal_frame < sp && sp - signal_frame < LARGEST_SIGNAL_FRAME {
            let known = signal_frame & !(PAGE - 1);
            let top = signal_frame - ENTRY_PUSHES;
            return Self { top, known, limit, trap: sp - top, roomy: true };
        }
        // The signal came on the alternate stack; where the interrupted code has its own, it has just written.
        Self { top: sp - RED_ZONE, known: sp & !(PAGE - 1), limit, trap: 0, roomy: false }
    }

    /// Below the frame that the entry code for patched call sites has just written.
    pub(super) fn under_call(frame: usize) -> Self {
        let top = frame - CALL_AREA;
        Self { top, known: top & !(PAGE - 1), limit: 0, trap: 0, roomy: true }
    }
}
