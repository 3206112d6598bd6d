//! The registers of another process, as its tracer reads and changes them.

use super::{ResumeFrame, SYSTEM_CALL, calls};
use crate::raw;

/// `struct user_regs_struct` (arch/x86/include/asm/user_64.h).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs)] // each field is the register of that name
pub struct TraceeRegisters {
    r15: usize,
    r14: usize,
    r13: usize,
    r12: usize,
    rbp: usize,
    rbx: usize,
    r11: usize,
    r10: usize,
    r9: usize,
    r8: usize,
    rax: usize,
    rcx: usize,
    rdx: usize,
    rsi: usize,
    rdi: usize,
    orig_rax: usize,
    rip: usize,
    cs: usize,
    eflags: usize,
    rsp: usize,
    rest: [usize; 7],
}

const _: () = assert!(size_of::<TraceeRegisters>() == 27 * size_of::<usize>());

/// Flags of a program that starts: the interrupt flag and the bit that is always set.
const FIRST_FLAGS: usize = 0x202;

const TRAP_FLAG: usize = 0x100;

/// The machine code of `pushfq`.
pub const PUSH_FLAGS: u8 = 0x9c;
/// The machine code of `popfq`.
pub const POP_FLAGS: u8 = 0x9d;

impl TraceeRegisters {
    /// Returns the instruction pointer.
    #[must_use]
    pub fn ip(&self) -> usize {
        self.rip
    }

    /// Returns the stack pointer.
    #[must_use]
    pub fn sp(&self) -> usize {
        self.rsp
    }

    /// Returns the number of the system call that the tracee is in, or -1.
    #[must_use]
    pub fn number(&self) -> usize {
        self.orig_rax
    }

    /// Sets the number of the system call that the tracee is in.
    pub fn set_number(&mut self, number: usize) {
        self.orig_rax = number;
    }

    /// Returns the result of a system call at its exit stop.
    #[must_use]
    pub fn result(&self) -> isize {
        self.rax as isize
    }

    /// Sets the result of a system call at its exit stop.
    pub fn set_result(&mut self, result: isize) {
        self.rax = result as usize;
    }

    fn set_arguments(&mut self, to: [usize; 6]) {
        [self.rdi, self.rsi, self.rdx, self.r10, self.r8, self.r9] = to;
    }

    /// Moves the guest to the point before the call of a resume frame: at its own `syscall`
    /// instruction.
    pub fn before_call(&mut self, frame: &ResumeFrame, number: usize) {
        self.set_arguments(frame.arguments);
        self.rip = frame.ip - SYSTEM_CALL;
        self.rsp = frame.sp;
        self.rax = number;
        self.orig_rax = usize::MAX;
    }

    /// Moves the guest to the point behind the call of a resume frame, with the result that the
    /// registers hold.
    pub fn behind_call(&mut self, frame: &ResumeFrame, number: usize) {
        self.set_arguments(frame.arguments);
        self.rip = frame.ip;
        self.rsp = frame.sp;
        if self.orig_rax != usize::MAX {
            self.orig_rax = number;
        }
    }

    /// Moves the guest to its program's first instruction, at the end of the execve(2) with this
    /// number. The registers must be those at [`entered`](super::entered).
    pub fn at_first_instruction(&mut self, number: usize) {
        *self = Self {
            rip: self.r12,
            rsp: self.r13,
            orig_rax: number,
            eflags: FIRST_FLAGS,
            cs: self.cs,
            rest: self.rest,
            ..Self::default()
        };
    }

    /// Emulates a `pushfq` at the instruction pointer. It leaves out the trap flag, which a single
    /// step would push as well. Returns the word that the caller must write at the new stack
    /// pointer.
    pub fn push_flags(&mut self) -> usize {
        self.rip += 1;
        self.rsp -= size_of::<usize>();
        self.eflags & !TRAP_FLAG
    }

    /// Emulates a `popfq` at the instruction pointer, with `flags` as the word at the stack
    /// pointer. After a single step over a real one, the kernel would take the trap flag for the
    /// tracee's own (arch/x86/kernel/step.c).
    pub fn pop_flags(&mut self, flags: usize) {
        self.rip += 1;
        self.rsp += size_of::<usize>();
        self.eflags = flags & !TRAP_FLAG;
    }

    /// Makes the tracee repeat the last call of a program's start, with arguments that change
    /// nothing.
    pub fn enter_again(&mut self) {
        self.set_arguments([raw::SIG_BLOCK as usize, 0, 0, 8, 0, 0]);
        self.rip = calls::entered() - SYSTEM_CALL;
        self.rax = raw::__NR_rt_sigprocmask as usize;
        self.orig_rax = usize::MAX;
    }
}
