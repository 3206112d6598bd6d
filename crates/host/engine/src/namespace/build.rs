//! Carries out the plan: leads from a new mount namespace to the guest's root, from which nothing
//! else of the host can be reached.
//!
//! The new root is mounted over the host directory it comes from, and becomes the namespace's root
//! (pivot_root(2), "pivot_root(".", ".")"). A descriptor keeps the old root within reach. From then
//! on the kernel resolves a guest path inside the guest, whatever symlinks other processes put
//! there meanwhile. It resolves a host path below the descriptor, where none of the new mounts is
//! visible.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, UnmountFlags};

use super::host_root::{HostRoot, attach, clone_tree};
use super::raw::{self, Depth};
use super::tree::{Action, Tree, View, ViewEntry};
use super::{read_only, view};
use crate::error::{Error, Result};
use crate::guest::shown;
use crate::real_path::open_real;

/// Source of `/proc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proc {
    /// The host's, like all other bindings.
    Host,
    /// A new one, for a new PID namespace.
    New,
}

/// Makes the tree and enters it. The calling process must be alone in its mount namespace.
pub(super) fn enter(tree: &Tree, proc: Proc) -> Result<()> {
    // No mount from here on may be visible outside.
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .map_err(|cause| Error::system("keep the mounts to ourselves", cause))?;
    let old = rustix::fs::open("/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|cause| Error::system("open '/'", cause))?;
    enter_root(tree)?;
    let builder = Builder { host: HostRoot::new(old.as_fd()), proc };
    if let Some(view) = &tree.root_view {
        builder.fill(view, b"")?;
    }
    for step in &tree.steps {
        builder.carry_out(&step.guest, &step.action)?;
    }
    leave(&old)
}

/// Makes the root that of the namespace. A view is still empty then.
fn enter_root(tree: &Tree) -> Result<()> {
    let fail = |cause: io::Error| Error::Rootfs { path: tree.rootfs.clone(), cause };
    let place = open_real(CWD, &tree.rootfs, OFlags::PATH | OFlags::DIRECTORY).map_err(fail)?;
    let root = match &tree.root_view {
        None => clone_tree(place.as_fd(), Path::new("")).map_err(fail)?,
        Some(_) => view::new_tmpfs().map_err(fail)?,
    };
    // A view is closed for writing in any case. It shows the root's entries as the root's mount is
    // planned.
    let is_closed = match tree.read_only && tree.root_view.is_none() {
        true => read_only::close_tree(&root).map_err(fail)?,
        false => true,
    };
    attach(&root, place.as_fd(), Path::new("")).map_err(fail)?;
    if !is_closed {
        read_only::remount_top(&root, &tree.rootfs).map_err(fail)?;
    }
    rustix::process::fchdir(&root).map_err(|cause| fail(cause.into()))?;
    rustix::process::pivot_root(".", ".")
        .map_err(|cause| Error::system("change the root of the mount namespace", cause))
}

/// Unmounts the old root, which lies on top of the new one, with everything that is mounted in it.
fn leave(old: &OwnedFd) -> Result<()> {
    rustix::process::fchdir(old)
        .and_then(|()| rustix::mount::unmount(".", UnmountFlags::DETACH))
        .and_then(|()| rustix::process::chdir("/"))
        .map_err(|cause| Error::system("unmount the host's root", cause))
}

/// Mounts into the new root, from the old one.
struct Builder<'a> {
    host: HostRoot<'a>,
    proc: Proc,
}

impl Builder<'_> {
    fn carry_out(&self, guest: &[u8], action: &Action) -> Result<()> {
        match action {
            Action::Bind { host, read_only } => self.bind(host, guest, *read_only).map_err(|cause| {
                Error::Binding { host: host.clone(), guest: shown(guest), cause: crate::spec::reason(&cause) }
            }),
            Action::Fresh { mode, entries } => self
                .fresh(guest, *mode, entries)
                .map_err(|cause| Error::Fresh { guest: shown(guest), cause: crate::spec::reason(&cause) }),
            Action::Text(text) => self
                .text(guest, text)
                .map_err(|cause| Error::system(format!("provide '{}'", shown(guest).display()), cause)),
            Action::Cover => view::new_cover()
                .and_then(|mount| attach(&mount, open_mount_point(guest)?.as_fd(), Path::new("")))
                .map_err(|cause| Error::system(format!("cover '{}'", shown(guest).display()), cause)),
            Action::View(view) => {
                let mount = view::new_tmpfs();
                mount
                    .and_then(|mount| attach(&mount, open_mount_point(guest)?.as_fd(), Path::new("")))
                    .map_err(|cause| {
                        Error::system(format!("provide mount points in '{}'", shown(guest).display()), cause)
                    })?;
                self.fill(view, guest)
            }
        }
    }

    fn bind(&self, host: &Path, guest: &[u8], read_only: bool) -> io::Result<()> {
        let place = open_mount_point(guest)?;
        if self.proc == Proc::New && host == Path::new("/proc") {
            let mount = new_proc()?;
            attach(&mount, place.as_fd(), Path::new(""))?;
            return if read_only { raw::set_read_only(mount.as_fd(), Depth::One) } else { Ok(()) };
        }
        let mount = self.host.clone_of(host)?;
        self.host.attach_copy(&mount, place.as_fd(), Path::new(""), guest, read_only)
    }

    /// Mounts a tmpfs, with mount points for the mounts in it.
    fn fresh(&self, guest: &[u8], mode: u32, entries: &[ViewEntry]) -> io::Result<()> {
        let mount = view::new_tmpfs_with(&[("mode", &format!("{mode:o}"))])?;
        attach(&mount, open_mount_point(guest)?.as_fd(), Path::new(""))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = rustix::fs::open(shown(guest), flags, Mode::empty())?;
        entries.iter().try_for_each(|place| view::make(&directory, place))
    }

    /// Mounts a read-only file with this text. The file lies in a tmpfs of its own. Only a mount
    /// that is attached can be copied, so the tmpfs is attached for a moment over the new root,
    /// where no process looks.
    fn text(&self, guest: &[u8], text: &[u8]) -> io::Result<()> {
        const NAME: &str = "text";
        const MODE: Mode = Mode::from_bits_retain(0o444);
        let place = open_mount_point(guest)?;
        let tmpfs = view::new_tmpfs()?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&tmpfs, NAME, flags, MODE)?;
        // The mode must not depend on the umask.
        rustix::fs::fchmod(&file, MODE)?;
        File::from(file).write_all(text)?;
        attach(&tmpfs, open_mount_point(b"")?.as_fd(), Path::new(""))?;
        let copy = clone_tree(tmpfs.as_fd(), Path::new(NAME));
        rustix::process::fchdir(&tmpfs)?;
        rustix::mount::unmount(".", UnmountFlags::DETACH)?;
        rustix::process::chdir("/")?;
        self.host.attach_copy(&copy?, place.as_fd(), Path::new(""), guest, true)
    }

    fn fill(&self, view: &View, guest: &[u8]) -> Result<()> {
        view::fill(&self.host, view, guest).map_err(|cause| {
            Error::system(format!("provide mount points in '{}'", shown(guest).display()), cause)
        })
    }
}

/// Opens a mount point in the new root, which is the root of this process.
fn open_mount_point(guest: &[u8]) -> io::Result<OwnedFd> {
    let path = if guest.is_empty() { OsStr::new("/") } else { OsStr::from_bytes(guest) };
    rustix::fs::open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
        .map_err(io::Error::from)
}

/// Makes a proc file system of this process's PID namespace.
fn new_proc() -> io::Result<OwnedFd> {
    let context = rustix::mount::fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    Ok(rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}
