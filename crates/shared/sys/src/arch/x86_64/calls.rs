//! The shim's `syscall` instructions outside its entry points.
//!
//! # Safety
//! [`syscall6`] is as unsafe as the call it makes, and [`probe6`] makes none. [`borrow_memory`] and
//! [`enter`] document their requirements. The restorer and the resume code are never called: the
//! kernel or a register change in a signal handler enters them.
#![allow(unsafe_code)]

use core::arch::global_asm;

use super::SavedRegisters;

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
    // Probe: the same for a call that only asks for the verdict of the guest's own filters.
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
    // fn(flags, run, argument) -> isize: clone(2) with the caller's stack. The child calls
    // run(argument) and exits. It runs below the parent's part of the stack, which stays unchanged.
    ".p2align 4",
    ".globl newroot_clone",
    ".hidden newroot_clone",
    ".type newroot_clone,@function",
    "newroot_clone:",
    "push rbx",
    "push r12",
    "push r13", // for alignment
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
    // The restorer of our SIGSYS handler. Unwinders recognize a signal frame by exactly these bytes
    // (mov $15,%rax in its seven-byte form), so they must not be shortened.
    ".p2align 4",
    ".globl newroot_restorer",
    ".hidden newroot_restorer",
    "newroot_restorer:",
    ".byte 0x48,0xc7,0xc0,0x0f,0x00,0x00,0x00",
    "syscall",
    ".globl newroot_restorer_end",
    ".hidden newroot_restorer_end",
    "newroot_restorer_end:",
    // A call that may sleep is made here: on the guest's own stack and with the guest's own signal
    // mask, so that the kernel takes care of EINTR and SA_RESTART. rsp points to a ResumeFrame. The
    // flags stay unchanged, as they would over a plain syscall.
    ".p2align 4",
    ".globl newroot_resume",
    ".hidden newroot_resume",
    "newroot_resume:",
    "syscall",
    "mov rcx, [rsp+16]",
    "jrcxz 2f",
    "lea rcx, [rcx-1]",
    "jrcxz 3f",
    "lea rcx, [rax+6]", // ENXIO
    "jrcxz 3f",
    "lea rcx, [rax+13]", // EACCES
    "jrcxz 3f",
    "mov rcx, [rsp+16]",
    "lea rcx, [rcx-3]",
    "jrcxz 2f",
    "lea rcx, [rcx-1]",
    "jrcxz 4f",
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
    // A wait that succeeded: it found a stop if the byte that the note's first word points to, plus
    // the note's second word, is zero.
    "4:",
    "mov rcx, rax",
    "bswap rcx",
    "movzx ecx, cl",
    "lea rcx, [rcx-255]",
    "jrcxz 2f",
    "mov rcx, [rsp+{note}]",
    "mov r11, [rsp+{note}+8]",
    "movzx ecx, byte ptr [rcx]",
    "lea rcx, [rcx+r11]",
    "jrcxz 3b",
    "2:",
    "mov rdi, [rsp+32]",
    "mov rsi, [rsp+40]",
    "mov rdx, [rsp+48]",
    "mov r10, [rsp+56]",
    "mov r8, [rsp+64]",
    "mov r9, [rsp+72]",
    "mov rcx, [rsp]",
    "mov rsp, [rsp+8]",
    // From here on the frame is no longer in use.
    ".globl newroot_resume_leave",
    ".hidden newroot_resume_leave",
    "newroot_resume_leave:",
    "jmp rcx",
    // fn(entry, stack pointer, mask) -> !: leaves for a loaded program. The shim of a tracer
    // recognizes the call by its address: behind it, r12 and r13 hold the program's first
    // instruction pointer and stack pointer.
    ".p2align 4",
    ".globl newroot_enter",
    ".hidden newroot_enter",
    ".type newroot_enter,@function",
    "newroot_enter:",
    "push rdx",
    "mov r12, rdi",
    "mov r13, rsi",
    "mov edi, {setmask}",
    "mov rsi, rsp",
    "xor edx, edx",
    "mov r10d, 8",
    "mov eax, {sigprocmask}",
    "syscall",
    ".globl newroot_entered",
    ".hidden newroot_entered",
    "newroot_entered:",
    "mov rsp, r13",
    "mov r11, r12",
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
    ".popsection",
    afterwards = const AFTERWARDS,
    note = const NOTE,
    setmask = const crate::raw::SIG_SETMASK,
    sigprocmask = const crate::raw::__NR_rt_sigprocmask,
    clone = const crate::raw::__NR_clone,
    exit = const crate::raw::__NR_exit,
);

unsafe extern "C" {
    fn newroot_gate(number: usize, arguments: *const [usize; 6]) -> isize;
    fn newroot_probe(number: usize, arguments: *const [usize; 6]) -> isize;
    fn newroot_probed();
    fn newroot_clone(flags: usize, run: unsafe extern "C" fn(usize), argument: usize) -> isize;
    fn newroot_restorer();
    fn newroot_restorer_end();
    fn newroot_resume();
    fn newroot_afterwards();
    fn newroot_resume_leave();
    fn newroot_enter(entry: usize, sp: usize, mask: u64) -> !;
    fn newroot_entered();
    #[link_name = "_start"]
    fn newroot_start();
}

/// Offset of the note, which lies behind a [`ResumeFrame`] and a word for the call's number.
pub const NOTE: usize = size_of::<ResumeFrame>() + size_of::<usize>();

/// A system call number that no kernel has. The resume code calls it to return to the handler after
/// a call that slept. From anywhere else it fails with ENOSYS.
pub const AFTERWARDS: u32 = 0x6e72;

/// Makes a system call.
///
/// # Safety
/// The owner of the memory must allow whatever the call does to it.
#[inline(always)]
pub unsafe fn syscall6(number: u32, arguments: &[usize; 6]) -> isize {
    // SAFETY: the caller guarantees that the call is allowed; the gate clobbers only registers that
    // the C ABI allows it to.
    unsafe { newroot_gate(number as usize, arguments) }
}

/// Passes a system call to the filters without running it; see [`guard`](crate::guard).
///
/// # Safety
/// Our filter must trap the call when the guest makes it. Any other call would run.
#[inline(always)]
pub unsafe fn probe6(number: u32, arguments: &[usize; 6]) -> isize {
    // SAFETY: the caller guarantees that the kernel doesn't run the call.
    unsafe { newroot_probe(number as usize, arguments) }
}

/// Returns the instruction pointer of calls that [`probe6`] makes.
#[must_use]
pub fn probe() -> usize {
    newroot_probed as *const () as usize
}

/// Runs `run(argument)` in a child process that borrows the caller's memory and stack (vfork(2)).
/// `flags` adds flags of clone(2). Returns once the child has ended, with its process ID or a
/// negative errno.
///
/// # Safety
/// `run` may return or end the process. Its changes to memory are changes to the caller's memory.
pub unsafe fn borrow_memory(flags: u32, run: unsafe extern "C" fn(usize), argument: usize) -> isize {
    // A tracer doesn't see the child.
    let flags = flags | crate::raw::CLONE_VM | crate::raw::CLONE_VFORK | crate::raw::CLONE_UNTRACED;
    // SAFETY: the caller is suspended while the child uses its stack; the caller's contract covers
    // the rest.
    unsafe { newroot_clone(flags as usize, run, argument) }
}

/// Returns the address of the signal restorer, for `sa_restorer`.
#[must_use]
pub fn restorer() -> usize {
    newroot_restorer as *const () as usize
}

/// Returns the address of the instruction that returns from a signal, for a handler of the guest.
#[must_use]
pub fn sigreturn() -> usize {
    // Skip the seven bytes that load the number.
    restorer() + 7
}

/// Returns the address at which a call that may sleep is made; see [`ResumeFrame`].
#[must_use]
pub fn resume() -> usize {
    newroot_resume as *const () as usize
}

/// Checks whether a signal interrupted the shim's restorer, or a guest's `rt_sigreturn` made in its
/// place, before it returned from another signal.
#[must_use]
pub(super) fn is_in_restorer(ip: usize) -> bool {
    (restorer()..newroot_restorer_end as *const () as usize).contains(&ip)
}

/// State of a resumed call that a signal interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupted {
    /// The kernel was about to make the call, for the first time or again. The value is the address
    /// of the [`ResumeFrame`].
    Before(usize),
    /// The kernel has made the call. The values are the address of the [`ResumeFrame`] and the
    /// call's result.
    After(usize, isize),
    /// All registers hold the guest's values, except the instruction pointer, whose value this is.
    Leaving(usize),
}

/// Finds the state of a resumed call that a signal interrupted. Returns `None` if the signal came
/// outside the resume code.
#[must_use]
pub fn interrupted(registers: &SavedRegisters) -> Option<Interrupted> {
    let ip = registers.rip;
    let leave = newroot_resume_leave as *const () as usize;
    if !(resume()..=leave).contains(&ip) {
        return None;
    }
    Some(if ip == resume() {
        Interrupted::Before(registers.rsp)
    } else if ip == leave {
        Interrupted::Leaving(registers.rcx)
    } else if ip == newroot_afterwards as *const () as usize {
        // rax holds the number of the call that returns to the handler.
        // SAFETY: the frame stays at the stack pointer up to the last instruction.
        let frame = unsafe { &*(registers.rsp as *const ResumeFrame) };
        Interrupted::After(registers.rsp, frame.result)
    } else {
        Interrupted::After(registers.rsp, registers.rax as isize)
    })
}

/// Returns the instruction pointer of [`AFTERWARDS`] where the resume code calls it: the address
/// behind that `syscall` instruction, which is two bytes long.
#[must_use]
pub fn afterwards() -> usize {
    newroot_afterwards as *const () as usize + 2
}

/// Starts a freshly loaded program, with every register as the kernel leaves it at exec. The signal
/// mask is set last, so that no signal can arrive before the shim is done.
///
/// # Safety
/// `entry` and `sp` must be as execve(2) would have set them.
pub unsafe fn enter(entry: usize, sp: usize, mask: u64) -> ! {
    // SAFETY: the caller guarantees the values; the shim isn't used after this.
    unsafe { newroot_enter(entry, sp, mask) }
}

/// Returns the address behind the last system call of a program's start.
#[must_use]
pub fn entered() -> usize {
    newroot_entered as *const () as usize
}

/// Returns the entry point of the image.
#[must_use]
pub fn start() -> usize {
    newroot_start as *const () as usize
}

/// The data that the resume code expects at the stack pointer. The assembly above depends on its
/// layout.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct ResumeFrame {
    /// Address at which the guest continues.
    pub ip: usize,
    /// The guest's stack pointer there.
    pub sp: usize,
    /// Condition for returning to the handler after the call: 0 never; 1 always; 2 if the call
    /// failed with ELOOP, ENXIO or EACCES; 3 if it failed with ENXIO or EACCES; 4 if it was a wait
    /// that found a stop.
    pub afterwards: usize,
    /// The call's result, for the handler.
    pub result: isize,
    /// The guest's argument registers, to be restored after the call.
    pub arguments: [usize; 6],
}

const _: () = {
    assert!(core::mem::offset_of!(ResumeFrame, sp) == 8);
    assert!(core::mem::offset_of!(ResumeFrame, afterwards) == 16);
    assert!(core::mem::offset_of!(ResumeFrame, result) == 24);
    assert!(core::mem::offset_of!(ResumeFrame, arguments) == 32);
};
