//! Read-only mounts where mount_setattr(2) is missing, before Linux 5.12.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::Path;

use newroot_paths::is_under;
use newroot_procfs::{Escapes, MountInfo};
use rustix::fs::{Mode, OFlags, StatVfsMountFlags};
use rustix::mount::MountFlags;

use super::raw::{self, Depth};
use crate::guest::shown;

/// Makes a mount read-only, by an open descriptor of its root and by its guest path.
pub(super) fn close(mount: BorrowedFd<'_>, guest: &[u8]) -> io::Result<()> {
    match raw::set_read_only(mount, Depth::One) {
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => {
            remount(guest, MountFlags::NOSUID | MountFlags::NODEV)
        }
        done => done,
    }
}

/// Makes an unattached tree of mounts read-only. Returns false where the kernel has no
/// mount_setattr(2).
pub(super) fn close_tree(tree: &OwnedFd) -> io::Result<bool> {
    match raw::set_read_only(tree.as_fd(), Depth::Recursive) {
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => Ok(false),
        done => done.map(|()| true),
    }
}

/// Makes the mount at a path read-only. `top` is the root of that mount. Mounts below it stay as
/// they are.
pub(super) fn remount_top(top: &OwnedFd, path: &Path) -> io::Result<()> {
    let has = rustix::fs::fstatvfs(top)?.f_flag;
    // A user namespace may not drop the flags that the mount came with.
    let flags = [
        (StatVfsMountFlags::NOSUID, MountFlags::NOSUID),
        (StatVfsMountFlags::NODEV, MountFlags::NODEV),
        (StatVfsMountFlags::NOEXEC, MountFlags::NOEXEC),
        (StatVfsMountFlags::NOATIME, MountFlags::NOATIME),
        (StatVfsMountFlags::NODIRATIME, MountFlags::NODIRATIME),
        (StatVfsMountFlags::RELATIME, MountFlags::RELATIME),
    ];
    let kept = flags.into_iter().filter(|(there, _)| has.contains(*there)).map(|(_, flag)| flag);
    let flags = kept.fold(MountFlags::BIND | MountFlags::RDONLY, |all, flag| all | flag);
    rustix::mount::mount_remount(path, flags, c"").map_err(io::Error::from)
}

/// Makes every mount at and below a guest path read-only, one after the other.
///
/// `host` is the host's root, whose /proc has the list of mounts. The guest need not have a /proc.
pub(super) fn remount_all(host: BorrowedFd<'_>, guest: &[u8]) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let list = rustix::fs::openat(host, "proc/thread-self/mountinfo", flags, Mode::empty())?;
    let mut text = Vec::new();
    File::from(list).read_to_end(&mut text)?;
    for line in text.split(|&byte| byte == b'\n') {
        let Some((path, flags)) = parse(line) else { continue };
        if is_under(&path, guest) {
            remount(&path, flags)?;
        }
    }
    Ok(())
}

fn remount(guest: &[u8], flags: MountFlags) -> io::Result<()> {
    let flags = flags | MountFlags::BIND | MountFlags::RDONLY;
    rustix::mount::mount_remount(shown(guest), flags, c"").map_err(io::Error::from)
}

/// Parses the mount point and the flags of a line of mountinfo. A remount must repeat the flags
/// that the mount came with: a user namespace may not drop them.
fn parse(line: &[u8]) -> Option<(Vec<u8>, MountFlags)> {
    let mount = MountInfo::parse(line)?;
    let path: Vec<u8> = Escapes::MOUNTS.unescape(mount.point).collect();
    let mut flags = MountFlags::empty();
    for option in mount.options.split(|&byte| byte == b',') {
        flags |= match option {
            b"nosuid" => MountFlags::NOSUID,
            b"nodev" => MountFlags::NODEV,
            b"noexec" => MountFlags::NOEXEC,
            b"noatime" => MountFlags::NOATIME,
            b"nodiratime" => MountFlags::NODIRATIME,
            b"relatime" => MountFlags::RELATIME,
            _ => MountFlags::empty(),
        };
    }
    let path = if path == b"/" { Vec::new() } else { path };
    Some((path, flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_of_mountinfo_gives_path_and_flags() {
        let line =
            b"36 35 98:0 /mnt1 /a\\040b\\134 rw,nosuid,noatime master:1 - ext3 /dev/root rw,errors=continue";
        let expected = (b"/a b\\".to_vec(), MountFlags::NOSUID | MountFlags::NOATIME);
        assert_eq!(parse(line), Some(expected));
        assert_eq!(parse(b"36 35 98:0 / / rw - ext4 x rw"), Some((Vec::new(), MountFlags::empty())));
        assert_eq!(parse(b""), None);
    }
}
