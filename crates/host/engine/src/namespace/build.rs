//! Carrying out the plan: from a mount namespace of our own to the guest's root, with nothing else
//! of the host's left in it.
//!
//! The new root is mounted over the host directory it comes from, which becomes the namespace's
//! root (pivot_root(2), "pivot_root(".", ".")"), while a descriptor keeps the old one within reach.
//! From then on a guest path is resolved by the kernel inside the guest, whatever symlinks anybody
//! puts there meanwhile, and a host path below the descriptor, where none of our mounts is seen.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags,
    UnmountFlags,
};

use super::raw::{self, Depth};
use super::tree::{Action, Tree, View};
use super::{read_only, view};
use crate::error::{Error, Result};
use crate::guest::shown;
use crate::real_path::open_real;

/// Where `/proc` comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proc {
    /// It is the host's, like all else.
    Host,
    /// The PID namespace is a new one, and has its own.
    New,
}

/// Makes the tree and enters it. The calling process must be alone in its mount namespace.
pub(super) fn enter(tree: &Tree, proc: Proc) -> Result<()> {
    // Nothing that is mounted from here on may be seen outside.
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|cause| Error::system("keep the mounts to ourselves", cause))?;
    let old = rustix::fs::open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|cause| Error::system("open '/'", cause))?;
    enter_root(tree)?;
    let builder = Builder { old: old.as_fd(), proc };
    if let Some(view) = &tree.root_view {
        builder.fill(view, b"")?;
    }
    for step in &tree.steps {
        builder.carry_out(&step.guest, &step.action)?;
    }
    leave(&old)
}

/// Makes the root the namespace's, empty as yet if it is a view.
fn enter_root(tree: &Tree) -> Result<()> {
    let fail = |cause: io::Error| Error::Rootfs { path: tree.rootfs.clone(), cause };
    let place = open_real(CWD, &tree.rootfs, OFlags::PATH | OFlags::DIRECTORY).map_err(fail)?;
    let root = match &tree.root_view {
        None => clone_tree(place.as_fd(), Path::new("")).map_err(fail)?,
        Some(_) => view::new_tmpfs().map_err(fail)?,
    };
    attach(&root, place.as_fd(), Path::new("")).map_err(fail)?;
    rustix::process::fchdir(&root).map_err(|cause| fail(cause.into()))?;
    rustix::process::pivot_root(".", ".")
        .map_err(|cause| Error::system("change the root of the mount namespace", cause))
}

/// Lets go of the old root and all that is mounted in it. It lies on top of the new one.
fn leave(old: &OwnedFd) -> Result<()> {
    rustix::process::fchdir(old)
        .and_then(|()| rustix::mount::unmount(".", UnmountFlags::DETACH))
        .and_then(|()| rustix::process::chdir("/"))
        .map_err(|cause| Error::system("unmount the host's root", cause))
}

/// A copy of a mount with those below it, attached nowhere yet.
fn clone_tree(from: BorrowedFd<'_>, path: &Path) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE
        | OpenTreeFlags::AT_SYMLINK_NOFOLLOW
        | OpenTreeFlags::AT_EMPTY_PATH;
    rustix::mount::open_tree(from, path, flags).map_err(io::Error::from)
}

/// Mounts what [`clone_tree`] or fsmount(2) gave.
pub(super) fn attach(mount: &OwnedFd, at: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    rustix::mount::move_mount(mount, "", at, path, flags).map_err(io::Error::from)
}

/// Mounts into the new root, out of the old one.
pub(super) struct Builder<'a> {
    old: BorrowedFd<'a>,
    proc: Proc,
}

impl Builder<'_> {
    fn carry_out(&self, guest: &[u8], action: &Action) -> Result<()> {
        match action {
            Action::Bind { host, read_only } => self.bind(host, guest, *read_only).map_err(|cause| {
                Error::Binding { host: host.clone(), guest: shown(guest), cause: crate::spec::reason(&cause) }
            }),
            Action::Cover => view::new_cover()
                .and_then(|mount| attach(&mount, open_place(guest)?.as_fd(), Path::new("")))
                .map_err(|cause| Error::system(format!("cover '{}'", shown(guest).display()), cause)),
            Action::View(view) => {
                let mount = view::new_tmpfs();
                mount.and_then(|mount| attach(&mount, open_place(guest)?.as_fd(), Path::new(""))).map_err(
                    |cause| {
                        Error::system(format!("provide mount points in '{}'", shown(guest).display()), cause)
                    },
                )?;
                self.fill(view, guest)
            }
        }
    }

    fn bind(&self, host: &Path, guest: &[u8], read_only: bool) -> io::Result<()> {
        let place = open_place(guest)?;
        if self.proc == Proc::New && host == Path::new("/proc") {
            let mount = new_proc()?;
            attach(&mount, place.as_fd(), Path::new(""))?;
            return if read_only { raw::set_read_only(mount.as_fd(), Depth::One) } else { Ok(()) };
        }
        let mount = self.clone_of(host)?;
        self.mount(&mount, place.as_fd(), Path::new(""), guest, read_only)
    }

    /// Attaches a cloned tree, whose guest path will be `guest`.
    pub(super) fn mount(
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
                read_only::remount_all(self.old, guest)
            }
            done => done.and_then(|()| attach(mount, at, path)),
        }
    }

    fn fill(&self, view: &View, guest: &[u8]) -> Result<()> {
        view::fill(self, view, guest).map_err(|cause| {
            Error::system(format!("provide mount points in '{}'", shown(guest).display()), cause)
        })
    }

    /// A copy of what the host has at `path`.
    pub(super) fn clone_of(&self, path: &Path) -> io::Result<OwnedFd> {
        clone_tree(open_real(self.old, below(path), OFlags::PATH)?.as_fd(), Path::new(""))
    }

    /// A directory of the host's.
    pub(super) fn host_directory(&self, path: &Path) -> io::Result<OwnedFd> {
        open_real(self.old, below(path), OFlags::RDONLY | OFlags::DIRECTORY)
    }
}

/// An absolute path as a relative one.
fn below(path: &Path) -> &Path {
    match path.strip_prefix("/") {
        Ok(rest) if rest == Path::new("") => Path::new("."),
        Ok(rest) => rest,
        Err(_) => path,
    }
}

/// The mount point in the new root, which is the process's.
fn open_place(guest: &[u8]) -> io::Result<OwnedFd> {
    let path = if guest.is_empty() { OsStr::new("/") } else { OsStr::from_bytes(guest) };
    rustix::fs::open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
        .map_err(io::Error::from)
}

/// A proc file system of this process's PID namespace.
fn new_proc() -> io::Result<OwnedFd> {
    let context = rustix::mount::fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    Ok(rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}
