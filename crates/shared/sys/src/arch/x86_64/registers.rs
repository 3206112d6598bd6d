//! The registers that a signal saves, and the structure that says to the kernel how to
//! deliver a signal.

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
    /// Returns the call's number.
    #[must_use]
    pub fn number(&self) -> usize {
        self.rax
    }

    /// Returns the call's six arguments.
    #[must_use]
    pub fn arguments(&self) -> [usize; 6] {
        [self.rdi, self.rsi, self.rdx, self.r10, self.r8, self.r9]
    }

    /// Sets the argument registers.
    pub fn set_arguments(&mut self, to: [usize; 6]) {
        [self.rdi, self.rsi, self.rdx, self.r10, self.r8, self.r9] = to;
    }

    /// Sets the result that the guest sees.
    pub fn set_result(&mut self, result: isize) {
        self.rax = result as usize;
    }

    /// Sets the number of the call that the kernel will make.
    pub fn set_number(&mut self, number: u32) {
        self.rax = number as usize;
    }

    /// Checks whether the last instruction was a system call, which sets rcx to the address behind
    /// it.
    #[must_use]
    pub fn is_behind_call(&self) -> bool {
        self.rcx == self.rip
    }

    /// Returns the instruction pointer.
    #[must_use]
    pub fn ip(&self) -> usize {
        self.rip
    }

    /// Sets the instruction pointer.
    pub fn set_ip(&mut self, ip: usize) {
        self.rip = ip;
    }

    /// Returns the stack pointer.
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
    /// Registers that the return from the signal restores.
    pub registers: SavedRegisters,
    /// eflags, segment registers, err, trapno, oldmask, cr2, fpstate, reserved.
    pub(super) rest: [usize; 15],
    /// The signal mask that the return from the signal restores.
    pub mask: u64,
}

impl SignalContext {
    /// Creates the context that a signal with these registers and this mask would have saved.
    #[must_use]
    pub fn new(registers: SavedRegisters, mask: u64) -> Self {
        Self { flags: 0, link: 0, stack: [0; 3], registers, rest: [0; 15], mask }
    }

    /// Checks whether the frame that holds this context lies on the alternate stack.
    #[must_use]
    pub fn is_on_alternate_stack(&self) -> bool {
        let [start, _, len] = self.stack;
        let at = core::ptr::from_ref(self).addr();
        start <= at && at - start < len
    }

    /// Returns the first address of the alternate stack if the interrupted code was running on it,
    /// else 0.
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

/// Index in [`SignalContext::rest`] of the address of the floating-point and vector state.
pub(super) const FPSTATE: usize = 6;

/// `struct kernel_sigaction` as rt_sigaction(2) takes it on this CPU.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignalAction {
    /// SIG_DFL (0), SIG_IGN (1) or an address.
    pub handler: usize,
    /// SA_*.
    pub flags: usize,
    /// Address of the function that returns from the handler.
    pub restorer: usize,
    /// Signals blocked while the handler runs.
    pub mask: u64,
}

/// The flag of rt_sigaction(2) for an action with a restorer (SA_RESTORER).
pub const SA_RESTORER: usize = 0x0400_0000;
