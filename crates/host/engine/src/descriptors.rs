//! What the command inherits of newroot's descriptors.
//!
//! # Safety
//! Raw system calls on numbers. Nothing of newroot's own is open yet when they are made.
#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::os::fd::RawFd;

use crate::error::{Error, Result};

/// The first descriptor that isn't a standard one.
const FIRST: RawFd = 3;

/// Closes all above 2 but `kept`, which the command will inherit. A directory among the others would
/// be a way out of the root.
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
    // Before Linux 5.9.
    let listed =
        fs::read_dir("/proc/self/fd").map_err(|cause| Error::system("list the descriptors", cause))?;
    let open: Vec<RawFd> = listed
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|descriptor| (first..=last).contains(descriptor))
        .collect();
    for descriptor in open {
        // The one that the list was read from is closed already.
        // SAFETY: a plain number.
        unsafe { libc::close(descriptor) };
    }
    Ok(())
}
