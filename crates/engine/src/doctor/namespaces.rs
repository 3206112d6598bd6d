//! Namespaces for an ordinary user.

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::MountPropagationFlags;
use rustix::thread::UnshareFlags;

use super::Outcome;
use super::attempt::attempt;
use super::raw;

/// A user namespace with a mount namespace in it, and a mount in that. Some hosts allow the
/// first and deny what it is good for.
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
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        rustix::mount::mount_change("/", private)?;
        rustix::mount::mount_bind_recursive("/", "/")?;
        Ok(0)
    })
    .outcome(|_| "with mounts of their own".to_owned())
}

/// Writes a file of /proc, which takes a text only whole.
fn write(path: &str, text: &[u8]) -> Result<(), Errno> {
    let file = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    let written = rustix::io::write(&file, text)?;
    if written == text.len() { Ok(()) } else { Err(Errno::IO) }
}
