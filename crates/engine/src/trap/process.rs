//! What a process hands to the program it becomes, and becoming it.
//!
//! # Safety
//! Raw system calls; each block says what it relies on.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use newroot_abi::plan::Flags;

/// Signal mask and dispositions as newroot's caller left them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Inherited {
    /// The mask, without SIGSYS.
    pub(super) mask: u64,
    /// SIGSYS_BLOCKED, SIGSYS_IGNORED.
    pub(super) flags: Flags,
}

const SIGSYS_BIT: u64 = 1 << (libc::SIGSYS - 1);

impl Inherited {
    /// Notes them.
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

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
}

/// execveat(2) of a descriptor. Returns only to say why not.
pub(super) fn execute_descriptor(
    file: &OwnedFd,
    arguments: &[CString],
    environment: &[CString],
) -> io::Error {
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    let empty: &CStr = c"";
    // SAFETY: NULL-terminated arrays of C strings that live for the call.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            file.as_raw_fd(),
            empty.as_ptr(),
            arguments.as_ptr(),
            environment.as_ptr(),
            libc::AT_EMPTY_PATH,
        );
    }
    io::Error::last_os_error()
}

/// execve(2). Returns only to say why not.
pub(super) fn execute_path(path: &Path, arguments: &[CString], environment: &[CString]) -> io::Error {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else {
        return io::Error::from_raw_os_error(libc::EINVAL);
    };
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: as above.
    unsafe { libc::execve(path.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    io::Error::last_os_error()
}
