//! The return from the shim's code to the guest's, for a signal that arrives in between.
//!
//! A handler of the guest may read the registers that its signal saved: C libraries cancel threads
//! by them, and emulators restart system calls. The handler must never find the shim's registers
//! there. If a signal arrives on the path from a patched call site to the kernel or back, this
//! module therefore puts the guest's own registers into the signal's context. The guest then
//! appears either about to execute its `syscall` instruction, or behind it with the result.
//!
//! # Safety
//! The context must be that of a signal frame of the calling thread. The comments in
//! [`entry_points`](crate::entry_points) describe what the code has in registers and on the stack
//! at each label.
#![allow(unsafe_code)]

use super::restartable::{self, Begun};
use super::{CallFrame, SYSTEM_CALL, SignalContext, calls, handler_of_entry, site};

unsafe extern "C" {
    fn newroot_call_entry();
    fn newroot_careful_entry();
    fn newroot_careful_pushed();
    fn newroot_careful_popped();
    fn newroot_careful_other();
    fn newroot_careful_leave();
    fn newroot_call_framed();
    fn newroot_call_saved();
    fn newroot_fast_returned();
    fn newroot_fast_bypassed();
    fn newroot_slow_path();
    fn newroot_call_made();
    fn newroot_call_restored();
    fn newroot_call_leave();
    fn newroot_handlers();
    fn newroot_handlers_common();
    fn newroot_handlers_known();
    fn newroot_handlers_saving();
    fn newroot_handlers_saved();
    fn newroot_handlers_seen_to();
    fn newroot_handlers_leave();
    fn newroot_handlers_end();
    fn newroot_entry_end();
    fn _start();
}

macro_rules! address {
    ($label:ident) => {
        $label as *const () as usize
    };
}

/// Bytes of the guest's stack that are searched for the frame of the fast path: more than its code
/// ever uses.
pub const FAST_STACK: usize = 6 * 1024;

/// A guest handler that was about to be entered when another signal arrived.
#[derive(Clone, Copy, Debug)]
pub struct Entering {
    /// Number of the handler's signal.
    pub signal: usize,
    /// Context of the handler's signal.
    pub context: *mut SignalContext,
    /// Whether the shim has fixed that context already.
    pub is_seen_to: bool,
}

/// Moves the interrupted context to the beginning of a guest handler, if the signal arrived while
/// the entry code was about to enter that handler for another signal. `handler` returns the address
/// of the guest handler with an index.
///
/// # Safety
/// The context must be that of a signal frame of the calling thread.
pub unsafe fn enter_handler(
    context: &mut SignalContext,
    handler: impl FnOnce(usize) -> usize,
) -> Option<Entering> {
    let registers = &mut context.registers;
    let ip = registers.rip;
    if !(address!(newroot_handlers)..address!(newroot_handlers_end)).contains(&ip) {
        return None;
    }
    let mut is_seen_to = false;
    if (address!(newroot_handlers_saved)..address!(newroot_handlers_leave)).contains(&ip) {
        // The pushed words are still there, at most in the red zone.
        // SAFETY: r12 points to them.
        let [_, handler, context, info, signal, ..] = unsafe { *(registers.r12 as *const [usize; 8]) };
        (registers.rdi, registers.rsi, registers.rdx, registers.rip) = (signal, info, context, handler);
        registers.rsp = registers.r12 + size_of::<[usize; 8]>();
        is_seen_to = ip >= address!(newroot_handlers_seen_to);
    } else {
        // The kernel's arguments are still in their registers.
        if (address!(newroot_handlers_saving)..address!(newroot_handlers_saved)).contains(&ip) {
            registers.rsp = registers.r8;
        }
        registers.rip = if ip < address!(newroot_handlers_common) {
            handler(handler_of_entry(ip)?)
        } else if ip < address!(newroot_handlers_known) {
            handler(registers.rax)
        } else {
            is_seen_to = ip == address!(newroot_handlers_leave);
            registers.r11
        };
    }
    registers.rax = 0;
    Some(Entering { signal: registers.rdi, context: registers.rdx as *mut SignalContext, is_seen_to })
}

/// Puts the guest's registers into the context of a signal that arrived in the shim's code, which
/// lies in `text`, during a call from a patched call site. `stubs` returns the first address of the
/// stub that contains an address. Changes nothing while a call is resumed: see
/// [`interrupted`](super::interrupted).
///
/// # Safety
/// The context must be that of a signal frame of the calling thread, and the signal must not have
/// arrived on the stack of a slot.
pub unsafe fn take_back(
    context: &mut SignalContext,
    text: core::ops::Range<usize>,
    stubs: impl Fn(usize) -> Option<usize>,
) {
    let registers = &mut context.registers;
    let ip = registers.rip;
    if let Some(start) = stubs(ip) {
        // SAFETY: `stubs` found a stub at that address.
        registers.rip = unsafe { before_stub(ip, start) };
        return;
    }
    if !text.contains(&ip) {
        return;
    }
    // SAFETY: the caller's contract.
    match unsafe { restartable::take_back(registers) } {
        Some(Begun::Made(frame, result)) => {
            // SAFETY: the frame is in use.
            unsafe { frame.restore(context) };
            context.registers.rax = result as usize;
            context.registers.rip = frame.next();
            return;
        }
        Some(Begun::Undone(frame)) => {
            // SAFETY: the frame is in use.
            unsafe { undo(frame, context) };
            return;
        }
        None => {}
    }
    if (address!(newroot_careful_entry)..=address!(newroot_careful_leave)).contains(&ip) {
        // SAFETY: the code there has changed only what this function restores.
        return unsafe { leave_careful_entry(context) };
    }
    if (address!(newroot_call_entry)..address!(newroot_call_framed)).contains(&ip) {
        if ip != address!(newroot_call_entry) {
            registers.rsp = registers.r11;
        }
        registers.rip = registers.rcx - SYSTEM_CALL;
        return;
    }
    if (address!(newroot_call_framed)..=address!(newroot_call_leave)).contains(&ip) {
        // SAFETY: rbp points to the frame as long as the frame is in use.
        return unsafe { leave_entry(context) };
    }
    let entry = address!(_start)..address!(newroot_entry_end);
    if entry.contains(&ip) || calls::is_in_restorer(ip) || calls::interrupted(registers).is_some() {
        return;
    }
    // SAFETY: any other code of the shim that runs on a guest's stack belongs to the fast path.
    if let Some(frame) = unsafe { fast_frame(registers.rsp) } {
        // SAFETY: the frame was found.
        unsafe { settle(frame, context) };
    }
}

/// Moves the guest to its own `syscall` instruction, if a signal interrupted the restorer before it
/// made an `rt_sigreturn` in the guest's place. Returns whether it did.
pub fn leave_restorer(context: &mut SignalContext) -> bool {
    let registers = &mut context.registers;
    let found = registers.rip == calls::sigreturn();
    if found {
        // The guest's own `syscall` has set rcx to the address behind it, and nothing has changed
        // rcx since.
        registers.rip = registers.rcx - SYSTEM_CALL;
    }
    found
}

/// Moves the guest to the point before its call.
unsafe fn undo(frame: &CallFrame, context: &mut SignalContext) {
    // SAFETY: the frame is in use.
    unsafe { frame.restore(context) };
    context.registers.rip = frame.next() - SYSTEM_CALL;
}

/// Moves the guest to the point before its call, or behind it if the call was made.
unsafe fn settle(frame: &CallFrame, context: &mut SignalContext) {
    if frame.is_done() {
        // SAFETY: the frame is in use.
        unsafe { frame.restore(context) };
        context.registers.rip = frame.next();
    } else {
        // SAFETY: the frame is in use.
        unsafe { undo(frame, context) };
    }
}

/// Returns the address in the guest's code that corresponds to `ip` in the stub that begins at
/// `start`: the call site, or the `syscall` instruction itself if the stub has executed the moved
/// instruction.
unsafe fn before_stub(ip: usize, start: usize) -> usize {
    // SAFETY: the caller's contract.
    let code = unsafe { &*(start as *const [u8; site::STUB]) };
    let (moved, next) = site::origin(code, start);
    let syscall = next - SYSTEM_CALL;
    if ip == start { syscall - moved } else { syscall }
}

unsafe fn leave_careful_entry(context: &mut SignalContext) {
    let registers = &mut context.registers;
    let ip = registers.rip;
    if ip != address!(newroot_careful_entry) {
        let flags_are_kept = (address!(newroot_careful_pushed)..address!(newroot_careful_popped))
            .contains(&ip)
            || ip == address!(newroot_careful_other);
        if flags_are_kept {
            // SAFETY: the entry code has pushed them there.
            context.rest[0] = unsafe { *(registers.rsp as *const usize) };
        }
        registers.rsp = registers.r11;
    }
    let at_syscall = ip == address!(newroot_careful_leave);
    registers.rip = if at_syscall { registers.rcx } else { registers.rcx - SYSTEM_CALL };
}

unsafe fn leave_entry(context: &mut SignalContext) {
    let registers = &mut context.registers;
    let ip = registers.rip;
    if ip >= address!(newroot_call_restored) {
        if ip == address!(newroot_call_restored) {
            registers.rbp = registers.r11;
        }
        registers.rip = registers.rcx;
        return;
    }
    // SAFETY: rbp points to the frame.
    let frame = unsafe { &mut *(registers.rbp as *mut CallFrame) };
    if ip >= address!(newroot_call_made) {
        // SAFETY: the frame is in use.
        unsafe { frame.restore(context) };
        context.registers.rip = frame.next();
        return;
    }
    if ip < address!(newroot_call_saved) {
        // The vector registers still hold the guest's values, and aren't in memory yet.
        frame.restore_registers(context);
        context.registers.rip = frame.next() - SYSTEM_CALL;
        return;
    }
    let has_result =
        (address!(newroot_fast_returned)..address!(newroot_slow_path)).contains(&ip) && registers.rdx == 1;
    if has_result || ip == address!(newroot_fast_bypassed) {
        if has_result {
            frame.set_result(registers.rax as isize);
        }
        // SAFETY: the frame is in use.
        unsafe { frame.restore(context) };
        context.registers.rip = frame.next();
        return;
    }
    // SAFETY: the frame is in use.
    unsafe { undo(frame, context) };
}

/// Finds the frame of a call on the fast path whose code runs at this stack pointer. The address to
/// which the fast path returns lies on the stack, with the frame's address behind it. The search
/// clears the return address, so that no later search finds it again.
unsafe fn fast_frame(sp: usize) -> Option<&'static CallFrame> {
    let returned = address!(newroot_fast_returned);
    let sp = sp.next_multiple_of(size_of::<usize>());
    (sp..sp + FAST_STACK).step_by(size_of::<usize>()).find_map(|at| {
        // SAFETY: the fast path runs below its frame, so the search finds the frame before the
        // stack ends.
        unsafe {
            if *(at as *const usize) != returned {
                return None;
            }
            let behind = at + size_of::<usize>();
            let frame = *(behind as *const usize);
            // The frame's address is aligned to 8 bytes, the area below it to 16.
            if frame & !15 != behind + FRAME_BELOW {
                return None;
            }
            (at as *mut usize).write(0);
            Some(&*(frame as *const CallFrame))
        }
    })
}

/// Bytes between the copy of a frame's address and the frame: the copy with its padding, and the
/// vector registers.
const FRAME_BELOW: usize = super::CALL_AREA - 16;
