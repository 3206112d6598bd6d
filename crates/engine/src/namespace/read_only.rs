//! Read-only mounts where mount_setattr(2) is missing, before Linux 5.12.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::BorrowedFd;

use newroot_paths::is_under;
use rustix::fs::{Mode, OFlags};
use rustix::mount::MountFlags;

use super::raw::{self, Depth};
use crate::guest::shown;

/// Makes the mount that an open directory is the root of, at this guest path, read-only.
pub(super) fn close(mount: BorrowedFd<'_>, guest: &[u8]) -> io::Result<()> {
    match raw::set_read_only(mount, Depth::One) {
        Err(error) if error.raw_os_error() == Some(libc::ENOSYS) => {
            remount(guest, MountFlags::NOSUID | MountFlags::NODEV)
        }
        done => done,
    }
}

/// Makes every mount at and below a guest path read-only, one after the other.
///
/// `host` is the host's root, which has the list of mounts: the guest need not have a /proc.
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

/// Mount point and flags of a line of mountinfo, as proc(5) lays it out. Flags that the mount came
/// with have to be repeated: a user namespace may not drop them.
fn parse(line: &[u8]) -> Option<(Vec<u8>, MountFlags)> {
    let mut fields = line.split(|&byte| byte == b' ');
    let path = unescape(fields.nth(4)?);
    let mut flags = MountFlags::empty();
    for option in fields.next()?.split(|&byte| byte == b',') {
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

/// A path without the octal escapes that stand for blanks and backslashes.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = (byte == b'\\')
            .then(|| after.get(..3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(str::from_utf8(digits).ok()?, 8).ok());
        out.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &after[3..] } else { after };
    }
    out
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
