//! Needs of the kernel engines.

use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountPropagationFlags, MoveMountFlags, OpenTreeFlags};
use rustix::thread::UnshareFlags;

use super::Outcome;
use super::attempt::attempt;
use super::raw;

/// Tries a user namespace with a mount namespace, and a mount in it. Some hosts allow the
/// namespaces and deny the mount.
pub(super) fn user_namespace() -> Outcome {
    let identity = format!("0 {} 1", rustix::process::getuid().as_raw());
    attempt(|narrator| {
        narrator.begin("create a user namespace");
        raw::unshare(UnshareFlags::NEWUSER)?;
        narrator.begin("map the user in a user namespace");
        write("/proc/self/uid_map", identity.as_bytes())?;
        narrator.begin("create a mount namespace in a user namespace");
        raw::unshare(UnshareFlags::NEWNS)?;
        narrator.begin("mount in a user namespace");
        mount_root_on_itself()?;
        Ok(0)
    })
    .outcome(|_| "with mounts of their own".to_owned())
}

/// Tries a mount namespace and a mount in it, with the caller's privileges.
pub(super) fn private_mounts() -> Outcome {
    attempt(|narrator| {
        narrator.begin("create a mount namespace");
        raw::unshare(UnshareFlags::NEWNS)?;
        narrator.begin("mount");
        mount_root_on_itself()?;
        Ok(0)
    })
    .outcome(|_| String::new())
}

/// Tries chroot(2).
pub(super) fn chroot() -> Outcome {
    attempt(|narrator| {
        narrator.begin("change the root directory");
        rustix::process::chroot("/")?;
        Ok(0)
    })
    .outcome(|_| String::new())
}

/// Mounts with the calls of Linux 5.2, as the namespace engine does.
fn mount_root_on_itself() -> Result<(), Errno> {
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private)?;
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_RECURSIVE;
    let tree = rustix::mount::open_tree(CWD, "/", flags)?;
    rustix::mount::move_mount(&tree, "", CWD, "/", MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

/// Writes a file of /proc in one write, as the kernel demands.
fn write(path: &str, text: &[u8]) -> Result<(), Errno> {
    let file = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    let written = rustix::io::write(&file, text)?;
    if written == text.len() { Ok(()) } else { Err(Errno::IO) }
}
