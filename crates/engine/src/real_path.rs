//! Paths as the kernel has them.

use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// The absolute path of a file, without links and dots.
///
/// # Errors
/// Those of looking it up.
pub(crate) fn real_path(path: &Path) -> io::Result<PathBuf> {
    match std::fs::canonicalize(path) {
        // glibc's realpath(3) takes it to heart that a policy denies faccessat2.
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
            let file = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
            std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
        }
        answer => answer,
    }
}
