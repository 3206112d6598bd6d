//! The kernel's signal frame of a SIGSYS, on the stack that the guest's own handler is to run on.
//!
//! The shim's handler runs on the alternate stack where there is one, for the interrupted stack may be a goroutine's. A
//! handler of the guest's that didn't ask for that (SA_ONSTACK) finds the frame on the interrupted stack.
//!
//! # Safety
//! The frame is the kernel's, and nobody else knows of it yet.
#![allow(unsafe_code)]

use newroot_sys::arch::{SignalContext, SignalFrame};
use newroot_sys::raw;

use crate::calls::forward;
use crate::{host, memory};

/// Has the handler return by the guest's own function, whose rt_sigreturn(2) traps.
pub fn return_by(context: &mut SignalContext, restorer: usize) {
    // SAFETY: the kernel's frame begins with the address to return to, which is the shim's restorer.
    unsafe { (core::ptr::from_mut(context).cast::<usize>()).sub(1).write(restorer) };
}

/// Moves the frame that a context belongs to from the alternate stack to the interrupted one, if that is another. Returns
/// what to add to its addresses; `None` if it doesn't fit: then the process gets a SIGSEGV, as from the kernel
/// (force_sigsegv() in kernel/signal.c).
pub fn leave_alternate_stack(context: &mut SignalContext) -> Option<usize> {
    if !context.is_on_alternate_stack() || context.alternate_stack() != 0 {
        return Some(0);
    }
    // SAFETY: see the head of the file.
    let frame = unsafe { SignalFrame::of(context) };
    let (start, len) = frame.place();
    if memory::check_writable(start, len).is_err() {
        let arguments = [host::getpid() as usize, host::gettid() as usize, raw::SIGSEGV as usize, 0, 0, 0];
        let _ = forward(raw::__NR_tgkill, arguments);
        return None;
    }
    // SAFETY: it was found writable.
    Some(unsafe { frame.move_to() })
}
