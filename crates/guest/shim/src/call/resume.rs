//! Calls that may sleep, made on the guest's own stack.
//!
//! In the handler every signal is blocked, and the slot is taken. A call that sleeps there could
//! neither be interrupted nor restarted nor cancelled. So the handler doesn't make such a call. It
//! lays a frame with the translated arguments below the guest's stack pointer, and points the saved
//! instruction pointer at a `syscall` instruction in the shim. Returning from the signal makes the
//! call, as if the guest had made it itself, and the code behind it pops the frame. A guest handler
//! sees none of this: the entry code of handlers finishes the call, or takes it back
//! (`trap::take_back`), and the frame is abandoned.
//!
//! # Safety
//! The frame goes below everything in use: under the red zone of the interrupted code or, where the
//! signal frame lies on the same stack, under the signal frame.
#![allow(unsafe_code)]

use newroot_abi::Errno;
use newroot_sys::arch::{self, RED_ZONE, ResumeFrame};
use newroot_sys::raw;

use super::outcome::Outcome;
use super::stack::GuestStack;
use super::trapped::Trapped;
use crate::memory;

/// Bytes of the guest's stack that a frame may take. A goroutine has at least some 600 bytes left
/// when it makes a system call (runtime/internal/sys: StackGuardMultiplier).
pub const SMALL: usize = 512;

const PAGE: usize = 4096;

/// When a call comes back to the handler after it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Afterwards {
    /// Never: the guest gets the result unchanged.
    Never = 0,
    /// Always.
    Always = 1,
    /// If the result is ELOOP, or one that [`Self::OnRefusal`] has.
    OnLoop = 2,
    /// If the result is EACCES, or ENXIO, which a socket that stands for a device gives.
    OnRefusal = 3,
    /// If it is a wait that found a stop: the sum of the byte that the note's first word points to
    /// and the note's second word is zero.
    OnStop = 4,
}

/// A frame under construction on the guest's stack.
#[derive(Debug)]
pub struct Builder {
    stack: GuestStack,
    bottom: usize,
}

impl Builder {
    /// Starts a frame below everything that is in use.
    #[must_use]
    pub fn new(call: &Trapped<'_>) -> Self {
        Self { stack: call.stack, bottom: call.stack.top & !15 }
    }

    /// Reserves `len` bytes; returns their address.
    ///
    /// # Errors
    /// EFAULT if the stack has no space for them.
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

    /// Returns whether a frame with `len` more bytes certainly fits, together with the stack that
    /// the way back needs.
    #[must_use]
    pub fn fits(&self, len: usize, afterwards: Afterwards) -> bool {
        let used = self.stack.top - self.bottom + len + size_of::<Frame>() + RED_ZONE;
        let back = if afterwards == Afterwards::Never { 0 } else { self.stack.trap };
        let lowest = self.stack.top.saturating_sub(used + back);
        lowest >= self.stack.limit && (self.stack.roomy || used <= SMALL)
    }

    /// Pushes bytes; returns their address.
    ///
    /// # Errors
    /// EFAULT if the stack has no space for them.
    pub fn push(&mut self, bytes: &[u8]) -> Result<usize, Errno> {
        let at = self.room(bytes.len())?;
        memory::copy_owned(at, bytes);
        Ok(at)
    }

    /// Pushes words; returns their address.
    ///
    /// # Errors
    /// EFAULT if the stack has no space for them.
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
    /// EFAULT if the stack has no space for it.
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

    /// Finishes the frame and points the registers at a clone(2), from which both the caller and
    /// the child come back to the handler. A child with its own stack gets a frame there. A child
    /// without one must get a copy of the caller's memory.
    ///
    /// # Errors
    /// EFAULT if a stack has no space for a frame.
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

/// The words at the stack pointer during a resumed call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// The part that the resume code knows.
    pub base: ResumeFrame,
    /// Number of the call that the guest made.
    pub number: usize,
    /// Data for the code that handles the return.
    pub note: [usize; 4],
}
// SAFETY: words only.
unsafe impl memory::Plain for Frame {}

const _: () = {
    assert!(core::mem::offset_of!(Frame, number) == size_of::<ResumeFrame>());
    assert!(core::mem::offset_of!(Frame, note) == arch::NOTE);
};

/// Makes the guest make a call from the frame at `at`. A call that came back can be made again:
/// [`unwind`] took the frame off the stack in the same trap, and its contents are still intact.
pub fn repeat(call: &mut Trapped<'_>, at: usize, number: u32, arguments: [usize; 6]) -> Outcome {
    let registers = &mut call.context.registers;
    registers.set_sp(at);
    registers.set_ip(arch::resume());
    registers.set_arguments(arguments);
    registers.set_number(number);
    Outcome::Continue
}

/// Takes the frame off the stack when a resumed call comes back, and restores the guest's
/// registers. Returns the call's result and the note.
///
/// # Errors
/// ENOSYS if it isn't a resumed call that comes back; EFAULT if the frame can't be read.
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

impl Frame {
    /// Returns whether the call comes back to the handler with this result. The resume code decides
    /// by the same rules.
    #[must_use]
    pub fn comes_back_after(&self, result: isize) -> bool {
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
}
