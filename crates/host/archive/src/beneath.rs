//! Directories below another one, opened without ever leaving it.
//!
//! One openat2(2) that refuses symlinks opens a path. Where that call is missing, the path is
//! opened one component at a time with O_NOFOLLOW. Neither way follows a symlink, not even one that
//! another process makes meanwhile.

use std::cell::Cell;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use newroot_abi::PATH_MAX;
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
use rustix::io::Errno;

/// A directory that no path below it leaves.
#[derive(Debug)]
pub(crate) struct Beneath {
    top: OwnedFd,
    in_one_call: Cell<bool>,
}

impl Beneath {
    /// Opens a directory that was just made. Doesn't follow a symlink that another process has put
    /// in its place.
    pub(crate) fn open_made(path: &Path) -> Result<Self, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self { top: openat(CWD, path, flags, Mode::empty())?, in_one_call: Cell::new(true) })
    }

    /// Opens a directory by its host path, and follows symlinks.
    pub(crate) fn open(path: &Path) -> Result<Self, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { top: openat(CWD, path, flags, Mode::empty())?, in_one_call: Cell::new(true) })
    }

    /// Returns the directory itself.
    pub(crate) fn top(&self) -> BorrowedFd<'_> {
        self.top.as_fd()
    }

    /// Opens the directory at `path`: relative, without `..`, maybe empty. ENOTDIR or ELOOP if a
    /// component is a symlink.
    pub(crate) fn directory(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        self.open_directory(path, OFlags::PATH)
    }

    /// Opens the directory at `path` for reading, so that it can be listed and changed.
    pub(crate) fn readable(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        self.open_directory(path, OFlags::RDONLY)
    }

    fn open_directory(&self, path: &[u8], access: OFlags) -> Result<OwnedFd, Errno> {
        let flags = access | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if path.is_empty() {
            return openat(&self.top, ".", flags, Mode::empty());
        }
        if self.in_one_call.get() && path.len() < PATH_MAX {
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
            match openat2(&self.top, OsStr::from_bytes(path), flags, Mode::empty(), resolve) {
                // Linux before 5.6, or a seccomp filter that doesn't know the call.
                Err(Errno::NOSYS | Errno::PERM) => self.in_one_call.set(false),
                other => return other,
            }
        }
        self.step_by_step(path, flags)
    }

    fn step_by_step(&self, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let mut names = path.split(|&byte| byte == b'/').peekable();
        let mut here: Option<OwnedFd> = None;
        while let Some(name) = names.next() {
            if matches!(name, b"" | b"." | b"..") {
                return Err(Errno::INVAL);
            }
            let last = names.peek().is_none();
            let way = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let from = here.as_ref().map_or_else(|| self.top.as_fd(), |here| here.as_fd());
            let next = openat(from, OsStr::from_bytes(name), if last { flags } else { way }, Mode::empty())?;
            here = Some(next);
        }
        here.ok_or(Errno::NOENT)
    }
}

/// Splits a path that isn't empty into its directory and its last component.
pub(crate) fn split(path: &[u8]) -> (&[u8], &OsStr) {
    match path.iter().rposition(|&byte| byte == b'/') {
        Some(slash) => (&path[..slash], OsStr::from_bytes(&path[slash + 1..])),
        None => (b"", OsStr::from_bytes(path)),
    }
}

/// Returns the path of `name` in `directory`.
pub(crate) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() { name.to_vec() } else { [directory, b"/", name].concat() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn no_link_is_followed_in_either_way() {
        let directory = tempfile::tempdir().unwrap();
        let at = |path: &str| directory.path().join(path);
        fs::create_dir_all(at("a/b")).unwrap();
        symlink("a", at("link")).unwrap();
        symlink("/", at("a/out")).unwrap();
        for in_one_call in [true, false] {
            let beneath = Beneath::open(directory.path()).unwrap();
            beneath.in_one_call.set(in_one_call);
            for path in ["", "a", "a/b"] {
                assert!(beneath.directory(path.as_bytes()).is_ok(), "{path}");
                assert!(beneath.readable(path.as_bytes()).is_ok(), "{path}");
            }
            for path in ["link", "link/b", "a/out", "a/out/etc", "a/../..", "/etc", "..", "gone"] {
                assert!(beneath.directory(path.as_bytes()).is_err(), "{path} {in_one_call}");
            }
        }
    }
}
