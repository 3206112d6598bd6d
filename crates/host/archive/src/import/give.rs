//! Giving a file the owner, mode, time and attributes that the archive says: as root by the kernel, as an ordinary
//! user by a record, in just the form in which the shim would write it.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use newroot_fakeroot::acl;
use newroot_fakeroot::keep::{Kept, Shown, keep};
use newroot_fakeroot::record::{device, is_hidden};
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

/// What an entry says of its file.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) mode: u32,
    /// `None` leaves the time.
    pub(super) modified: Option<Time>,
    pub(super) attributes: Attributes,
}

impl Metadata {
    /// For a directory that the archive implies.
    pub(super) fn implied() -> Self {
        Self { uid: 0, gid: 0, mode: 0o755, modified: None, attributes: Attributes::new() }
    }
}

/// Gives files what they are to have.
#[derive(Debug)]
pub(super) enum Giver {
    /// The kernel does it.
    Root,
    /// It is recorded.
    User {
        uid: u32,
        gid: u32,
        /// Where records lie that files can't bear.
        sidecar: Sidecar,
    },
}

impl Giver {
    /// For files of the root at the host path `root`.
    pub(super) fn for_root_at(root: &Path) -> io::Result<Self> {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        if uid.is_root() {
            return Ok(Self::Root);
        }
        let store = store::inside(root);
        store::make(&store)?;
        Ok(Self::User { uid: uid.as_raw(), gid: gid.as_raw(), sidecar: Sidecar::open(&store)? })
    }

    /// Makes a device or FIFO: for a user who can make no device, a stand-in.
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
        // A stand-in's permissions are the device's, as far as a umask lets them: nobody goes by them.
        Ok(mknodat(parent, name, kind, Mode::from_raw_mode(mode & 0o777), device)?)
    }

    /// Gives a file, open for writing or a directory open for reading, of the type `file_type`.
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

    /// Gives a file that can't be opened: a link, a device, a FIFO.
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
                // xattr(7): such files bear none of a user's.
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

    /// Gives the directory at `path`.
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

    /// Forgets a file that was taken away.
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

    /// Sets the attributes with `set`. What the file system, or the caller's rights, don't allow is said and left
    /// out, as tar(1) does.
    fn attributes(
        &self,
        metadata: &Metadata,
        path: &[u8],
        observer: &mut dyn Observer,
        set: impl Fn(&[u8], &[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        for (name, value) in &metadata.attributes {
            // Records of another newroot's: the owners are in the archive.
            if is_hidden(name) {
                continue;
            }
            let is_list = name == acl::ACCESS || name == acl::DEFAULT;
            let result = match (self, is_list.then(|| acl::check(value))) {
                // The kernel keeps no list that says what the mode does.
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

/// What says that an attribute can't be had here, rather than that something is broken.
const REFUSED: [Errno; 5] = [Errno::OPNOTSUPP, Errno::PERM, Errno::ACCESS, Errno::INVAL, Errno::RANGE];

fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}

fn times(modified: Time) -> Timestamps {
    let time = Timespec { tv_sec: modified.seconds, tv_nsec: modified.nanoseconds.into() };
    Timestamps { last_access: time, last_modification: time }
}
