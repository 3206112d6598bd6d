//! Gives a file the owner, mode, time and attributes of its archive entry. For root the kernel sets
//! them. For an ordinary user they are recorded, in the form in which the shim records them.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use newroot_fakeroot::acl;
use newroot_fakeroot::record::{device, is_hidden};
use newroot_fakeroot::record_policy::{Kept, Shown, keep};
use newroot_records::attribute::{self, Attributes};
use newroot_records::{Sidecar, sidecar, store};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, Stat, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat, fchmod,
    fchown, fsetxattr, fstat, futimens, lsetxattr, makedev, mknodat, statat, utimensat,
};
use rustix::io::Errno;

use crate::beneath::Beneath;
use crate::error::reason;
use crate::observer::{Observer, Warning, guest_path};
use crate::tar::{Kind, Time};

/// The metadata of an archive entry.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mode: u32,
    /// Modification time. `None` leaves the file's time alone.
    pub(super) modified: Option<Time>,
    pub(super) attributes: Attributes,
}

impl Metadata {
    /// Returns the metadata of a directory that the archive has no entry for.
    pub(super) fn implied() -> Self {
        Self { uid: 0, gid: 0, mode: 0o755, modified: None, attributes: Attributes::new() }
    }
}

/// Gives files their metadata.
#[derive(Debug)]
pub(super) enum Giver {
    /// As root: the kernel sets it.
    Root,
    /// As an ordinary user: newroot records it.
    User {
        uid: u32,
        gid: u32,
        /// Records of files that can't have attributes.
        sidecar: Sidecar,
    },
}

impl Giver {
    /// Makes a giver for files of the root at the host path `root`.
    pub(super) fn for_root_at(root: &Path) -> io::Result<Self> {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        if uid.is_root() {
            return Ok(Self::Root);
        }
        let store = store::inside(root);
        store::make(&store)?;
        Ok(Self::User { uid: uid.as_raw(), gid: gid.as_raw(), sidecar: Sidecar::open(&store)? })
    }

    /// Makes a device or FIFO. A user who can't make devices gets a stand-in.
    pub(super) fn make_special(
        &self,
        parent: BorrowedFd<'_>,
        name: &OsStr,
        kind: &Kind,
        mode: u32,
    ) -> io::Result<()> {
        let (kind, device) = match (kind, self) {
            (Kind::Fifo, _) => (FileType::Fifo, 0),
            (_, Self::User { .. }) => (FileType::Socket, 0),
            (Kind::Character(major, minor), _) => (FileType::CharacterDevice, makedev(*major, *minor)),
            (Kind::Block(major, minor), _) => (FileType::BlockDevice, makedev(*major, *minor)),
            _ => return Err(Errno::INVAL.into()),
        };
        // A stand-in gets the device's permissions, less the umask. Nothing checks them.
        Ok(mknodat(parent, name, kind, Mode::from_raw_mode(mode & 0o777), device)?)
    }

    /// Sets the metadata of an open file of type `file_type`: a file open for writing, or a
    /// directory open for reading.
    pub(super) fn give_open(
        &self,
        file: BorrowedFd<'_>,
        file_type: u32,
        metadata: &Metadata,
        path: &[u8],
        observer: &mut dyn Observer,
    ) -> io::Result<()> {
        match self {
            Self::Root => {
                fchown(file, Some(Uid::from_raw(metadata.uid)), Some(Gid::from_raw(metadata.gid)))?;
                fchmod(file, Mode::from_raw_mode(metadata.mode))?;
                self.attributes(metadata, path, observer, |name, value| {
                    Ok(fsetxattr(file, name, value, XattrFlags::empty())?)
                })?;
            }
            Self::User { sidecar, .. } => {
                self.attributes(metadata, path, observer, |name, value| attribute::keep(file, name, value))?;
                let stat = fstat(file)?;
                let mode = file_type | metadata.mode;
                let kept = self.kept(&stat, metadata, mode, None);
                if !kept.record.is_empty() {
                    match attribute::write_record(file, &kept.record) {
                        Err(error) if is(&error, Errno::OPNOTSUPP) => {
                            sidecar.write(stat.st_ino, sidecar::birth(file, b"")?, &kept.record)?;
                        }
                        other => other?,
                    }
                }
                if let Some(mode) = kept.host_mode {
                    fchmod(file, Mode::from_raw_mode(mode))?;
                }
            }
        }
        match metadata.modified {
            Some(modified) => Ok(futimens(file, &times(modified))?),
            None => Ok(()),
        }
    }

    /// Sets the metadata of a file that can't be opened: a symlink, a device, a FIFO.
    pub(super) fn give_named(
        &self,
        (parent, name): (BorrowedFd<'_>, &OsStr),
        kind: &Kind,
        metadata: &Metadata,
        path: &[u8],
        observer: &mut dyn Observer,
    ) -> io::Result<()> {
        let is_link = matches!(kind, Kind::Symlink(_));
        match self {
            Self::Root => {
                let (uid, gid) = (Uid::from_raw(metadata.uid), Gid::from_raw(metadata.gid));
                chownat(parent, name, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)?;
                if !is_link {
                    chmodat(parent, name, Mode::from_raw_mode(metadata.mode), AtFlags::empty())?;
                }
                let host = PathBuf::from(format!("/proc/self/fd/{}", parent.as_raw_fd())).join(name);
                self.attributes(metadata, path, observer, |name, value| {
                    Ok(lsetxattr(&host, name, value, XattrFlags::empty())?)
                })?;
            }
            Self::User { sidecar, .. } => {
                let stat = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
                // xattr(7): such files have no `user.*` attributes.
                self.attributes(metadata, path, observer, |_, _| Err(Errno::PERM.into()))?;
                let (kind, device) = match kind {
                    Kind::Character(major, minor) => {
                        (FileType::CharacterDevice, Some(device(*major, *minor)))
                    }
                    Kind::Block(major, minor) => (FileType::BlockDevice, Some(device(*major, *minor))),
                    _ => (FileType::from_raw_mode(stat.st_mode), None),
                };
                let mode = if is_link { stat.st_mode } else { kind.as_raw_mode() | metadata.mode };
                let kept = self.kept(&stat, metadata, mode, device);
                if !kept.record.is_empty() {
                    let birth = sidecar::birth(parent, name.as_bytes())?;
                    sidecar.write(stat.st_ino, birth, &kept.record)?;
                }
                if let Some(mode) = kept.host_mode {
                    chmodat(parent, name, Mode::from_raw_mode(mode), AtFlags::empty())?;
                }
            }
        }
        match metadata.modified {
            Some(modified) => Ok(utimensat(parent, name, &times(modified), AtFlags::SYMLINK_NOFOLLOW)?),
            None => Ok(()),
        }
    }

    /// Sets the metadata of the directory at `path`.
    pub(super) fn give_directory(
        &self,
        beneath: &Beneath,
        path: &[u8],
        metadata: &Metadata,
        observer: &mut dyn Observer,
    ) -> io::Result<()> {
        let directory = beneath.readable(path)?;
        self.give_open(directory.as_fd(), FileType::Directory.as_raw_mode(), metadata, path, observer)
    }

    /// Removes the record of a file that was removed.
    pub(super) fn forget(&self, inode: u64) {
        if let Self::User { sidecar, .. } = self {
            sidecar.forget(inode);
        }
    }

    fn kept(&self, stat: &Stat, metadata: &Metadata, mode: u32, device: Option<u64>) -> Kept {
        let is_default = match self {
            Self::Root => true,
            Self::User { uid, gid, .. } => {
                (metadata.uid, metadata.gid) == (0, 0) && (stat.st_uid, stat.st_gid) == (*uid, *gid)
            }
        };
        let shown = Shown { uid: metadata.uid, gid: metadata.gid, mode, device };
        keep(&shown, stat.st_mode, is_default)
    }

    /// Sets the attributes with `set`. If the file system or the caller's rights forbid one, it is
    /// reported and skipped, as tar(1) does.
    fn attributes(
        &self,
        metadata: &Metadata,
        path: &[u8],
        observer: &mut dyn Observer,
        set: impl Fn(&[u8], &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        for (name, value) in &metadata.attributes {
            // Another newroot's records. The archive has the owners themselves.
            if is_hidden(name) {
                continue;
            }
            let is_list = name == acl::ACCESS || name == acl::DEFAULT;
            let result = match (self, is_list.then(|| acl::check(value))) {
                // The kernel keeps no access control list that says the same as the mode.
                (Self::User { .. }, Some(Ok(false))) => continue,
                (Self::User { .. }, Some(Err(_))) => Err(Errno::INVAL.into()),
                _ => set(name, value),
            };
            match result {
                Err(error) if REFUSED.iter().any(|&refusal| is(&error, refusal)) => {
                    observer.warn(&Warning::Attribute {
                        path: guest_path(path),
                        name: std::ffi::OsString::from_vec(name.clone()),
                        why: reason(&error),
                    });
                }
                other => other?,
            }
        }
        Ok(())
    }
}

/// Errnos that mean "not here", as opposed to a fault.
const REFUSED: [Errno; 5] = [Errno::OPNOTSUPP, Errno::PERM, Errno::ACCESS, Errno::INVAL, Errno::RANGE];

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

fn times(modified: Time) -> Timestamps {
    let time = Timespec { tv_sec: modified.seconds, tv_nsec: modified.nanoseconds.into() };
    Timestamps { last_access: time, last_modification: time }
}
