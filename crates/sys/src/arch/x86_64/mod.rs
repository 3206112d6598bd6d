//! x86-64: the system call instructions, and the registers that a signal saves.
//!
//! # Safety
//! This file holds the only `syscall` instructions of the shim. [`syscall6`] is as unsafe
//! as the call it makes, [`probe6`] makes none, [`borrow_memory`] says what
//! it asks for; the other two are entered by the kernel or by a register change
//! made in a signal handler, never called.
#![allow(unsafe_code)]

pub mod length;
pub mod site;
pub mod window;

use core::arch::global_asm;

/// AUDIT_ARCH_X86_64 (include/uapi/linux/audit.h): what a filter finds in `seccomp_data.arch`.
pub const AUDIT_ARCH: u32 = 0xc000_003e;

/// System call numbers from here on belong to the x32 ABI, which the shim refuses.
pub const FOREIGN_ABI_FROM: u32 = 0x4000_0000;

/// `e_machine` of programs for this CPU.
pub const ELF_MACHINE: u16 = 62;

global_asm!(
    // fn(number, arguments: *const [usize; 6]) -> isize
    ".pushsection .text.newroot_gate,\"ax\",@progbits",
    ".p2align 4",
    ".globl newroot_gate",
    ".hidden newroot_gate",
    ".type newroot_gate,@function",
    "newroot_gate:",
    "mov rax, rdi",
    "mov r11, rsi",
    "mov rdi, [r11]",
    "mov rsi, [r11+8]",
    "mov rdx, [r11+16]",
    "mov r10, [r11+24]",
    "mov r8, [r11+32]",
    "mov r9, [r11+40]",
    "syscall",
    "ret",
    // The same for a call that only asks what the guest's own filters say to it.
    ".p2align 4",
    ".globl newroot_probe",
    ".hidden newroot_probe",
    ".type newroot_probe,@function",
    "newroot_probe:",
    "mov rax, rdi",
    "mov r11, rsi",
    "mov rdi, [r11]",
    "mov rsi, [r11+8]",
    "mov rdx, [r11+16]",
    "mov r10, [r11+24]",
    "mov r8, [r11+32]",
    "mov r9, [r11+40]",
    "syscall",
    ".globl newroot_probed",
    ".hidden newroot_probed",
    "newroot_probed:",
    "ret",
    // fn(flags, run, argument) -> isize: clone(2) with the caller's stack, on which the child calls
    // run(argument) and ends. The parent's part of it stays as it is, for the child is below it.
    ".p2align 4",
    ".globl newroot_clone",
    ".hidden newroot_clone",
    ".type newroot_clone,@function",
    "newroot_clone:",
    "push rbx",
    "push r12",
    "push r13", // for the alignment
    "mov rbx, rsi",
    "mov r12, rdx",
    "xor esi, esi",
    "xor edx, edx",
    "xor r10d, r10d",
    "xor r8d, r8d",
    "mov eax, {clone}",
    "syscall",
    "test rax, rax",
    "jnz 4f",
    "mov rdi, r12",
    "call rbx",
    "xor edi, edi",
    "mov eax, {exit}",
    "syscall",
    "ud2",
    "4:",
    "pop r13",
    "pop r12",
    "pop rbx",
    "ret",
    // The restorer of our SIGSYS handler. Unwinders know a signal frame by these very
    // bytes (mov $15,%rax in its seven-byte form), so they must not be "optimised".
    ".p2align 4",
    ".globl newroot_restorer",
    ".hidden newroot_restorer",
    "newroot_restorer:",
    ".byte 0x48,0xc7,0xc0,0x0f,0x00,0x00,0x00",
    "syscall",
    // Where a call that may sleep is made: on the guest's own stack, with the guest's
    // own signal mask, so that EINTR and SA_RESTART stay the kernel's business. rsp points
    // at a ResumeFrame. Flags stay untouched, as they would over a plain syscall.
    ".p2align 4",
    ".globl newroot_resume",
    ".hidden newroot_resume",
    "newroot_resume:",
    "syscall",
    "mov rcx, [rsp+16]",
    "jrcxz 2f",
    "lea rcx, [rcx-1]",
    "jrcxz 3f",
    "lea rcx, [rax+40]", // ELOOP
    "jrcxz 3f",
    "jmp 2f",
    "3:",
    "mov [rsp+24], rax",
    "mov eax, {afterwards}",
    ".globl newroot_afterwards",
    ".hidden newroot_afterwards",
    "newroot_afterwards:",
    "syscall",
    "ud2",
    "2:",
    "mov rdi, [rsp+32]",
    "mov rsi, [rsp+40]",
    "mov rdx, [rsp+48]",
    "mov r10, [rsp+56]",
    "mov r8, [rsp+64]",
    "mov r9, [rsp+72]",
    "mov rcx, [rsp]",
    "mov rsp, [rsp+8]",
    "jmp rcx",
    ".popsection",
    afterwards = const AFTERWARDS,
    clone = const crate::raw::__NR_clone,
    exit = const crate::raw::__NR_exit,
);

unsafe extern "C" {
    fn newroot_gate(number: usize, arguments: *const [usize; 6]) -> isize;
    fn newroot_probe(number: usize, arguments: *const [usize; 6]) -> isize;
    fn newroot_probed();
    fn newroot_clone(flags: usize, run: unsafe extern "C" fn(usize), argument: usize) -> isize;
    fn newroot_restorer();
    fn newroot_resume();
    fn newroot_afterwards();
}

/// A system call number that no kernel has. The resume code makes this call to come back
/// to the handler after a call that slept; from anywhere else it answers ENOSYS.
pub const AFTERWARDS: u32 = 0x6e72;

/// Makes a system call.
///
/// # Safety
/// Whatever the call does to memory must be allowed by the owner of that memory.
#[inline(always)]
pub unsafe fn syscall6(number: u32, arguments: &[usize; 6]) -> isize {
    // SAFETY: the caller vouches for the call; the gate clobbers only what the C ABI lets it.
    unsafe { newroot_gate(number as usize, arguments) }
}

/// Puts a system call to the filters without running it; see [`guard`](crate::guard).
///
/// # Safety
/// Only a call that our filter traps when the guest makes it; any other would be run.
#[inline(always)]
pub unsafe fn probe6(number: u32, arguments: &[usize; 6]) -> isize {
    // SAFETY: the caller vouches that nothing is run.
    unsafe { newroot_probe(number as usize, arguments) }
}

/// What the instruction pointer shows in a call that [`probe6`] makes.
#[must_use]
pub fn probe() -> usize {
    newroot_probed as *const () as usize
}

/// Runs `run(argument)` in a child process that borrows the caller's memory and stack (vfork(2)), with
/// these further flags of clone(2); the result is the child's number, or an error, once it has ended.
///
/// # Safety
/// `run` may return or end the process; what it changes in memory is changed for the caller.
pub unsafe fn borrow_memory(flags: u32, run: unsafe extern "C" fn(usize), argument: usize) -> isize {
    let flags = flags | crate::raw::CLONE_VM | crate::raw::CLONE_VFORK;
    // SAFETY: the caller is suspended while the child uses its stack; the rest is the caller's contract.
    unsafe { newroot_clone(flags as usize, run, argument) }
}

/// Address of the signal restorer, for `sa_restorer`.
#[must_use]
pub fn restorer() -> usize {
    newroot_restorer as *const () as usize
}

/// Address of the instruction that returns from a signal, for a handler of the guest's.
#[must_use]
pub fn sigreturn() -> usize {
    // Behind the seven bytes that load the number.
    restorer() + 7
}

/// Address at which a sleeping call is made; see [`ResumeFrame`].
#[must_use]
pub fn resume() -> usize {
    newroot_resume as *const () as usize
}

/// What the instruction pointer shows when [`AFTERWARDS`] traps at its one true place:
/// the address behind that `syscall` instruction, which is two bytes long.
#[must_use]
pub fn afterwards() -> usize {
    newroot_afterwards as *const () as usize + 2
}

/// What the resume code finds at the stack pointer. Its layout is known to the assembly above.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct ResumeFrame {
    /// Where the guest goes on.
    pub ip: usize,
    /// The guest's stack pointer there.
    pub sp: usize,
    /// When to come back to the handler afterwards: 0 never, 1 always, 2 if the call
    /// answered ELOOP.
    pub afterwards: usize,
    /// The call's result, for the handler.
    pub result: isize,
    /// The guest's argument registers, as they must be again.
    pub arguments: [usize; 6],
}

const _: () = {
    assert!(core::mem::offset_of!(ResumeFrame, sp) == 8);
    assert!(core::mem::offset_of!(ResumeFrame, afterwards) == 16);
    assert!(core::mem::offset_of!(ResumeFrame, result) == 24);
    assert!(core::mem::offset_of!(ResumeFrame, arguments) == 32);
};

/// Signals that are blocked while the shim works on a call: all but those that say that the shim
/// itself is broken (SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV). SIGSYS is among them: no call of the
/// shim's own traps, and one that is sent must wait until the guest's own stack is in use again.
pub const BLOCKED_IN_HANDLER: u64 = !(1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 10);

unsafe extern "C" {
    fn newroot_call_entry();
    fn newroot_handlers();
}

/// How many handlers of a guest's can be entered by way of the entry code.
pub const HANDLERS: usize = 128;

/// Offset of the instruction pointer in a [`SignalContext`].
pub const CONTEXT_IP: usize =
    core::mem::offset_of!(SignalContext, registers) + core::mem::offset_of!(SavedRegisters, rip);

/// Bytes between the entries for two handlers.
const HANDLER_ENTRY: usize = 10;

/// Where the kernel is to enter for the handler with this index.
#[must_use]
pub fn handler_entry(index: usize) -> usize {
    newroot_handlers as *const () as usize + index * HANDLER_ENTRY
}

/// The index of the handler for which the kernel enters at this address.
#[must_use]
pub fn handler_of_entry(entry: usize) -> Option<usize> {
    let offset = entry.checked_sub(handler_entry(0))?;
    (offset < HANDLERS * HANDLER_ENTRY).then_some(offset / HANDLER_ENTRY)
}

/// Where the stubs of patched call sites go: see [`site`].
#[must_use]
pub fn call_entry() -> u32 {
    newroot_call_entry as *const () as usize as u32
}

/// Bytes below the stack pointer that belong to the running function (System V ABI).
pub const RED_ZONE: usize = 128;

/// The general registers as a signal frame holds them: the head of `struct sigcontext`
/// (arch/x86/include/uapi/asm/sigcontext.h).
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct SavedRegisters {
    r8: usize,
    r9: usize,
    r10: usize,
    r11: usize,
    r12: usize,
    r13: usize,
    r14: usize,
    r15: usize,
    rdi: usize,
    rsi: usize,
    rbp: usize,
    rbx: usize,
    rdx: usize,
    rax: usize,
    rcx: usize,
    rsp: usize,
    rip: usize,
}

impl SavedRegisters {
    /// The registers of a call that came through a patched call site, as far as a call has to do
    /// with them.
    #[must_use]
    pub fn of_call(frame: &CallFrame) -> Self {
        let CallFrame { r9, r8, r10, rdx, rsi, rdi, rax, rip, rsp, .. } = *frame;
        Self { r9, r8, r10, rdx, rsi, rdi, rax, rip, rsp, ..Self::default() }
    }

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
    rest: [usize; 15],
    /// The signal mask to return with.
    pub mask: u64,
}

impl SignalContext {
    /// What a signal would have saved, had there been one.
    #[must_use]
    pub fn new(registers: SavedRegisters, mask: u64) -> Self {
        Self { flags: 0, link: 0, stack: [0; 3], registers, rest: [0; 15], mask }
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

/// What the entry for patched call sites keeps on the guest's stack, below the red zone. Its layout is
/// known to the assembly in [`entry_points`](crate::entry_points).
#[repr(C)]
#[derive(Debug)]
pub struct CallFrame {
    /// The guest's signal mask, which is to be in force again.
    pub mask: u64,
    r15: usize,
    r14: usize,
    r13: usize,
    r12: usize,
    rbp: usize,
    rbx: usize,
    r9: usize,
    r8: usize,
    r10: usize,
    rdx: usize,
    rsi: usize,
    rdi: usize,
    rax: usize,
    rip: usize,
    flags: usize,
    rsp: usize,
}

/// Bytes below a [`CallFrame`] in which the entry code keeps the vector registers, the gap for their
/// alignment included. It is their lower 128 bits: code for the x86-64 baseline changes no others.
pub const CALL_AREA: usize = VECTOR_BYTES + 16;

/// Sixteen registers of 128 bits.
const VECTOR_BYTES: usize = 256;

/// Bytes of a `syscall` instruction.
pub const SYSTEM_CALL: usize = 2;

const _: () = {
    assert!(core::mem::offset_of!(CallFrame, rbp) == 40);
    assert!(core::mem::offset_of!(CallFrame, rdi) == 96);
    assert!(core::mem::offset_of!(CallFrame, flags) == 120);
    assert!(core::mem::offset_of!(CallFrame, rsp) == 128);
};

impl CallFrame {
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

    /// Gives the call its result.
    pub fn set_result(&mut self, result: isize) {
        self.rax = result as usize;
    }

    /// Has the guest go on with these registers.
    pub fn go_on_with(&mut self, registers: &SavedRegisters) {
        let SavedRegisters { r9, r8, r10, rdx, rsi, rdi, rax, rip, rsp, .. } = *registers;
        *self = Self { r9, r8, r10, rdx, rsi, rdi, rax, rip, rsp, ..*self };
    }

    /// Has the guest execute the `syscall` instruction at its call site after all.
    pub fn make_the_call(&mut self) {
        self.rip -= SYSTEM_CALL;
    }

    /// Address behind the call site.
    pub(crate) fn next(&self) -> usize {
        self.rip
    }

    /// Puts everything the guest had at its call site into a signal's context, which it will have again
    /// when the handler returns; only the instruction pointer is left alone.
    ///
    /// # Safety
    /// The context is that of a signal frame, and the frame one of the entry code's that is in use.
    pub(crate) unsafe fn restore(&self, context: &mut SignalContext) {
        let Self { r15, r14, r13, r12, rbp, rbx, r9, r8, r10, rdx, rsi, rdi, rax, flags, rsp, .. } = *self;
        let old = context.registers;
        context.registers =
            SavedRegisters { r15, r14, r13, r12, rbp, rbx, r9, r8, r10, rdx, rsi, rdi, rax, rsp, ..old };
        context.rest[0] = flags;
        // Where the kernel has saved the vector registers (struct _fpstate_64, asm/sigcontext.h), and the
        // bit by which it knows that the lower halves are among what it has saved.
        const FPSTATE: usize = 6;
        const VECTORS: usize = 160;
        const MAGIC: usize = 464;
        const MAGIC_VALUE: u32 = 0x4650_5853;
        const STATE_BITS: usize = 512;
        const SSE: u64 = 2;
        let saved = context.rest[FPSTATE];
        if saved == 0 {
            return;
        }
        let ours = (core::ptr::from_ref(self).addr() & !15) - VECTOR_BYTES;
        // SAFETY: the kernel's structure in the signal frame, and the entry code's below the frame.
        unsafe {
            core::ptr::copy_nonoverlapping(ours as *const u8, (saved + VECTORS) as *mut u8, VECTOR_BYTES);
            if ((saved + MAGIC) as *const u32).read() == MAGIC_VALUE {
                *((saved + STATE_BITS) as *mut u64) |= SSE;
            }
        }
    }
}

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

/// System calls that only this CPU's kernel has: the old ones without a directory descriptor.
pub mod legacy {
    pub use crate::raw::{
        __NR_access, __NR_chmod, __NR_chown, __NR_creat, __NR_futimesat, __NR_getdents, __NR_lchown,
        __NR_link, __NR_lstat, __NR_mkdir, __NR_mknod, __NR_open, __NR_readlink, __NR_rename, __NR_rmdir,
        __NR_stat, __NR_symlink, __NR_unlink, __NR_uselib, __NR_utime, __NR_utimes,
    };
}

// ---- entry points -----------------------------------------------------------------------

/// Emits the image's entry point, its signal handler and where patched call sites enter, which are
/// nothing but moves between stacks around a few Rust functions:
///
/// - `$start: extern "C" fn(stack: *mut usize) -> !` is given the initial stack pointer;
/// - `$trap: extern "C" fn(info, context, slot) -> usize` runs on the private stack of a
///   slot (its index is `slot`); a nonzero result is a guest handler to be run instead of
///   returning from the signal;
/// - `$fast: extern "C" fn(frame: *mut CallFrame) -> bool` runs on the guest's stack, where a call came
///   through a patched call site; if it says no, then
/// - `$handlers: [AtomicUsize; HANDLERS]` are the guest's signal handlers, which are entered by way of
///   [`handler_entry`](crate::arch::handler_entry);
/// - `$call: extern "C" fn(frame: *mut CallFrame, slot)` runs on the stack of a slot, with all signals
///   blocked as they are in the handler.
///
/// The slots: `$slots` is the first byte of `$count` private stacks of `1 << $shift` bytes,
/// `$owners` an array of `$count` words, nonzero while a slot is taken.
#[macro_export]
macro_rules! entry_points {
    (start: $start:path, trap: $trap:path, fast: $fast:path, call: $call:path, handlers: $handlers:path, slots: $slots:path, owners: $owners:path, count: $count:expr, shift: $shift:expr) => {
        core::arch::global_asm!(
            ".pushsection .text.newroot_entry,\"ax\",@progbits",
            ".globl _start",
            "_start:",
            "xor ebp, ebp",
            "mov rdi, rsp",
            "and rsp, -16",
            "call {start}",
            "ud2",
            // On entry: rdi signal, rsi siginfo, rdx ucontext, rsp the restorer's address on
            // the guest's stack; every signal that can be is blocked.
            ".p2align 4",
            ".globl newroot_trap_entry",
            ".hidden newroot_trap_entry",
            "newroot_trap_entry:",
            "push rbx",
            "push r12",
            "push r13",
            "push r14",
            "push r15",
            "mov r12, rsp",
            "mov r13, rdi",
            "mov r14, rsi",
            "mov r15, rdx",
            "2: xor ebx, ebx",
            "3: mov eax, 1",
            "lea rcx, [rip + {owners}]",
            "xchg eax, dword ptr [rcx + rbx*4]",
            "test eax, eax",
            "jz 4f",
            "inc ebx",
            "cmp ebx, {count}",
            "jb 3b",
            "mov eax, 24", // sched_yield: all slots are taken by threads that will give them back
            "syscall",
            "jmp 2b",
            "4: lea ecx, [rbx + 1]",
            "shl rcx, {shift}",
            "lea rsp, [rip + {slots}]",
            "add rsp, rcx",
            "mov rdi, r14",
            "mov rsi, r15",
            "mov edx, ebx",
            "call {trap}",
            "mov rsp, r12",
            "lea rcx, [rip + {owners}]",
            "mov dword ptr [rcx + rbx*4], 0",
            "mov rdi, r13",
            "mov rsi, r14",
            "mov rdx, r15",
            "pop r15",
            "pop r14",
            "pop r13",
            "pop r12",
            "pop rbx",
            "test rax, rax",
            "jnz 5f",
            "ret",
            "5: jmp rax",
            // A patched call site. rax is the number, rcx the address behind the site; r11 is free, and
            // so are both once the call is made. Everything else, the red zone and the flags
            // included, must be found as it was. The frame is CallFrame.
            ".p2align 4",
            ".globl newroot_call_entry",
            ".hidden newroot_call_entry",
            "newroot_call_entry:",
            "mov r11, rsp",
            "lea rsp, [rsp - {red_zone}]",
            "push r11",
            "pushfq",
            "push rcx",
            "push rax",
            "push rdi",
            "push rsi",
            "push rdx",
            "push r10",
            "push r8",
            "push r9",
            "push rbx",
            "push rbp",
            "push r12",
            "push r13",
            "push r14",
            "push r15",
            "push rax", // room for the mask
            "cld",
            "mov rbp, rsp",
            // Compiled code uses vector registers, and only their lower halves: see CALL_AREA.
            "and rsp, -16",
            "sub rsp, 256",
            "movaps [rsp + 0], xmm0",
            "movaps [rsp + 16], xmm1",
            "movaps [rsp + 32], xmm2",
            "movaps [rsp + 48], xmm3",
            "movaps [rsp + 64], xmm4",
            "movaps [rsp + 80], xmm5",
            "movaps [rsp + 96], xmm6",
            "movaps [rsp + 112], xmm7",
            "movaps [rsp + 128], xmm8",
            "movaps [rsp + 144], xmm9",
            "movaps [rsp + 160], xmm10",
            "movaps [rsp + 176], xmm11",
            "movaps [rsp + 192], xmm12",
            "movaps [rsp + 208], xmm13",
            "movaps [rsp + 224], xmm14",
            "movaps [rsp + 240], xmm15",
            // The short way, on the guest's stack.
            "mov rdi, rbp",
            "call {fast}",
            "test al, al",
            "jnz 7f",
            // The long way.
            "mov eax, {sigprocmask}",
            "mov edi, 2", // SIG_SETMASK
            "lea rsi, [rip + 6f]",
            "mov rdx, rbp",
            "mov r10d, 8",
            "syscall",
            "2: xor ebx, ebx",
            "3: mov eax, 1",
            "lea rcx, [rip + {owners}]",
            "xchg eax, dword ptr [rcx + rbx*4]",
            "test eax, eax",
            "jz 4f",
            "inc ebx",
            "cmp ebx, {count}",
            "jb 3b",
            "mov eax, 24", // sched_yield
            "syscall",
            "jmp 2b",
            "4: lea ecx, [rbx + 1]",
            "shl rcx, {shift}",
            "lea rsp, [rip + {slots}]",
            "add rsp, rcx",
            "mov rdi, rbp",
            "mov esi, ebx",
            "call {call}",
            // Where the call is still to be made, what it needs lies below all of ours, at the stack
            // pointer it goes on with. A signal that comes once the mask is open must spare both.
            "lea rsp, [rbp - 256]",
            "and rsp, -16",
            "mov rax, [rbp + 128]",
            "cmp rax, rsp",
            "cmovb rsp, rax",
            "lea rcx, [rip + {owners}]",
            "mov dword ptr [rcx + rbx*4], 0",
            "mov eax, {sigprocmask}",
            "mov edi, 2",
            "mov rsi, rbp",
            "xor edx, edx",
            "mov r10d, 8",
            "syscall",
            "7: lea rcx, [rbp - 256]",
            "and rcx, -16",
            "movaps xmm0, [rcx + 0]",
            "movaps xmm1, [rcx + 16]",
            "movaps xmm2, [rcx + 32]",
            "movaps xmm3, [rcx + 48]",
            "movaps xmm4, [rcx + 64]",
            "movaps xmm5, [rcx + 80]",
            "movaps xmm6, [rcx + 96]",
            "movaps xmm7, [rcx + 112]",
            "movaps xmm8, [rcx + 128]",
            "movaps xmm9, [rcx + 144]",
            "movaps xmm10, [rcx + 160]",
            "movaps xmm11, [rcx + 176]",
            "movaps xmm12, [rcx + 192]",
            "movaps xmm13, [rcx + 208]",
            "movaps xmm14, [rcx + 224]",
            "movaps xmm15, [rcx + 240]",
            "mov rbx, [rbp + 48]",
            "mov r9, [rbp + 56]",
            "mov r8, [rbp + 64]",
            "mov r10, [rbp + 72]",
            "mov rdx, [rbp + 80]",
            "mov rsi, [rbp + 88]",
            "mov rdi, [rbp + 96]",
            "mov rax, [rbp + 104]",
            "mov rcx, [rbp + 112]",
            "push qword ptr [rbp + 120]",
            "popfq",
            // With this the frame is given up: nothing may be read from it any more. The four registers
            // it has besides are kept by whoever was called.
            "mov r11, [rbp + 40]",
            "mov rsp, [rbp + 128]",
            "mov rbp, r11",
            "jmp rcx",
            // Handlers of the guest's: the kernel enters one of these for the address of the same index in
            // $handlers. rax, rcx, r8 to r11 are free; the rest, and the stack, are the handler's.
            ".p2align 4",
            ".globl newroot_handlers",
            ".hidden newroot_handlers",
            "newroot_handlers:",
            ".set newroot_index, 0",
            ".rept {handler_count}",
            ".byte 0xb8", // mov $index, %eax, always five bytes
            ".long newroot_index",
            ".byte 0xe9", // jmp, always five bytes
            ".long 8f - . - 4",
            ".set newroot_index, newroot_index + 1",
            ".endr",
            "8: lea r11, [rip + {handlers}]",
            "mov r11, [r11 + rax*8]",
            "mov rcx, [rdx + {ip}]",
            "lea r8, [rip + newroot_window_open]",
            "sub rcx, r8",
            "lea r9, [rip + newroot_window_closed]",
            "sub r9, r8",
            "xor eax, eax", // as the kernel has it
            "cmp rcx, r9",
            "jb 9f",
            "jmp r11",
            "9: push rdi",
            "push rsi",
            "push rdx",
            "push r11",
            "sub rsp, 8",
            "mov rdi, rdx",
            "call {take_back}",
            "add rsp, 8",
            "pop r11",
            "pop rdx",
            "pop rsi",
            "pop rdi",
            "xor eax, eax",
            "jmp r11",
            ".p2align 3",
            "6: .quad {blocked}",
            ".popsection",
            start = sym $start,
            trap = sym $trap,
            fast = sym $fast,
            call = sym $call,
            handlers = sym $handlers,
            handler_count = const $crate::arch::HANDLERS,
            take_back = sym $crate::arch::window::take_back,
            ip = const $crate::arch::CONTEXT_IP,
            red_zone = const $crate::arch::RED_ZONE,
            sigprocmask = const $crate::raw::__NR_rt_sigprocmask,
            blocked = const $crate::arch::BLOCKED_IN_HANDLER,
            slots = sym $slots,
            owners = sym $owners,
            count = const $count,
            shift = const $shift,
        );
    };
}

/// Leaves for a freshly loaded program: every register as the kernel leaves it at exec, and
/// the signal mask set last, so that no handler of ours is needed in between.
///
/// # Safety
/// `entry` and `sp` must be what execve(2) would have set up.
pub unsafe fn enter(entry: usize, sp: usize) -> ! {
    // SAFETY: the caller vouches for both; nothing of ours lives on beyond this.
    unsafe {
        core::arch::asm!(
            "mov rsp, {sp}",
            "xor eax, eax",
            "xor ebx, ebx",
            "xor ecx, ecx",
            "xor edx, edx",
            "xor esi, esi",
            "xor edi, edi",
            "xor ebp, ebp",
            "xor r8d, r8d",
            "xor r9d, r9d",
            "xor r10d, r10d",
            "xor r12d, r12d",
            "xor r13d, r13d",
            "xor r14d, r14d",
            "xor r15d, r15d",
            "jmp r11",
            sp = in(reg) sp,
            in("r11") entry,
            options(noreturn),
        )
    }
}
