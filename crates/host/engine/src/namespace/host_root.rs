//! The host's root, which a descriptor keeps within reach while the guest's root is built, and from
//! which mounts are copied.

use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::mount::{MoveMountFlags, OpenTreeFlags};

use super::raw::{self, Depth};
use super::read_only;
use crate::real_path::open_real;

/// The host's root.
pub(super) struct HostRoot<'a> {
    root: BorrowedFd<'a>,
}

impl<'a> HostRoot<'a> {
    /// Takes the open directory of the host's root.
    pub(super) fn new(root: BorrowedFd<'a>) -> Self {
        Self { root }
    }

    /// Copies the mounts at and below the host's `path`.
    pub(super) fn clone_of(&self, path: &Path) -> io::Result<OwnedFd> {
        clone_tree(open_real(self.root, below(path), OFlags::PATH)?.as_fd(), Path::new(""))
    }

    /// Opens a directory of the host for reading.
    pub(super) fn directory(&self, path: &Path) -> io::Result<OwnedFd> {
        open_real(self.root, below(path), OFlags::RDONLY | OFlags::DIRECTORY)
    }

    /// Attaches a copy of mounts, whose guest path will be `guest`. If they must be read-only, a
    /// kernel without mount_setattr(2) gets a remount for each.
    pub(super) fn attach_copy(
        &self,
        mount: &OwnedFd,
        at: BorrowedFd<'_>,
        path: &Path,
        guest: &[u8],
        read_only: bool,
    ) -> io::Result<()> {
        if !read_only {
            return attach(mount, at, path);
        }
        match raw::set_read_only(mount.as_fd(), Depth::Recursive) {
            Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => {
                attach(mount, at, path)?;
                read_only::remount_all(self.root, guest)
            }
            done => done.and_then(|()| attach(mount, at, path)),
        }
    }
}

/// Turns an absolute path into a relative one.
fn below(path: &Path) -> &Path {
    match path.strip_prefix("/") {
        Ok(rest) if rest == Path::new("") => Path::new("."),
        Ok(rest) => rest,
        Err(_) => path,
    }
}

/// Copies a mount with those below it. The copy is not attached.
pub(super) fn clone_tree(from: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE
        | OpenTreeFlags::AT_SYMLINK_NOFOLLOW
        | OpenTreeFlags::AT_EMPTY_PATH;
    rustix::mount::open_tree(from, path, flags).map_err(io::Error::from)
}

/// Attaches a mount from [`clone_tree`] or fsmount(2).
pub(super) fn attach(mount: &OwnedFd, at: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    rustix::mount::move_mount(mount, "", at, path, flags).map_err(io::Error::from)
}
