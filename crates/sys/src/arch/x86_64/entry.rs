//! Where the shim is entered (a program's start, a trap, a patched call site, a signal for the guest), and
//! left for a program.
//!
//! # Safety
//! The entry code moves between stacks and calls Rust with what it has found; each entry says what that is.
#![allow(unsafe_code)]

use core::mem::offset_of;

use super::registers::{SavedRegisters, SignalContext};

/// Signals that are blocked while the shim works on a call: all but those that say that the shim
/// itself is broken (SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV). SIGSYS is among them: no call of the
/// shim's own traps, and one that is sent must wait until the guest's own stack is in use again.
pub const BLOCKED_IN_HANDLER: u64 = !(1 << 3 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 10);

unsafe extern "C" {
    fn newroot_call_entry();
    fn newroot_careful_entry();
    fn newroot_handlers();
}

/// How many handlers of a guest's can be entered by way of the entry code.
pub const HANDLERS: usize = 128;

/// Offset of the instruction pointer in a [`SignalContext`].
pub const CONTEXT_IP: usize = offset_of!(SignalContext, registers) + offset_of!(SavedRegisters, rip);

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

/// Where the stubs of patched call sites go: see [`site`](super::site).
#[must_use]
pub fn call_entry() -> u32 {
    newroot_call_entry as *const () as usize as u32
}

/// Where those go whose code may run on a stack that is too small: from anywhere but the main stack the
/// guest makes its call itself.
#[must_use]
pub fn careful_entry() -> u32 {
    newroot_careful_entry as *const () as usize as u32
}

/// Takes a slot in the entry code: afterwards ebx is its index, rsp the upper end of its stack. Changes rax, rcx,
/// and r11 if it has to wait.
#[doc(hidden)]
#[macro_export]
macro_rules! take_slot {
    () => {
        concat!(
            "2: xor ebx, ebx\n",
            "3: mov eax, 1\n",
            "lea rcx, [rip + {owners}]\n",
            "xchg eax, dword ptr [rcx + rbx*4]\n",
            "test eax, eax\n",
            "jz 4f\n",
            "inc ebx\n",
            "cmp ebx, {count}\n",
            "jb 3b\n",
            "mov eax, 24\n", // sched_yield: all slots are taken by threads that will give them back
            "syscall\n",
            "jmp 2b\n",
            "4: lea ecx, [rbx + 1]\n",
            "shl rcx, {shift}\n",
            "lea rsp, [rip + {slots}]\n",
            "add rsp, rcx\n",
        )
    };
}

/// Emits the image's entry point, its signal handler and where patched call sites enter, which are
/// nothing but moves between stacks around a few Rust functions:
///
/// - `$start: extern "C" fn(stack: *mut usize) -> !` is given the initial stack pointer; it runs on the first slot's
///   stack;
/// - `$trap: extern "C" fn(info, context, slot) -> usize` runs on the private stack of a
///   slot (its index is `slot`); a nonzero result is a guest handler to be run instead of
///   returning from the signal;
/// - `$fast: extern "C" fn(frame: *mut CallFrame) -> bool` runs on the guest's stack, where a call came
///   through a patched call site; if it says no, then
/// - `$handlers: [AtomicUsize; HANDLERS]` are the guest's signal handlers, which are entered by way of
///   [`handler_entry`](crate::arch::handler_entry);
/// - `$main_stack: [usize; 2]` are the first address of the main stack and the one behind it, for
///   [`careful_entry`](crate::arch::careful_entry);
/// - `$call: extern "C" fn(frame: *mut CallFrame, slot)` runs on the stack of a slot, with all signals
///   blocked as they are in the handler.
///
/// The slots: `$slots` is the first byte of `$count` private stacks of `1 << $shift` bytes,
/// `$owners` an array of `$count` words, nonzero while a slot is taken.
#[macro_export]
macro_rules! entry_points {
    (start: $start:path, trap: $trap:path, fast: $fast:path, call: $call:path, handlers: $handlers:path, main_stack: $main_stack:path, slots: $slots:path, owners: $owners:path, count: $count:expr, shift: $shift:expr) => {
        core::arch::global_asm!(
            ".pushsection .text.newroot_entry,\"ax\",@progbits",
            ".globl _start",
            "_start:",
            "xor ebp, ebp",
            "mov rdi, rsp",
            // The first slot's stack, whose pages the program's calls will use as well. What is below the
            // guest's own stack pointer stays as the kernel made it: zeroes.
            "lea rsp, [rip + {slots} + {slot_size}]",
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
            $crate::take_slot!(),
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
            // A patched call site whose code may run on any stack, goroutines' included. Flags are to be kept,
            // and the red zone; a few bytes below it are there.
            ".p2align 4",
            ".globl newroot_careful_entry",
            ".hidden newroot_careful_entry",
            "newroot_careful_entry:",
            "lea rsp, [rsp - {red_zone}]",
            "pushfq",
            "lea r11, [rip + {main_stack}]",
            "cmp rsp, [r11]",
            "jb 2f",
            "cmp rsp, [r11 + 8]",
            "jae 2f",
            "popfq",
            "lea rsp, [rsp + {red_zone}]",
            "jmp newroot_call_entry",
            "2: popfq",
            "lea rsp, [rsp + {red_zone}]",
            "lea rcx, [rcx - {system_call}]",
            "jmp rcx",
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
            $crate::take_slot!(),
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
            // Another signal's handler was entered and has had no time to see to the window.
            "mov rcx, [rdx + {ip}]",
            "lea r8, [rip + newroot_handlers]",
            "sub rcx, r8",
            "lea r9, [rip + newroot_handlers_end]",
            "sub r9, r8",
            "cmp rcx, r9",
            "jbe 9f",
            "jmp r11",
            "9: push rdi",
            "push rsi",
            "push rdx",
            "push r11",
            "sub rsp, 8",
            "mov rdi, rdx",
            // Up to here rdx is the signal's context: take_back knows it.
            ".globl newroot_handlers_end",
            ".hidden newroot_handlers_end",
            "newroot_handlers_end:",
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
            system_call = const $crate::arch::SYSTEM_CALL,
            main_stack = sym $main_stack,
            sigprocmask = const $crate::raw::__NR_rt_sigprocmask,
            blocked = const $crate::arch::BLOCKED_IN_HANDLER,
            slots = sym $slots,
            owners = sym $owners,
            count = const $count,
            shift = const $shift,
            slot_size = const 1 << $shift,
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
