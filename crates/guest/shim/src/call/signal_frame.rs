//! The kernel's signal frame of a SIGSYS, on the stack that the guest's own handler runs on.
//!
//! The shim's handler runs on the alternate stack if there is one, because the interrupted stack
//! may be a goroutine's. A guest handler that didn't ask for the alternate stack (SA_ONSTACK) must
//! find the frame on the interrupted stack.
//!
//! # Safety
//! The kernel made the frame, and no other code has a reference to it yet.
#![allow(unsafe_code)]

use newroot_sys::arch::{SignalContext, SignalFrame};
use newroot_sys::raw;

use super::forward;
use crate::{kernel, memory};

/// Makes the handler return through the guest's own restorer. Its rt_sigreturn(2) traps.
pub fn return_by(context: &mut SignalContext, restorer: usize) {
    // SAFETY: the kernel's frame begins with the return address, which is the shim's restorer.
    unsafe { (core::ptr::from_mut(context).cast::<usize>()).sub(1).write(restorer) };
}

/// Moves the frame that contains `context` from the alternate stack to the interrupted one, if that
/// is another stack. Returns the number to add to the frame's addresses. Returns `None` if the
/// frame doesn't fit: then the process gets a SIGSEGV, as from the kernel (force_sigsegv() in
/// kernel/signal.c).
pub fn leave_alternate_stack(context: &mut SignalContext) -> Option<usize> {
    if !context.is_on_alternate_stack() || context.alternate_stack() != 0 {
        return Some(0);
    }
    // SAFETY: see the head of the file.
    let frame = unsafe { SignalFrame::of(context) };
    let (start, len) = frame.place();
    if memory::check_writable(start, len).is_err() {
        let arguments =
            [kernel::getpid() as usize, kernel::gettid() as usize, raw::SIGSEGV as usize, 0, 0, 0];
        let _ = forward(raw::__NR_tgkill, arguments);
        return None;
    }
    // SAFETY: the range was found writable.
    Some(unsafe { frame.move_to() })
}
