//! Paths as the kernel has them.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// Returns the absolute path of a file, without symlinks and dots.
///
/// # Errors
/// The errnos of path_resolution(7).
pub(crate) fn real_path(path: &Path) -> io::Result<PathBuf> {
    match std::fs::canonicalize(path) {
        // glibc's realpath(3) fails if a policy denies faccessat2.
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
            let file = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
            std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()))
        }
        answer => answer,
    }
}

/// Opens a file by a path that [`real_path`] or a walk returned, relative to a directory. Doesn't
/// follow a symlink that somebody put into the path since then, so the file that was checked is the
/// one that is used.
///
/// # Errors
/// The errnos of openat2(2), ELOOP for such a symlink. Linux before 5.6 only refuses one at the end
/// of the path.
pub(crate) fn open_real(at: impl AsFd, path: &Path, flags: OFlags) -> io::Result<OwnedFd> {
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    match rustix::fs::openat2(&at, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS) {
        Err(Errno::NOSYS | Errno::PERM) => Ok(rustix::fs::openat(&at, path, flags, Mode::empty())?),
        answer => Ok(answer?),
    }
}

#[cfg(test)]
mod tests {
    use rustix::fs::CWD;

    use super::*;

    #[test]
    fn link_that_came_later_is_not_followed() {
        let top = tempfile::tempdir().expect("a directory");
        let [directory, other] = ["directory", "other"].map(|name| top.path().join(name));
        for made in [&directory, &other] {
            std::fs::create_dir(made).expect("a directory");
            std::fs::create_dir(made.join("root")).expect("a directory in it");
        }
        let path = real_path(&directory.join("root")).expect("the path exists");
        assert!(open_real(CWD, &path, OFlags::PATH).is_ok());
        std::fs::rename(&directory, top.path().join("moved")).expect("a rename");
        std::os::unix::fs::symlink(&other, &directory).expect("a link");
        let refused = open_real(CWD, &path, OFlags::PATH).map_err(|error| error.raw_os_error());
        assert_eq!(refused.err(), Some(Some(libc::ELOOP)));
    }
}
