//! The ptrace(2) requests that the shim itself makes for a tracee.
//!
//! # Safety
//! Each structure that the kernel fills lives for its call, and is as large as the request
//! requires.
#![allow(unsafe_code)]

use newroot_abi::Errno;
use newroot_sys::arch::tracee::TraceeRegisters;
use newroot_sys::arch::{self, ResumeFrame};
use newroot_sys::filter::MARK;
use newroot_sys::table::SIGSYS;
use newroot_sys::{raw, syscall};

use super::request;
use crate::call::shim_range;
use crate::{memory, patch};

/// Number, errno and code of a signal, from the beginning of a `siginfo_t`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Info {
    /// The signal's number.
    pub(super) signal: u32,
    /// `si_errno`.
    pub(super) errno: i32,
    /// `si_code`.
    pub(super) code: i32,
    /// `si_syscall` of a signal that a filter sent.
    pub(super) call: u32,
}

const SYS_SECCOMP: i32 = 1;

impl Info {
    fn of(words: &[u32]) -> Self {
        let word = |index: usize| words.get(index).copied().unwrap_or(0);
        Self { signal: word(0), errno: word(1) as i32, code: word(2) as i32, call: word(6) }
    }

    /// Returns whether the signal is a trap by newroot's filter.
    #[must_use]
    pub(super) fn is_ours(&self) -> bool {
        self.signal == SIGSYS && self.code == SYS_SECCOMP && self.errno == i32::from(MARK)
    }
}

/// Size of a `siginfo_t` in words of 32 bits.
const INFO: usize = 32;

/// A tracee of the calling thread, by its thread number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tracee(pub(super) u32);

impl Tracee {
    fn ask(self, request: u32, address: usize, data: usize) -> Result<usize, Errno> {
        // SAFETY: see the head of the file.
        unsafe { syscall!(raw::__NR_ptrace, request, self.0, address, data) }
    }

    pub(super) fn registers(self) -> Result<TraceeRegisters, Errno> {
        let mut registers = TraceeRegisters::default();
        self.ask(request::GETREGS, 0, &raw mut registers as usize)?;
        Ok(registers)
    }

    pub(super) fn set_registers(self, registers: &TraceeRegisters) {
        let _ = self.ask(request::SETREGS, 0, core::ptr::from_ref(registers) as usize);
    }

    pub(super) fn info(self) -> Option<Info> {
        let mut words = [0u32; INFO];
        self.ask(request::GETSIGINFO, 0, words.as_mut_ptr() as usize).ok()?;
        Some(Info::of(&words))
    }

    /// Returns whether a trap by newroot's filter is pending.
    pub(super) fn has_trapped(self) -> bool {
        for offset in 0u64.. {
            // struct ptrace_peeksiginfo_args: offset, flags, count.
            let what = [offset, 1 << 32];
            let mut words = [0u32; INFO];
            let (at, out) = (what.as_ptr() as usize, words.as_mut_ptr() as usize);
            match self.ask(request::PEEKSIGINFO, at, out) {
                Ok(1) if Info::of(&words).is_ours() => return true,
                Ok(1) => {}
                _ => return false,
            }
        }
        false
    }

    pub(super) fn message(self) -> usize {
        let mut message = 0usize;
        let _ = self.ask(request::GETEVENTMSG, 0, &raw mut message as usize);
        message
    }

    pub(super) fn set_options(self, options: u32) {
        let _ = self.ask(request::SETOPTIONS, 0, options as usize);
    }

    /// Restarts the tracee. If it was killed meanwhile, the next wait reports that.
    pub(super) fn restart(self, how: u32, signal: u32) {
        let _ = self.ask(how, 0, signal as usize);
    }

    pub(super) fn interrupt(self) {
        let _ = self.ask(request::INTERRUPT, 0, 0);
    }

    /// Sends a signal to the tracee, and to no other thread.
    pub(super) fn send(self, signal: u32) {
        // SAFETY: plain numbers.
        let _ = unsafe { syscall!(raw::__NR_tkill, self.0, signal) };
    }

    /// Returns its signal mask.
    pub(super) fn mask(self) -> Result<u64, Errno> {
        let mut mask = 0u64;
        self.ask(request::GETSIGMASK, size_of::<u64>(), &raw mut mask as usize)?;
        Ok(mask)
    }

    /// Sets its signal mask.
    pub(super) fn set_mask(self, mask: u64) {
        let _ = self.ask(request::SETSIGMASK, size_of::<u64>(), &raw const mask as usize);
    }

    /// Writes a word of its memory.
    pub(super) fn set_word(self, address: usize, word: usize) {
        let _ = self.ask(request::POKEDATA, address, word);
    }

    /// Returns a word of its memory.
    pub(super) fn word(self, address: usize) -> Result<usize, Errno> {
        let mut word = 0usize;
        self.ask(request::PEEKDATA, address, &raw mut word as usize)?;
        Ok(word)
    }

    /// Makes calls from patched call sites trap, or no longer trap, if the tracee is a process with
    /// a shim.
    pub(super) fn bypass_patches(self, on: bool) {
        const HEAD: usize = 4;
        let start = shim_range().start as usize;
        let same = (0..HEAD)
            .map(|index| start + index * size_of::<usize>())
            .all(|at| self.word(at).is_ok_and(|word| word == memory::read_checked(at)));
        if same {
            self.set_word(patch::bypass(), usize::from(on));
        }
    }

    /// Returns a byte of its memory.
    pub(super) fn byte(self, address: usize) -> Result<u8, Errno> {
        let within = address % size_of::<usize>();
        Ok((self.word(address - within)? >> (8 * within)) as u8)
    }

    /// Returns the frame of a call that sleeps, the number of the guest's call, and the note's
    /// first two words.
    pub(super) fn frame(self, at: usize) -> Result<(ResumeFrame, usize, [usize; 2]), Errno> {
        const NOTE: usize = arch::NOTE / size_of::<usize>();
        let mut words = [0usize; NOTE + 2];
        for (index, place) in words.iter_mut().enumerate() {
            *place = self.word(at + index * size_of::<usize>())?;
        }
        let [ip, sp, afterwards, result, a, b, c, d, e, f, number, first, second] = words;
        let arguments = [a, b, c, d, e, f];
        let frame = ResumeFrame { ip, sp, afterwards, result: result as isize, arguments };
        Ok((frame, number, [first, second]))
    }
}
