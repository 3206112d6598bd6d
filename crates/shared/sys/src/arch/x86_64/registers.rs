//! What a signal saves, and what tells the kernel how to deliver one.

/// The general registers as a signal frame holds them: the head of `struct sigcontext`
/// (arch/x86/include/uapi/asm/sigcontext.h).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct SavedRegisters {
    pub(super) r8: usize,
    pub(super) r9: usize,
    pub(super) r10: usize,
    pub(super) r11: usize,
    pub(super) r12: usize,
    pub(super) r13: usize,
    pub(super) r14: usize,
    pub(super) r15: usize,
    pub(super) rdi: usize,
    pub(super) rsi: usize,
    pub(super) rbp: usize,
    pub(super) rbx: usize,
    pub(super) rdx: usize,
    pub(super) rax: usize,
    pub(super) rcx: usize,
    pub(super) rsp: usize,
    pub(super) rip: usize,
}

impl SavedRegisters {
    /// The call's number.
    #[must_use]
    pub fn number(&self) -> usize {
        self.rax
    }

    /// The call's six arguments.
    #[must_use]
    pub fn arguments(&self) -> [usize; 6] {
        [self.rdi, self.rsi, self.rdx, self.r10, self.r8, self.r9]
    }

    /// Changes the argument registers.
    pub fn set_arguments(&mut self, to: [usize; 6]) {
        [self.rdi, self.rsi, self.rdx, self.r10, self.r8, self.r9] = to;
    }

    /// Puts the call's result where the guest looks for it.
    pub fn set_result(&mut self, result: isize) {
        self.rax = result as usize;
    }

    /// Puts a call's number where the kernel looks for it.
    pub fn set_number(&mut self, number: u32) {
        self.rax = number as usize;
    }

    /// Whether the last instruction was a system call, by what that does to rcx.
    #[must_use]
    pub fn is_behind_call(&self) -> bool {
        self.rcx == self.rip
    }

    /// The instruction pointer.
    #[must_use]
    pub fn ip(&self) -> usize {
        self.rip
    }

    /// Sets the instruction pointer.
    pub fn set_ip(&mut self, ip: usize) {
        self.rip = ip;
    }

    /// The stack pointer.
    #[must_use]
    pub fn sp(&self) -> usize {
        self.rsp
    }

    /// Sets the stack pointer.
    pub fn set_sp(&mut self, sp: usize) {
        self.rsp = sp;
    }
}

/// The head of `struct ucontext` (arch/x86/include/uapi/asm/ucontext.h).
#[repr(C)]
#[derive(Debug)]
pub struct SignalContext {
    flags: usize,
    link: usize,
    /// The alternate stack at the time of the signal: `stack_t`.
    stack: [usize; 3],
    /// Registers to return with.
    pub registers: SavedRegisters,
    /// eflags, segment registers, err, trapno, oldmask, cr2, fpstate, reserved.
    pub(super) rest: [usize; 15],
    /// The signal mask to return with.
    pub mask: u64,
}

impl SignalContext {
    /// What a signal would have saved, had there been one.
    #[must_use]
    pub fn new(registers: SavedRegisters, mask: u64) -> Self {
        Self { flags: 0, link: 0, stack: [0; 3], registers, rest: [0; 15], mask }
    }

    /// Whether the frame that the context belongs to lies on the alternate stack.
    #[must_use]
    pub fn is_on_alternate_stack(&self) -> bool {
        let [start, _, len] = self.stack;
        let at = core::ptr::from_ref(self).addr();
        start <= at && at - start < len
    }

    /// First address of the alternate stack the interrupted code was running on; 0 if it wasn't on one.
    #[must_use]
    pub fn alternate_stack(&self) -> usize {
        let [start, _, len] = self.stack;
        let sp = self.registers.sp();
        if start <= sp && sp - start <= len { start } else { 0 }
    }
}

const _: () = {
    assert!(core::mem::offset_of!(SignalContext, registers) == 40);
    assert!(core::mem::offset_of!(SignalContext, mask) == 296);
};

/// Index of the address of the floating-point and vector state in [`SignalContext::rest`].
pub(super) const FPSTATE: usize = 6;

/// `struct kernel_sigaction` as rt_sigaction(2) takes it on this CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignalAction {
    /// SIG_DFL (0), SIG_IGN (1) or an address.
    pub handler: usize,
    /// SA_*.
    pub flags: usize,
    /// The function that returns from the handler.
    pub restorer: usize,
    /// Signals blocked while the handler runs.
    pub mask: u64,
}

/// The flag by which rt_sigaction(2) knows that there is a restorer (SA_RESTORER).
pub const SA_RESTORER: usize = 0x0400_0000;
