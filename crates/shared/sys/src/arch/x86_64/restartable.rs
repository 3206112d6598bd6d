//! Restartable sections: one call, or a few that belong together, made on the guest's own stack
//! with its signals unblocked, and undone as a whole if a handler of the guest interrupts them.
//!
//! Inspecting a file takes three calls: open it, look, close it. A handler that leaves by
//! siglongjmp(3) or ends the thread would leave the descriptor open. The guest's handlers are
//! therefore entered through the code of [`entry_points`](crate::entry_points), which checks where
//! the signal arrived. In a restartable section, `take_back` undoes what was begun, and the
//! handler finds the guest at its own `syscall` instruction, about to make the call. When the
//! handler returns, the guest makes the call, and it traps.
//!
//! A lone open, and a call that must not be made twice ([`once`]), are not undone but completed:
//! the handler finds the guest behind the call, with its result. The exception is a result of an
//! open that sends the call to the slow path ([`is_final_open`]).
//!
//! # Safety
//! Only [`look`], [`open()`] and [`once`] enter a restartable section. Its calls use a path and a
//! structure that the shim owns, and buffers for which the guest is responsible.
#![allow(unsafe_code)]

use core::arch::global_asm;

use newroot_abi::Errno;

use super::frame::DONE;
use super::{CallFrame, SavedRegisters, syscall6};
use crate::raw;

global_asm!(
    // fn(frame: *const CallFrame, open: *const [usize; 4], look: *const Look) -> Answer
    // rbx holds the frame, rbp the next look (null for a lone open), r12 the descriptor or -1.
    // take_back depends on this.
    ".pushsection .text.newroot_restartable,\"ax\",@progbits",
    // Align to a cache line: elsewhere, processors take up to 300 ns more for the three calls.
    ".p2align 6",
    ".globl newroot_restartable",
    ".hidden newroot_restartable",
    ".type newroot_restartable,@function",
    "newroot_restartable:",
    "push rbx",
    "push rbp",
    "push r12",
    "push r13",
    "mov rbx, rdi",
    "mov rbp, rdx",
    "mov r12, -1",
    "mov rdi, [rsi]",
    "mov rdx, [rsi + 16]",
    "mov r10, [rsi + 24]",
    "mov rsi, [rsi + 8]",
    "mov eax, {openat2}",
    ".globl newroot_restartable_open",
    ".hidden newroot_restartable_open",
    "newroot_restartable_open:",
    "syscall",
    ".globl newroot_restartable_opened",
    ".hidden newroot_restartable_opened",
    "newroot_restartable_opened:",
    "test rax, rax",
    "js 2f",
    "test rbp, rbp",
    "jnz 6f",
    // The guest has its descriptor: the call must not be made again.
    "mov [rbx + 104], rax",
    "mov qword ptr [rbx], {done}",
    "jmp 2f",
    "6:",
    "mov r12, rax",
    "4:",
    "mov rdi, r12",
    "mov rsi, [rbp + 8]",
    "mov rdx, [rbp + 16]",
    "mov r10, [rbp + 24]",
    "mov r8, [rbp + 32]",
    "mov r9, [rbp + 40]",
    "mov eax, [rbp]",
    "syscall",
    "mov r13, rax",
    "cmp rax, [rbp + 48]",
    "jne 5f",
    "mov rbp, [rbp + 56]",
    "jmp 4b",
    "5:",
    "mov rdi, r12",
    "mov eax, {close}",
    "syscall",
    ".globl newroot_restartable_closed",
    ".hidden newroot_restartable_closed",
    "newroot_restartable_closed:",
    "mov rax, r13",
    "mov edx, 1",
    "jmp 3f",
    "2:",
    "xor edx, edx",
    "3:",
    "pop r13",
    "pop r12",
    "pop rbp",
    "pop rbx",
    "ret",
    // fn(frame: *mut CallFrame, number, arguments: *const [usize; 6]) -> isize
    // rbx holds the frame.
    ".p2align 4",
    ".globl newroot_restartable_once",
    ".hidden newroot_restartable_once",
    ".type newroot_restartable_once,@function",
    "newroot_restartable_once:",
    "push rbx",
    "mov rbx, rdi",
    "mov rax, rsi",
    "mov r11, rdx",
    "mov rdi, [r11]",
    "mov rsi, [r11 + 8]",
    "mov rdx, [r11 + 16]",
    "mov r10, [r11 + 24]",
    "mov r8, [r11 + 32]",
    "mov r9, [r11 + 40]",
    ".globl newroot_restartable_make",
    ".hidden newroot_restartable_make",
    "newroot_restartable_make:",
    "syscall",
    ".globl newroot_restartable_made",
    ".hidden newroot_restartable_made",
    "newroot_restartable_made:",
    "mov [rbx + 104], rax",
    "mov qword ptr [rbx], {done}",
    ".globl newroot_restartable_noted",
    ".hidden newroot_restartable_noted",
    "newroot_restartable_noted:",
    "pop rbx",
    "ret",
    ".popsection",
    done = const DONE as i64,
    openat2 = const raw::__NR_openat2,
    close = const raw::__NR_close,
);

unsafe extern "C" {
    fn newroot_restartable(frame: *const CallFrame, open: *const [usize; 4], look: *const Look) -> Answer;
    fn newroot_restartable_open();
    fn newroot_restartable_opened();
    fn newroot_restartable_closed();
    fn newroot_restartable_once(
        frame: *const CallFrame,
        number: usize,
        arguments: *const [usize; 6],
    ) -> isize;
    fn newroot_restartable_make();
    fn newroot_restartable_made();
    fn newroot_restartable_noted();
}

/// Result of a restartable section.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// Result of the last call, or a negative errno.
    pub result: isize,
    /// Whether the result is that of a look, which means that the open succeeded.
    pub looked: bool,
}

/// A call to make on the opened descriptor, which is its first argument.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Number of the call.
    pub number: usize,
    /// Arguments behind the first.
    pub arguments: [usize; 5],
    /// Result after which the next look is made, whose result then counts instead.
    pub goes_on_after: isize,
    /// Address of the next look, read only after that result.
    pub next: usize,
}

impl Look {
    /// Creates a look that no other follows.
    #[must_use]
    pub fn last(number: u32, arguments: [usize; 5]) -> Self {
        // No call has this result.
        Self { number: number as usize, arguments, goes_on_after: isize::MIN, next: 0 }
    }

    /// Creates a look that `next` follows if it has this result.
    #[must_use]
    pub fn then(number: u32, arguments: [usize; 5], result: isize, next: &Look) -> Self {
        let next = core::ptr::from_ref(next) as usize;
        Self { number: number as usize, arguments, goes_on_after: result, next }
    }
}

const _: () = {
    assert!(core::mem::offset_of!(Look, arguments) == 8);
    assert!(core::mem::offset_of!(Look, goes_on_after) == 48);
    assert!(core::mem::offset_of!(Look, next) == 56);
};

/// An open: a directory descriptor, the address of a path, and the structure for openat2(2).
#[derive(Clone, Copy, Debug)]
pub struct Open {
    /// Directory descriptor.
    pub directory: i32,
    /// Address of the path.
    pub path: usize,
    /// open_how: flags, mode, RESOLVE_*.
    pub how: [u64; 3],
}

impl Open {
    #[inline]
    fn arguments(&self) -> [usize; 4] {
        let how = self.how.as_ptr() as usize;
        [self.directory as isize as usize, self.path, how, size_of_val(&self.how)]
    }
}

/// Opens a file for the guest. Returns the guest's descriptor or a negative errno.
///
/// # Safety
/// `frame` must be that of the running call, and the path must end with a NUL.
#[must_use]
#[inline]
pub unsafe fn open(frame: &CallFrame, open: &Open) -> isize {
    // SAFETY: the structures live for the call; the frame lies above it on the stack.
    unsafe { newroot_restartable(frame, &open.arguments(), core::ptr::null()).result }
}

/// Opens a file, looks at it and closes it. Returns the result of the look, or the errno of the
/// open.
///
/// # Safety
/// `frame` must be that of the running call, and the path must end with a NUL. Memory that `look`
/// points to must be the guest's responsibility or live for the call.
#[must_use]
#[inline]
pub unsafe fn look(frame: &CallFrame, open: &Open, look: &Look) -> Answer {
    // SAFETY: the structures live for the call; the frame lies above it on the stack.
    unsafe { newroot_restartable(frame, &open.arguments(), look) }
}

/// Checks whether the guest may get this result. ELOOP may only mean that the path contains a
/// symlink, and when descriptors have run out, the slow path can do without one. In these cases the
/// call starts again on the slow path.
#[must_use]
#[inline]
pub fn is_final(result: isize) -> bool {
    !matches!(Errno::check(result), Err(Errno::LOOP | Errno::MFILE | Errno::NFILE))
}

/// Checks whether the guest may get this result of a lone open. Under fake root the slow path may
/// have more to say about ENXIO and EACCES: the file may stand for a device, or be inaccessible
/// only to the host's user.
#[must_use]
pub fn is_final_open(result: isize) -> bool {
    is_final(result) && !matches!(Errno::check(result), Err(Errno::NXIO | Errno::ACCES))
}

/// Makes a call for the guest that must not be made twice, and whose result the guest gets
/// unchanged.
///
/// # Safety
/// `frame` must be that of the running call. Memory that the arguments point to must be the guest's
/// responsibility or live for the call.
#[must_use]
#[inline]
pub unsafe fn once(frame: &CallFrame, number: u32, arguments: &[usize; 6]) -> isize {
    // SAFETY: the frame lies above on the stack.
    unsafe { newroot_restartable_once(frame, number as usize, arguments) }
}

/// Outcome of a call that a signal interrupted in a restartable section. The frame exists until the
/// guest's registers are set.
pub(super) enum Begun {
    /// The call was made, with this result.
    Made(&'static CallFrame, isize),
    /// The call must be made again.
    Undone(&'static CallFrame),
}

/// Undoes or completes a restartable section that a signal interrupted. Returns `None` if the
/// signal arrived elsewhere.
///
/// # Safety
/// The registers must be those that a signal saved in the calling thread.
pub(super) unsafe fn take_back(registers: &SavedRegisters) -> Option<Begun> {
    let [first, opened, closed] = [
        newroot_restartable_open as *const (),
        newroot_restartable_opened as *const (),
        newroot_restartable_closed as *const (),
    ]
    .map(|label| label as usize);
    let [make, made, noted] = [
        newroot_restartable_make as *const (),
        newroot_restartable_made as *const (),
        newroot_restartable_noted as *const (),
    ]
    .map(|label| label as usize);
    let ip = registers.rip;
    let result = registers.rax as isize;
    // SAFETY: in both ranges rbx holds the frame of the call, which still exists.
    let frame = || unsafe { &*(registers.rbx as *const CallFrame) };
    if ip == make {
        return Some(Begun::Undone(frame()));
    }
    if (made..noted).contains(&ip) {
        return Some(Begun::Made(frame(), result));
    }
    if !(first..closed).contains(&ip) {
        return None;
    }
    let looks = registers.rbp != 0;
    let held = registers.r12 as isize;
    // rax holds the result only once the call was made.
    let has_result = ip >= opened && held < 0;
    let descriptor =
        if held >= 0 { Some(held) } else { (looks && has_result && result >= 0).then_some(result) };
    if let Some(descriptor) = descriptor {
        // SAFETY: the section opened the descriptor, and nothing else knows of it.
        unsafe { syscall6(raw::__NR_close, &[descriptor as usize, 0, 0, 0, 0, 0]) };
    }
    Some(if !looks && has_result && is_final_open(result) {
        Begun::Made(frame(), result)
    } else {
        Begun::Undone(frame())
    })
}
