//! Entry points of the shim (a program's start, a trap, a patched call site, a signal for the
//! guest) and the exit to a program.
//!
//! # Safety
//! The entry code switches stacks and calls Rust with what it finds in registers and on the stack.
//! A comment at each entry describes that.
#![allow(unsafe_code)]

use core::mem::offset_of;

use super::registers::{SavedRegisters, SignalContext};

/// Signals that are blocked while the shim works on a call: all. The shim's own calls never trap,
/// and an asynchronous signal waits until the guest's own stack and mask are in use again. A fault
/// in the shim itself ends the process with the fault's signal.
pub const BLOCKED_IN_HANDLER: u64 = !0;

unsafe extern "C" {
    fn newroot_call_entry();
    fn newroot_careful_entry();
    fn newroot_handlers();
}

/// Number of guest handlers that can be entered through the entry code.
pub const HANDLERS: usize = 128;

/// Offset of the instruction pointer in a [`SignalContext`].
pub const CONTEXT_IP: usize = offset_of!(SignalContext, registers) + offset_of!(SavedRegisters, rip);

/// Description of how to enter a guest's handler for SIGSYS. The assembly depends on its layout.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// Address of the handler.
    pub handler: usize,
    /// Offset to add to the addresses in the signal frame, which was copied to another stack.
    pub moved: usize,
    /// The signal mask while the handler runs.
    pub mask: u64,
}

/// Bytes of the entry for one handler.
const HANDLER_ENTRY: usize = 10;

/// Returns the address that the kernel enters for the handler with this index.
#[must_use]
pub fn handler_entry(index: usize) -> usize {
    newroot_handlers as *const () as usize + index * HANDLER_ENTRY
}

/// Returns the index of the handler for which the kernel enters at this address.
#[must_use]
pub fn handler_of_entry(entry: usize) -> Option<usize> {
    let offset = entry.checked_sub(handler_entry(0))?;
    (offset < HANDLERS * HANDLER_ENTRY).then_some(offset / HANDLER_ENTRY)
}

/// Returns the address to which the stubs of patched call sites jump: see [`site`](super::site).
#[must_use]
pub fn call_entry() -> u32 {
    newroot_call_entry as *const () as usize as u32
}

/// Returns the address to which stubs jump if their code may run on a stack that is too small.
/// Unless it runs on the main stack, the guest makes its call itself.
#[must_use]
pub fn careful_entry() -> u32 {
    newroot_careful_entry as *const () as usize as u32
}

/// Takes a slot in the entry code. Afterwards ebx holds the slot's index and rsp the upper end of
/// its stack. The code clobbers the registers that a function may clobber; rsp must be aligned as
/// for a call.
#[doc(hidden)]
#[macro_export]
macro_rules! take_slot {
    () => {
        concat!(
            "2: xor ebx, ebx\n",
            "3: mov eax, 1\n",
            "lea rcx, [rip + {holders}]\n",
            "xchg eax, dword ptr [rcx + rbx*4]\n",
            "test eax, eax\n",
            "jz 4f\n",
            "inc ebx\n",
            "cmp ebx, dword ptr [rip + {added}]\n",
            "jbe 3b\n",
            "call {all_taken}\n",
            "jmp 2b\n",
            "4: lea rsp, [rip + {slots} + {slot_size}]\n",
            "test ebx, ebx\n",
            "jz 4f\n",
            "lea ecx, [rbx - 1]\n",
            "shl rcx, {shift}\n",
            "lea rsp, [rip + __executable_start]\n",
            "sub rsp, rcx\n",
            "4:\n",
        )
    };
}

/// Emits the image's entry point, its signal handler and the entry of patched call sites. They only
/// switch stacks around a few Rust functions:
///
/// - `$start: extern "C" fn(stack: *mut usize) -> !` receives the initial stack pointer and runs on
///   the first slot's stack.
/// - `$trap: extern "C" fn(info, context, slot, delivery: *mut Delivery) -> bool` runs on the
///   private stack of the slot with index `slot`. If it returns true, the entry code runs the guest
///   handler that it has written to `delivery` instead of returning from the signal.
/// - `$fast: extern "C" fn(frame: *mut CallFrame) -> Answer` runs on the guest's stack for a call
///   that came through a patched call site. The answer's second word, in rdx, is 0 if `$call` is to
///   run, 1 if rax is the result, and 2 if the guest is to execute its own `syscall` instruction.
/// - `$entering: extern "C" fn(signal, context, slot)` runs before a handler of the guest, on the
///   stack of a slot and with all signals blocked, if the signal came in the shim's code or
///   `$cares: AtomicBool` is set.
/// - `$stubs: [[usize; 2]; $stub_areas]` lists the areas of `$stub_area` bytes that contain stubs,
///   by their first addresses.
/// - `$handlers: [AtomicUsize; HANDLERS]` holds the addresses of the guest's signal handlers, which
///   the kernel enters through [`crate::arch::handler_entry`].
/// - `$main_stack: [usize; 2]` holds the first address of the main stack and the address behind it,
///   for [`crate::arch::careful_entry`].
/// - `$call: extern "C" fn(frame: *mut CallFrame, slot)`, the slow path of a patched call site,
///   runs on the stack of a slot, with all signals blocked as they are in the signal handler.
///
/// The slots are private stacks of `1 << $shift` bytes. The first begins at `$slots`; the others
/// lie below the image, one below the other. The word `$added` holds the number of these others.
/// `$holders` is an array of words, each nonzero while its slot is taken. `$all_taken: extern "C"
/// fn()` is called on the guest's stack when no slot is free; it either adds slots or yields.
#[macro_export]
macro_rules! entry_points {
    (start: $start:path, trap: $trap:path, fast: $fast:path, call: $call:path, entering: $entering:path, handlers: $handlers:path, stubs: $stubs:path, stub_area: $stub_area:expr, stub_areas: $stub_areas:expr, cares: $cares:path, main_stack: $main_stack:path, slots: $slots:path, holders: $holders:path, added: $added:path, all_taken: $all_taken:path, shift: $shift:expr) => {
        core::arch::global_asm!(
            ".pushsection .text.newroot_entry,\"ax\",@progbits",
            ".globl _start",
            "_start:",
            "xor ebp, ebp",
            "mov rdi, rsp",
            // The first slot's stack, whose pages the program's calls will use as well. The memory
            // below the guest's own stack pointer stays as the kernel made it: zero.
            "lea rsp, [rip + {slots} + {slot_size}]",
            "call {start}",
            "ud2",
            // On entry: rdi signal, rsi siginfo, rdx ucontext, rsp the address of the restorer on
            // the guest's stack; all signals that can be blocked are blocked.
            ".p2align 4",
            ".globl newroot_trap_entry",
            ".hidden newroot_trap_entry",
            "newroot_trap_entry:",
            "push rbx",
            "push r12",
            "push r13",
            "push r14",
            "push r15",
            "sub rsp, 32", // space for a Delivery; keeps rsp aligned for a call
            "mov r12, rsp",
            "mov r13, rdi",
            "mov r14, rsi",
            "mov r15, rdx",
            $crate::take_slot!(),
            "mov rdi, r14",
            "mov rsi, r15",
            "mov edx, ebx",
            "mov rcx, r12",
            "call {trap}",
            "mov rsp, r12",
            "lea rcx, [rip + {holders}]",
            "mov dword ptr [rcx + rbx*4], 0",
            "test al, al",
            "jnz 5f",
            "add rsp, 32",
            "pop r15",
            "pop r14",
            "pop r13",
            "pop r12",
            "pop rbx",
            "ret",
            // Enter a guest's handler for SIGSYS, on the stack and with the mask that it expects.
            "5: mov rdi, r13",
            "mov rsi, r14",
            "mov rdx, r15",
            "pop rax",
            "pop r8",
            "pop r9",
            "add rsp, 8",
            "pop r15",
            "pop r14",
            "pop r13",
            "pop r12",
            "pop rbx",
            "add rsi, r8",
            "add rdx, r8",
            "add rsp, r8",
            "push rbx",
            "push r12",
            "push r13",
            "push rdi",
            "push rsi",
            "push rdx",
            "push rax",
            "push r9",
            "mov r12, rsp",
            "jmp 23f",
            // A patched call site whose code may run on any stack, including a goroutine's. The
            // flags and the red zone must be preserved; a few bytes below the red zone are
            // available.
            ".p2align 4",
            ".globl newroot_careful_entry",
            ".hidden newroot_careful_entry",
            "newroot_careful_entry:",
            "mov r11, rsp",
            "lea rsp, [rsp - {red_zone}]",
            "pushfq",
            ".globl newroot_careful_pushed",
            ".hidden newroot_careful_pushed",
            "newroot_careful_pushed:",
            "cmp r11, [rip + {main_stack}]",
            "jb 2f",
            "cmp r11, [rip + {main_stack} + 8]",
            "jae 2f",
            "popfq",
            ".globl newroot_careful_popped",
            ".hidden newroot_careful_popped",
            "newroot_careful_popped:",
            "mov rsp, r11",
            "jmp newroot_call_entry",
            ".globl newroot_careful_other",
            ".hidden newroot_careful_other",
            "newroot_careful_other:",
            "2: popfq",
            "mov rsp, r11",
            "lea rcx, [rcx - {system_call}]",
            ".globl newroot_careful_leave",
            ".hidden newroot_careful_leave",
            "newroot_careful_leave:",
            "jmp rcx",
            // A patched call site. rax holds the call's number, rcx the address behind the site.
            // r11 is free, and after the call so are rcx and rax. Everything else must be
            // preserved, including the red zone and the flags. The frame is a CallFrame.
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
            "push rax", // space for the mask
            "cld",
            "mov rbp, rsp",
            // From here on a signal finds the frame by rbp, or by the return address and the
            // address behind it.
            ".globl newroot_call_framed",
            ".hidden newroot_call_framed",
            "newroot_call_framed:",
            // Compiled code uses vector registers, but only their lower halves: see CALL_AREA.
            "and rsp, -16",
            "sub rsp, 272",
            "mov [rsp], rbp",
            "movaps [rsp + 16], xmm0",
            "movaps [rsp + 32], xmm1",
            "movaps [rsp + 48], xmm2",
            "movaps [rsp + 64], xmm3",
            "movaps [rsp + 80], xmm4",
            "movaps [rsp + 96], xmm5",
            "movaps [rsp + 112], xmm6",
            "movaps [rsp + 128], xmm7",
            "movaps [rsp + 144], xmm8",
            "movaps [rsp + 160], xmm9",
            "movaps [rsp + 176], xmm10",
            "movaps [rsp + 192], xmm11",
            "movaps [rsp + 208], xmm12",
            "movaps [rsp + 224], xmm13",
            "movaps [rsp + 240], xmm14",
            "movaps [rsp + 256], xmm15",
            ".globl newroot_call_saved",
            ".hidden newroot_call_saved",
            "newroot_call_saved:",
            // The fast path, on the guest's stack.
            "mov rdi, rbp",
            "call {fast}",
            ".globl newroot_fast_returned",
            ".hidden newroot_fast_returned",
            "newroot_fast_returned:",
            "mov qword ptr [rsp - 8], 0", // keeps a signal from finding the frame by it
            "test rdx, rdx",
            "jz 8f",
            "cmp rdx, 1",
            "jne 9f",
            "mov [rbp + 104], rax",
            "jmp 7f",
            "9: sub qword ptr [rbp + 112], {system_call}",
            ".globl newroot_fast_bypassed",
            ".hidden newroot_fast_bypassed",
            "newroot_fast_bypassed:",
            "jmp 7f",
            // The slow path.
            ".globl newroot_slow_path",
            ".hidden newroot_slow_path",
            "newroot_slow_path:",
            "8:",
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
            // A call that is still to be made needs data that lies below the shim's own, at the
            // stack pointer with which the guest continues. A signal that arrives once the mask is
            // open must not overwrite that data or the frame.
            "lea rsp, [rbp - 256]",
            "and rsp, -16",
            "mov rax, [rbp + 128]",
            "cmp rax, rsp",
            "cmovb rsp, rax",
            "lea rcx, [rip + {holders}]",
            "mov dword ptr [rcx + rbx*4], 0",
            "mov eax, {sigprocmask}",
            "mov edi, 2",
            "mov rsi, rbp",
            "xor edx, edx",
            "mov r10d, 8",
            "syscall",
            ".globl newroot_call_made",
            ".hidden newroot_call_made",
            "newroot_call_made:",
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
            // From here on the frame is no longer in use: nothing may read it. The called functions
            // have preserved the four other registers that it holds.
            "mov r11, [rbp + 40]",
            "mov rsp, [rbp + 128]",
            ".globl newroot_call_restored",
            ".hidden newroot_call_restored",
            "newroot_call_restored:",
            "mov rbp, r11",
            ".globl newroot_call_leave",
            ".hidden newroot_call_leave",
            "newroot_call_leave:",
            "jmp rcx",
            // The guest's handlers: the kernel enters at one of these for the address with the same
            // index in $handlers. rax, rcx and r8 to r11 are free; the other registers and the
            // stack belong to the handler.
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
            // If another signal arrives before the handler is entered, it finds the handler's first
            // instruction. unwind.rs depends on the state at each label.
            ".globl newroot_handlers_common",
            ".hidden newroot_handlers_common",
            "newroot_handlers_common:",
            "8: lea r11, [rip + {handlers}]",
            "mov r11, [r11 + rax*8]",
            ".globl newroot_handlers_known",
            ".hidden newroot_handlers_known",
            "newroot_handlers_known:",
            // Check whether the signal came in the shim's code,
            "mov rcx, [rdx + {ip}]",
            "mov r8, rcx",
            "lea r9, [rip + __executable_start]",
            "sub r8, r9",
            "lea r10, [rip + etext]",
            "sub r10, r9",
            "cmp r8, r10",
            "jb 9f",
            // or in a stub,
            "lea r8, [rip + {stubs}]",
            "20: mov r9, [r8]",
            "test r9, r9",
            "jz 22f",
            "mov r10, rcx",
            "sub r10, r9",
            "cmp r10, {stub_area}",
            "jb 9f",
            "add r8, 16",
            "lea r9, [rip + {stubs} + 16 * {stub_areas}]",
            "cmp r8, r9",
            "jb 20b",
            // or whether the shim is interested in SIGSYS.
            "22: cmp byte ptr [rip + {cares}], 0",
            "jne 9f",
            "xor eax, eax", // as the kernel sets it
            "jmp r11",
            // Let the shim fix the context, as in a call: on the stack of a slot, with all signals
            // blocked.
            "9: mov r8, rsp",
            ".globl newroot_handlers_saving",
            ".hidden newroot_handlers_saving",
            "newroot_handlers_saving:",
            "push rbx",
            "push r12",
            "push r13",
            "push rdi",
            "push rsi",
            "push rdx",
            "push r11",
            "push rax", // space for the mask
            "mov r12, rsp",
            ".globl newroot_handlers_saved",
            ".hidden newroot_handlers_saved",
            "newroot_handlers_saved:",
            "mov eax, {sigprocmask}",
            "mov edi, 2", // SIG_SETMASK
            "lea rsi, [rip + 6f]",
            "mov rdx, r12",
            "mov r10d, 8",
            "syscall",
            "and rsp, -16",
            $crate::take_slot!(),
            "mov rdi, [r12 + 32]",
            "mov rsi, [r12 + 16]",
            "mov edx, ebx",
            "call {entering}",
            "mov rsp, r12",
            "lea rcx, [rip + {holders}]",
            "mov dword ptr [rcx + rbx*4], 0",
            ".globl newroot_handlers_seen_to",
            ".hidden newroot_handlers_seen_to",
            "newroot_handlers_seen_to:",
            "23: mov eax, {sigprocmask}",
            "mov edi, 2",
            "mov rsi, r12",
            "xor edx, edx",
            "mov r10d, 8",
            "syscall",
            "mov r11, [r12 + 8]",
            "mov rdx, [r12 + 16]",
            "mov rsi, [r12 + 24]",
            "mov rdi, [r12 + 32]",
            "mov r13, [r12 + 40]",
            "mov rbx, [r12 + 56]",
            "xor eax, eax",
            "lea rsp, [r12 + 64]",
            "mov r12, [r12 + 48]",
            ".globl newroot_handlers_leave",
            ".hidden newroot_handlers_leave",
            "newroot_handlers_leave:",
            "jmp r11",
            ".globl newroot_handlers_end",
            ".hidden newroot_handlers_end",
            "newroot_handlers_end:",
            ".p2align 3",
            "6: .quad {blocked}",
            ".globl newroot_entry_end",
            ".hidden newroot_entry_end",
            "newroot_entry_end:",
            ".popsection",
            start = sym $start,
            trap = sym $trap,
            fast = sym $fast,
            call = sym $call,
            handlers = sym $handlers,
            handler_count = const $crate::arch::HANDLERS,
            entering = sym $entering,
            stubs = sym $stubs,
            stub_area = const $stub_area,
            stub_areas = const $stub_areas,
            cares = sym $cares,
            ip = const $crate::arch::CONTEXT_IP,
            red_zone = const $crate::arch::RED_ZONE,
            system_call = const $crate::arch::SYSTEM_CALL,
            main_stack = sym $main_stack,
            sigprocmask = const $crate::raw::__NR_rt_sigprocmask,
            blocked = const $crate::arch::BLOCKED_IN_HANDLER,
            slots = sym $slots,
            holders = sym $holders,
            added = sym $added,
            all_taken = sym $all_taken,
            shift = const $shift,
            slot_size = const 1 << $shift,
        );
    };
}
