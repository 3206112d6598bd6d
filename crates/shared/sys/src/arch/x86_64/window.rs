//! The window: a call, or a few that belong together, made on the guest's own stack with its own signals
//! open, and taken back whole if a handler of the guest's comes in between.
//!
//! Looking at a file takes three calls: open it, look, close. A handler that leaves by siglongjmp(3), or ends
//! the thread, would leave the descriptor open. So the guest's handlers are entered by way of
//! [`entry_points`](crate::entry_points)' code, which looks where the signal came: within the window
//! [`take_back`] undoes what was begun, and the handler finds the guest at its own `syscall` instruction,
//! about to make the call. Once it returns, the guest makes it, and it traps. An open alone, and a call that must
//! not be made twice ([`once`]), are not undone but finished: the guest has made the call, and has its
//! result, unless it is one that sends the call on the slow path ([`is_final_open`]).
//!
//! # Safety
//! The window is entered by [`look`], [`open()`] and [`once`] alone. What it makes are calls with a path and a structure of
//! the shim's, and buffers that are the guest's to answer for.
#![allow(unsafe_code)]

use core::arch::global_asm;

use newroot_abi::Errno;

use super::frame::DONE;
use super::{CallFrame, SavedRegisters, syscall6};
use crate::raw;

global_asm!(
    // fn(frame: *const CallFrame, open: *const [usize; 4], look: *const Look) -> Answer
    // rbx is the frame, rbp what comes next (null for an open alone), r12 the descriptor or -1: take_back
    // knows it.
    ".pushsection .text.newroot_window,\"ax\",@progbits",
    // To the start of a cache line: where it falls otherwise, processors take up to 300 ns more for the three calls.
    ".p2align 6",
    ".globl newroot_window",
    ".hidden newroot_window",
    ".type newroot_window,@function",
    "newroot_window:",
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
    ".globl newroot_window_open",
    ".hidden newroot_window_open",
    "newroot_window_open:",
    "syscall",
    ".globl newroot_window_opened",
    ".hidden newroot_window_opened",
    "newroot_window_opened:",
    "test rax, rax",
    "js 2f",
    "test rbp, rbp",
    "jnz 6f",
    // The guest has its descriptor: the call isn't made again.
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
    ".globl newroot_window_closed",
    ".hidden newroot_window_closed",
    "newroot_window_closed:",
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
    // rbx is the frame.
    ".p2align 4",
    ".globl newroot_window_once",
    ".hidden newroot_window_once",
    ".type newroot_window_once,@function",
    "newroot_window_once:",
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
    ".globl newroot_window_make",
    ".hidden newroot_window_make",
    "newroot_window_make:",
    "syscall",
    ".globl newroot_window_made",
    ".hidden newroot_window_made",
    "newroot_window_made:",
    "mov [rbx + 104], rax",
    "mov qword ptr [rbx], {done}",
    ".globl newroot_window_noted",
    ".hidden newroot_window_noted",
    "newroot_window_noted:",
    "pop rbx",
    "ret",
    ".popsection",
    done = const DONE as i64,
    openat2 = const raw::__NR_openat2,
    close = const raw::__NR_close,
);

unsafe extern "C" {
    fn newroot_window(frame: *const CallFrame, open: *const [usize; 4], look: *const Look) -> Answer;
    fn newroot_window_open();
    fn newroot_window_opened();
    fn newroot_window_closed();
    fn newroot_window_once(frame: *const CallFrame, number: usize, arguments: *const [usize; 6]) -> isize;
    fn newroot_window_make();
    fn newroot_window_made();
    fn newroot_window_noted();
}

/// What came of it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The last call's result, or an errno's negative.
    pub result: isize,
    /// Whether it was the look's: then the open was good.
    pub looked: bool,
}

/// What is done with the descriptor: a call whose first argument it is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The call's number.
    pub number: usize,
    /// Its arguments behind the first.
    pub arguments: [usize; 5],
    /// The result after which there is another look, which then counts.
    pub goes_on_after: isize,
    /// That look's address; read only after that result.
    pub next: usize,
}

impl Look {
    /// A look that is the last.
    #[must_use]
    pub fn last(number: u32, arguments: [usize; 5]) -> Self {
        // No call has this result.
        Self { number: number as usize, arguments, goes_on_after: isize::MIN, next: 0 }
    }

    /// A look after which another is taken if it has this result.
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

/// What is opened, and how: a directory descriptor, the address of a path, and openat2(2)'s structure.
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

/// Opens, for the guest: the result is its descriptor, or an errno.
///
/// # Safety
/// `frame` is that of the call that is being run, and the path ends with NUL.
#[must_use]
#[inline]
pub unsafe fn open(frame: &CallFrame, open: &Open) -> isize {
    // SAFETY: the structures live for the call; the frame stands above it on the stack.
    unsafe { newroot_window(frame, &open.arguments(), core::ptr::null()).result }
}

/// Opens, looks, closes: the result is that of the look, or the errno of the open.
///
/// # Safety
/// As for [`open()`]; a pointer in `look` is the guest's to answer for, or lives as long.
#[must_use]
#[inline]
pub unsafe fn look(frame: &CallFrame, open: &Open, look: &Look) -> Answer {
    // SAFETY: as above.
    unsafe { newroot_window(frame, &open.arguments(), look) }
}

/// Whether this is what the guest is told. ELOOP may mean no more than that there is a symlink, and where
/// descriptors are out the long way can do without: then the call begins anew.
#[must_use]
#[inline]
pub fn is_final(result: isize) -> bool {
    !matches!(Errno::check(result), Err(Errno::LOOP | Errno::MFILE | Errno::NFILE))
}

/// The same of an open alone. Under fake root there may be more to say to a refusal: what was opened may stand
/// for a device, or be closed to the host's user only.
#[must_use]
pub fn is_final_open(result: isize) -> bool {
    is_final(result) && !matches!(Errno::check(result), Err(Errno::NXIO | Errno::ACCES))
}

/// Makes a call for the guest that must be made once only, and whose result is the guest's as it is.
///
/// # Safety
/// As for [`open()`]; what the arguments point to is the guest's to answer for, or lives as long.
#[must_use]
#[inline]
pub unsafe fn once(frame: &CallFrame, number: u32, arguments: &[usize; 6]) -> isize {
    // SAFETY: the frame stands above on the stack.
    unsafe { newroot_window_once(frame, number as usize, arguments) }
}

/// What is to become of a call that a signal found in the window. The frame is there until the guest's registers are set.
pub(super) enum Begun {
    /// It has this result.
    Made(&'static CallFrame, isize),
    /// It is to be made anew.
    Undone(&'static CallFrame),
}

/// Undoes or finishes what a signal found begun in the window; `None` if it came elsewhere.
///
/// # Safety
/// The registers are those that a signal saved in the calling thread.
pub(super) unsafe fn take_back(registers: &SavedRegisters) -> Option<Begun> {
    let [first, opened, closed] = [
        newroot_window_open as *const (),
        newroot_window_opened as *const (),
        newroot_window_closed as *const (),
    ]
    .map(|label| label as usize);
    let [make, made, noted] = [
        newroot_window_make as *const (),
        newroot_window_made as *const (),
        newroot_window_noted as *const (),
    ]
    .map(|label| label as usize);
    let ip = registers.rip;
    let result = registers.rax as isize;
    // SAFETY: within both ranges rbx is the frame of the call, which is still there.
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
    // The result counts only once the call was made.
    let has_result = ip >= opened && held < 0;
    let descriptor =
        if held >= 0 { Some(held) } else { (looks && has_result && result >= 0).then_some(result) };
    if let Some(descriptor) = descriptor {
        // SAFETY: it was opened in the window, and nobody else knows of it.
        unsafe { syscall6(raw::__NR_close, &[descriptor as usize, 0, 0, 0, 0, 0]) };
    }
    Some(if !looks && has_result && is_final_open(result) {
        Begun::Made(frame(), result)
    } else {
        Begun::Undone(frame())
    })
}
