//! State that a process passes to the program it executes.
//!
//! # Safety
//! These are raw system calls. Each block says what it relies on.
#![allow(unsafe_code)]

use newroot_abi::plan::Flags;

/// Signal mask and signal actions, as newroot's caller set them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inherited {
    /// The mask, without SIGSYS.
    pub(super) mask: u64,
    /// SIGSYS_BLOCKED and SIGSYS_IGNORED.
    pub(super) flags: Flags,
}

const SIGSYS_BIT: u64 = 1 << (libc::SIGSYS - 1);

impl Inherited {
    /// Reads them from the kernel.
    pub(super) fn take() -> Self {
        let mut mask = 0u64;
        let mut flags = Flags::default();
        // SAFETY: queries into memory that lives for the calls.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigprocmask,
                libc::SIG_BLOCK,
                std::ptr::null::<u64>(),
                &raw mut mask,
                size_of::<u64>(),
            );
            let mut action: libc::sigaction = std::mem::zeroed();
            libc::sigaction(libc::SIGSYS, std::ptr::null(), &raw mut action);
            if action.sa_sigaction == libc::SIG_IGN {
                flags = flags.with(Flags::SIGSYS_IGNORED);
            }
        }
        if mask & SIGSYS_BIT != 0 {
            flags = flags.with(Flags::SIGSYS_BLOCKED);
        }
        Self { mask: mask & !SIGSYS_BIT, flags }
    }
}

/// Returns whether the kernel has the system call seccomp(2).
pub(super) fn knows_seccomp() -> bool {
    let trap = libc::SECCOMP_RET_TRAP;
    // SAFETY: the kernel reads one number, which lives for the call.
    let answer =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, &raw const trap) };
    // Linux before 4.14 has the call, but not this operation.
    answer == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ENOSYS)
}
