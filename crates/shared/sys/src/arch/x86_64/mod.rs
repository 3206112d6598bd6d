//! x86-64: system call instructions, the registers that a signal saves, and machine code.
//!
//! This directory contains the only `syscall` instructions of the shim.

mod calls;
mod dispatch;
mod entry;
mod frame;
pub mod length;
mod registers;
pub mod restartable;
mod signal_frame;
pub mod site;
pub mod tracee;
pub mod unwind;

pub use calls::{
    AFTERWARDS, Interrupted, NOTE, ResumeFrame, afterwards, borrow_memory, enter, entered, interrupted,
    probe, probe6, restorer, resume, sigreturn, start, syscall6,
};
pub use dispatch::{dispatch_end, dispatch_place, is_dispatch_place, leave_dispatch_place};
pub use entry::{
    BLOCKED_IN_HANDLER, CONTEXT_IP, Delivery, HANDLERS, call_entry, careful_entry, handler_entry,
    handler_of_entry,
};
pub use frame::{CALL_AREA, CallFrame};
pub use registers::{SA_RESTORER, SavedRegisters, SignalAction, SignalContext};
pub use signal_frame::SignalFrame;

/// AUDIT_ARCH_X86_64 (include/uapi/linux/audit.h): the value that a filter finds in
/// `seccomp_data.arch`.
pub const AUDIT_ARCH: u32 = 0xc000_003e;

/// First system call number of the x32 ABI, which the shim refuses.
pub const FOREIGN_ABI_FROM: u32 = 0x4000_0000;

/// `e_machine` of programs for this CPU.
pub const ELF_MACHINE: u16 = 62;

/// Bytes below the stack pointer that belong to the running function (System V ABI).
pub const RED_ZONE: usize = 128;

/// Bytes of a `syscall` instruction.
pub const SYSTEM_CALL: usize = 2;

/// Machine code of the `syscall` instruction.
pub const SYSTEM_CALL_CODE: u16 = 0x050f;

/// System calls that only the kernel of this CPU has: the old ones without a directory descriptor.
pub mod legacy {
    pub use crate::raw::{
        __NR_access, __NR_chmod, __NR_chown, __NR_creat, __NR_futimesat, __NR_getdents, __NR_lchown,
        __NR_link, __NR_lstat, __NR_mkdir, __NR_mknod, __NR_open, __NR_readlink, __NR_rename, __NR_rmdir,
        __NR_stat, __NR_symlink, __NR_unlink, __NR_uselib, __NR_utime, __NR_utimes,
    };
}
