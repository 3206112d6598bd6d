//! Makes views, the substitutes for directories that lack mount points.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Timestamps};
use rustix::io::Errno;
use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags};

use super::host_root::HostRoot;
use super::read_only;
use super::tree::{View, ViewEntry, ViewEntryKind};

/// Makes an empty tmpfs. It is not attached.
pub(super) fn new_tmpfs() -> io::Result<OwnedFd> {
    new_tmpfs_with(&[])
}

/// Makes an empty tmpfs with these options (tmpfs(5)). It is not attached.
pub(super) fn new_tmpfs_with(options: &[(&str, &str)]) -> io::Result<OwnedFd> {
    let context = rustix::mount::fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (name, value) in options {
        rustix::mount::fsconfig_set_string(&context, *name, *value)?;
    }
    rustix::mount::fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
    Ok(rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

/// Makes an empty file system without any permissions. It is not attached.
pub(super) fn new_cover() -> io::Result<OwnedFd> {
    let context = rustix::mount::fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    rustix::mount::fsconfig_set_string(&context, "mode", "0")?;
    rustix::mount::fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_RDONLY
        | MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    Ok(rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

/// Fills the tmpfs that is mounted at the guest path, and closes it for writing.
pub(super) fn fill(host: &HostRoot<'_>, view: &View, guest: &[u8]) -> io::Result<()> {
    let path = if guest.is_empty() { b"/" } else { guest };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let stand_in = rustix::fs::open(OsStr::from_bytes(path), flags, Mode::empty())?;
    let real = host.directory(&view.host)?;
    for entry in Dir::read_from(&real)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." && !view.covers(name) {
            let guest = [guest, b"/", name].concat();
            reproduce(host, view, (&real, &stand_in), OsStr::from_bytes(name), &guest)?;
        }
    }
    for entry in &view.entries {
        make(&stand_in, entry)?;
    }
    copy_attributes(&stand_in, &real)?;
    read_only::close(stand_in.as_fd(), guest)
}

/// Makes one entry of the real directory visible in the view: copies a symlink, and binds any other
/// file.
fn reproduce(
    host: &HostRoot<'_>,
    view: &View,
    (real, stand_in): (&OwnedFd, &OwnedFd),
    name: &OsStr,
    guest: &[u8],
) -> io::Result<()> {
    let metadata = match rustix::fs::statat(real, name, AtFlags::SYMLINK_NOFOLLOW) {
        // It was removed after it was listed.
        Err(Errno::NOENT) => return Ok(()),
        other => other?,
    };
    match FileType::from_raw_mode(metadata.st_mode) {
        FileType::Symlink => {
            let target = rustix::fs::readlinkat(real, name, Vec::new())?;
            return Ok(rustix::fs::symlinkat(target, stand_in, name)?);
        }
        FileType::Directory => rustix::fs::mkdirat(stand_in, name, Mode::RWXU)?,
        _ => make_file(stand_in, name)?,
    }
    let mount = host.clone_of(&view.host.join(name))?;
    host.attach_copy(&mount, stand_in.as_fd(), Path::new(name), guest, view.read_only)
}

/// Makes a mount point and the missing directories above it.
pub(super) fn make(stand_in: &OwnedFd, entry: &ViewEntry) -> io::Result<()> {
    let path = OsStr::from_bytes(&entry.path);
    let directories = entry.path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    let itself = (entry.kind == ViewEntryKind::Directory).then_some(entry.path.len());
    for end in directories.chain(itself) {
        match rustix::fs::mkdirat(stand_in, OsStr::from_bytes(&entry.path[..end]), Mode::from_raw_mode(0o755))
        {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
    }
    match &entry.kind {
        ViewEntryKind::Directory => Ok(()),
        ViewEntryKind::File => make_file(stand_in, path),
        ViewEntryKind::Link(text) => rustix::fs::symlinkat(text, stand_in, path).map_err(io::Error::from),
    }
}

fn make_file(at: &OwnedFd, name: &OsStr) -> io::Result<()> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    rustix::fs::openat(at, name, flags, Mode::RUSR).map(drop).map_err(io::Error::from)
}

/// Gives the view the mode, the times and, as far as permitted, the owner of the real directory.
fn copy_attributes(stand_in: &OwnedFd, real: &OwnedFd) -> io::Result<()> {
    let metadata = rustix::fs::fstat(real)?;
    let uid = rustix::fs::Uid::from_raw(metadata.st_uid);
    let gid = rustix::fs::Gid::from_raw(metadata.st_gid);
    // A user namespace has no number for most owners.
    let _ = rustix::fs::fchown(stand_in, Some(uid), Some(gid));
    rustix::fs::fchmod(stand_in, Mode::from_raw_mode(metadata.st_mode))?;
    let times = Timestamps {
        last_access: rustix::fs::Timespec { tv_sec: metadata.st_atime, tv_nsec: metadata.st_atime_nsec as _ },
        last_modification: rustix::fs::Timespec {
            tv_sec: metadata.st_mtime,
            tv_nsec: metadata.st_mtime_nsec as _,
        },
    };
    Ok(rustix::fs::futimens(stand_in, &times)?)
}
