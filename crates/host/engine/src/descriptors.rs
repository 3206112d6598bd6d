//! The descriptors that the command inherits from newroot.
//!
//! # Safety
//! These are raw system calls on numbers. newroot has opened nothing yet when it makes them.
#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::os::fd::RawFd;

use crate::error::{Error, Result};

/// The first descriptor behind the standard ones.
const FIRST: RawFd = 3;

/// Closes all descriptors above 2 except those in `kept`, which the command inherits. An open
/// directory among the others would be a way out of the root.
pub(crate) fn close_all_but(kept: &[RawFd]) -> Result<()> {
    let mut kept: Vec<RawFd> = kept.iter().copied().filter(|&kept| kept >= FIRST).collect();
    kept.sort_unstable();
    for &descriptor in &kept {
        // SAFETY: plain numbers.
        if unsafe { libc::fcntl(descriptor, libc::F_SETFD, 0) } != 0 {
            return Err(Error::system(format!("keep descriptor {descriptor}"), io::Error::last_os_error()));
        }
    }
    let mut first = FIRST;
    for &descriptor in &kept {
        close_range(first, descriptor - 1)?;
        first = descriptor + 1;
    }
    close_range(first, RawFd::MAX)
}

fn close_range(first: RawFd, last: RawFd) -> Result<()> {
    if first > last {
        return Ok(());
    }
    // SAFETY: plain numbers.
    if unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } == 0 {
        return Ok(());
    }
    // Linux before 5.9.
    let listed =
        fs::read_dir("/proc/self/fd").map_err(|cause| Error::system("list the descriptors", cause))?;
    let open: Vec<RawFd> = listed
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|descriptor| (first..=last).contains(descriptor))
        .collect();
    for descriptor in open {
        // SAFETY: a plain number. The descriptor that listed the directory is closed already, and
        // fails with EBADF.
        unsafe { libc::close(descriptor) };
    }
    Ok(())
}
