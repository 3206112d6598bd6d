//! Calls that may sleep, made on the guest's own stack.
//!
//! In the handler every signal is blocked, and the slot is taken. A call that sleeps there
//! could neither be interrupted nor restarted nor cancelled. So such a call isn't made in the
//! handler at all: the handler lays a frame with the translated arguments below the guest's stack
//! pointer and points the saved instruction pointer at a `syscall` instruction in the shim.
//! Returning from the signal makes the call, as if the guest had made it itself; the code behind
//! it pops the frame. A guest handler never sees any of it: the entry code of handlers finishes the call, or takes it back
//! ([`take_back`]), and the frame is abandoned.
//!
//! # Safety
//! The frame goes below everything in use: under the red zone of the interrupted code or, where
//! the signal frame lies on the same stack, under the signal frame.
#![allow(unsafe_code)]

use newroot_abi::Errno;
use newroot_sys::arch::{self, Interrupted, RED_ZONE, ResumeFrame, SYSTEM_CALL, SignalContext};
use newroot_sys::raw;

use super::dispatch;
use crate::memory;
use crate::slots::Scratch;
use crate::trap::{GuestStack, Outcome, Trapped};

/// How much of the guest's stack a frame may take. A goroutine is sure to have some 600 bytes
/// left when it makes a system call (runtime/internal/sys: StackGuardMultiplier).
pub const SMALL: usize = 512;

const PAGE: usize = 4096;

/// When to come back to the handler after the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Afterwards {
    /// Never: its result is the guest's.
    Never = 0,
    /// Always.
    Always = 1,
    /// If it answered ELOOP, or what [`Self::OnRefusal`] is for.
    OnLoop = 2,
    /// If it answered ENXIO, as a socket does that stands for a device, or EACCES.
    OnRefusal = 3,
    /// If it is a wait that found a stop: the byte at the note's first word, plus the note's second, is zero.
    OnStop = 4,
}

/// A frame under construction on the guest's stack.
#[derive(Debug)]
pub struct Builder {
    stack: GuestStack,
    bottom: usize,
}

impl Builder {
    /// Starts below everything in use.
    #[must_use]
    pub fn new(call: &Trapped<'_>) -> Self {
        Self { stack: call.stack, bottom: call.stack.top & !15 }
    }

    /// Makes room for `len` bytes; the result is their address.
    fn room(&mut self, len: usize) -> Result<usize, Errno> {
        let at = self.bottom.checked_sub(len).ok_or(Errno::FAULT)? & !15;
        if at < self.stack.limit {
            return Err(Errno::FAULT);
        }
        if at < self.stack.known {
            memory::check_writable(at, self.stack.known.min(self.bottom) - at)?;
            self.stack.known = at & !(PAGE - 1);
        }
        self.bottom = at;
        Ok(at)
    }

    /// Whether a frame with `len` more bytes is sure to fit, and with it the way back.
    #[must_use]
    pub fn fits(&self, len: usize, afterwards: Afterwards) -> bool {
        let used = self.stack.top - self.bottom + len + size_of::<Frame>() + RED_ZONE;
        let back = if afterwards == Afterwards::Never { 0 } else { self.stack.trap };
        let lowest = self.stack.top.saturating_sub(used + back);
        lowest >= self.stack.limit && (self.stack.roomy || used <= SMALL)
    }

    /// Lays down bytes; the result is their address.
    ///
    /// # Errors
    /// EFAULT if the stack is at its end.
    pub fn push(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        let at = self.room(bytes.len())?;
        memory::copy_owned(at, bytes);
        Ok(at)
    }

    /// Lays down words; the result is their address.
    ///
    /// # Errors
    /// EFAULT if the stack is at its end.
    pub fn push_words<const N: usize>(&mut self, words: [usize; N]) -> Result<usize, Errno>
    where
        [usize; N]: memory::Plain,
    {
        let at = self.room(size_of_val(&words))?;
        memory::store_owned(at, &words);
        Ok(at)
    }

    /// Finishes the frame and points the registers at the call.
    ///
    /// # Errors
    /// EFAULT if the stack is at its end.
    pub fn finish(
        mut self,
        call: &mut Trapped<'_>,
        number: u32,
        arguments: [usize; 6],
        afterwards: Afterwards,
        note: [usize; 4],
    ) -> Result<Outcome, Errno> {
        let registers = &call.context.registers;
        let frame = Frame {
            base: ResumeFrame {
                ip: registers.ip(),
                sp: registers.sp(),
                afterwards: afterwards as usize,
                result: 0,
                arguments: call.arguments,
            },
            number: call.number,
            note,
        };
        let at = self.room(size_of::<Frame>())?;
        memory::store_owned(at, &frame);
        Ok(repeat(call, at, number, arguments))
    }

    /// Finishes the frame and points the registers at a clone(2), from which both the caller and the child come back to
    /// the handler. A child with a stack of its own gets a frame there; any other must get a copy of the caller's memory.
    ///
    /// # Errors
    /// EFAULT if a stack is at its end.
    pub fn finish_clone(
        self,
        call: &mut Trapped<'_>,
        mut arguments: [usize; 6],
        note: [usize; 4],
    ) -> Result<Outcome, Errno> {
        let [_, stack, ..] = arguments;
        let mut child = None;
        if stack != 0 {
            let at = stack.checked_sub(size_of::<Frame>()).ok_or(Errno::FAULT)? & !15;
            memory::check_writable(at, size_of::<Frame>())?;
            arguments[1] = at;
            child = Some(at);
        }
        let outcome = self.finish(call, raw::__NR_clone, arguments, Afterwards::Always, note)?;
        if let Some(at) = child {
            let mut frame: Frame = memory::owned_value(call.context.registers.sp());
            frame.base.sp = stack;
            memory::store_owned(at, &frame);
        }
        Ok(outcome)
    }
}

/// What lies at the stack pointer during a resumed call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    base: ResumeFrame,
    /// The call the guest made.
    number: usize,
    /// What the code that comes back wants to know.
    note: [usize; 4],
}
// SAFETY: words only.
unsafe impl memory::Plain for Frame {}

const _: () = {
    assert!(core::mem::offset_of!(Frame, number) == size_of::<ResumeFrame>());
    assert!(core::mem::offset_of!(Frame, note) == arch::NOTE);
};

/// Has the guest make a call from the frame at `at`. A call that came back can be made once more: [`unwind`] took the
/// frame off the stack in this very trap, and it is still whole.
pub fn repeat(call: &mut Trapped<'_>, at: usize, number: u32, arguments: [usize; 6]) -> Outcome {
    let registers = &mut call.context.registers;
    registers.set_sp(at);
    registers.set_ip(arch::resume());
    registers.set_arguments(arguments);
    registers.set_number(number);
    Outcome::Continue
}

/// Takes the frame off the stack when a resumed call comes back: afterwards the registers
/// are the guest's own again. The result is the call's result and the note.
///
/// # Errors
/// EFAULT, ENOSYS if it isn't a resumed call that comes back.
pub fn unwind(call: &mut Trapped<'_>) -> Result<(isize, [usize; 4]), Errno> {
    if call.context.registers.ip() != arch::afterwards() {
        return Err(Errno::NOSYS);
    }
    let frame: Frame = memory::read(call.context.registers.sp())?;
    call.number = frame.number;
    call.arguments = frame.base.arguments;
    let registers = &mut call.context.registers;
    registers.set_arguments(frame.base.arguments);
    registers.set_ip(frame.base.ip);
    registers.set_sp(frame.base.sp);
    Ok((frame.base.result, frame.note))
}

/// The errno by which the kernel itself means that a call is to be made again (ERESTARTSYS, include/linux/errno.h). What a
/// call that comes back with it holds is given back; no guest is told it.
const RESTART: isize = -512;

/// Has a signal that came while a call was resumed find the guest at its own `syscall` instruction, about to make the call,
/// or behind it with the result.
pub fn take_back(context: &mut SignalContext, slot: usize, scratch: &mut Scratch) {
    let (at, result) = match arch::interrupted(&context.registers) {
        None => return,
        Some(Interrupted::Leaving(ip)) => return context.registers.set_ip(ip),
        Some(Interrupted::Before(frame)) => (frame, None),
        Some(Interrupted::After(frame, result)) => (frame, Some(result)),
    };
    // What can't be read any more can't be gone on with either.
    let Ok(frame) = memory::read::<Frame>(at) else { return };
    let result = match result {
        Some(result) if !frame.comes_back_after(result) => Some(result),
        // An open that was refused is begun anew: it may have to sleep once more.
        Some(result) if result < 0 && dispatch::is_open(frame.number) => {
            (result == Errno::INTR.to_return()).then_some(result)
        }
        result => match frame.come_back(at, result.unwrap_or(RESTART), context.mask, slot, scratch) {
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

impl Frame {
    /// Whether the call comes back to the handler with this result; the resume code knows the same.
    fn comes_back_after(&self, result: isize) -> bool {
        let is_refusal = matches!(Errno::check(result), Err(Errno::NXIO | Errno::ACCES));
        let is_loop = result == Errno::LOOP.to_return();
        match self.base.afterwards {
            always if always == Afterwards::Always as usize => true,
            on_loop if on_loop == Afterwards::OnLoop as usize => is_loop || is_refusal,
            on_refusal if on_refusal == Afterwards::OnRefusal as usize => is_refusal,
            on_stop if on_stop == Afterwards::OnStop as usize => {
                let [at, less, ..] = self.note;
                let state = memory::read::<u8>(at).map_or(0, usize::from);
                result >= 0 && state.wrapping_add(less) == 0
            }
            _ => false,
        }
    }

    /// Does what is done when the call comes back.
    fn come_back(&self, at: usize, result: isize, mask: u64, slot: usize, scratch: &mut Scratch) -> Outcome {
        let mut context = SignalContext::new(Default::default(), mask);
        let mut call = Trapped {
            context: &mut context,
            number: self.number,
            arguments: self.base.arguments,
            slot,
            // Nothing may be laid on it: a handler is about to run.
            stack: GuestStack::NONE,
        };
        dispatch::finish(&mut call, scratch, at, result, self.note)
    }
}
