//! Handles signals that come while a call sleeps on the guest's own stack
//! ([`resume`](crate::call::resume)).

use newroot_abi::Errno;
use newroot_sys::arch::{self, Interrupted, SYSTEM_CALL, SignalContext};

use super::dispatch;
use crate::call::resume::Frame;
use crate::call::{GuestStack, Outcome, Trapped};
use crate::memory;
use crate::slots::Scratch;

/// The errno by which the kernel asks for a restart of the call (ERESTARTSYS,
/// include/linux/errno.h). Everything that a call holds is released when it comes back with this
/// errno. A guest never sees it.
const RESTART: isize = -512;

/// Undoes or finishes a resumed call, so that a signal's handler finds the guest at its own
/// `syscall` instruction, about to make the call, or behind it with the result.
pub(super) fn resumed(context: &mut SignalContext, slot: usize, scratch: &mut Scratch) {
    let (at, result) = match arch::interrupted(&context.registers) {
        None => return,
        Some(Interrupted::Leaving(ip)) => return context.registers.set_ip(ip),
        Some(Interrupted::Before(frame)) => (frame, None),
        Some(Interrupted::After(frame, result)) => (frame, Some(result)),
    };
    // If the frame can't be read, the call can't be finished.
    let Ok(frame) = memory::read::<Frame>(at) else { return };
    let result = match result {
        Some(result) if !frame.comes_back_after(result) => Some(result),
        // A refused open starts again, because it may have to sleep once more.
        Some(result) if result < 0 && dispatch::is_open(frame.number) => {
            (result == Errno::INTR.to_return()).then_some(result)
        }
        result => match come_back(&frame, at, result.unwrap_or(RESTART), context.mask, slot, scratch) {
            Outcome::Done(done) if result.is_some() => Some(done),
            _ => None,
        },
    };
    let registers = &mut context.registers;
    registers.set_arguments(frame.base.arguments);
    registers.set_sp(frame.base.sp);
    match result {
        Some(result) => {
            registers.set_result(result);
            registers.set_ip(frame.base.ip);
        }
        None => {
            registers.set_number(frame.number as u32);
            registers.set_ip(frame.base.ip - SYSTEM_CALL);
        }
    }
}

/// Runs the code for a call that came back.
fn come_back(
    frame: &Frame,
    at: usize,
    result: isize,
    mask: u64,
    slot: usize,
    scratch: &mut Scratch,
) -> Outcome {
    let mut context = SignalContext::new(Default::default(), mask);
    let mut call = Trapped {
        context: &mut context,
        number: frame.number,
        arguments: frame.base.arguments,
        slot,
        // Nothing may be put on it, because a handler is about to run.
        stack: GuestStack::NONE,
    };
    dispatch::finish(&mut call, scratch, at, result, frame.note)
}
