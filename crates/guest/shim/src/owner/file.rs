//! What a file is to the guest: its owner, group, mode and device number, as they were recorded.

use newroot_abi::plan::MountFlags;
use newroot_abi::{Errno, PATH_MAX};
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Owned, Record};
use newroot_paths::{Buffer, Host};
use newroot_sys::raw;

use super::{names, procfs as processes, session_file, sidecar};
use crate::host::{self, AT_FDCWD, Descriptor, Path, Stat};
use crate::resolve::{self, procfs};
use crate::session::session;

/// A file that was found.
#[derive(Clone, Copy)]
pub enum File<'a> {
    /// By a descriptor of the guest's, whatever it was opened for.
    Descriptor(i32),
    /// By a descriptor of ours, opened with O_PATH.
    Found(i32),
    /// By a host path whose last component isn't followed, where no descriptor could be had.
    Host(Path<'a>),
}

/// A path by which the kernel reaches the file: through procfs for a descriptor. Links at its end are
/// followed, for procfs's own is one.
pub struct Route(Buffer<Host, { PATH_MAX }>);

impl Route {
    /// The route to a file.
    ///
    /// # Errors
    /// EBADF, ENAMETOOLONG.
    pub fn to(file: File<'_>) -> Result<Self, Errno> {
        let mut path = Buffer::new();
        match file {
            File::Descriptor(AT_FDCWD) => path.assign(b".")?,
            File::Descriptor(descriptor) | File::Found(descriptor) => {
                procfs::name_descriptor(descriptor, &mut path)?
            }
            File::Host(host) => path.assign(host.bytes())?,
        }
        Ok(Self(path))
    }

    /// The path.
    pub fn path(&mut self) -> Path<'_> {
        Path::new(self.0.with_nul())
    }
}

impl File<'_> {
    /// Returns the file of a descriptor of the guest's: the stand-in by which it was opened, if there is one.
    #[must_use]
    pub fn opened(descriptor: i32, stand_in: &Option<Descriptor>) -> Self {
        stand_in.as_ref().map_or(Self::Descriptor(descriptor), |found| Self::Found(found.number()))
    }

    /// fstat(2) of it.
    ///
    /// # Errors
    /// The call's.
    pub fn stat(self) -> Result<Stat, Errno> {
        match self {
            Self::Descriptor(AT_FDCWD) => host::fstatat(AT_FDCWD, Path::new(b".\0"), 0),
            Self::Descriptor(descriptor) | Self::Found(descriptor) => host::fstat(descriptor),
            Self::Host(path) => host::fstatat(AT_FDCWD, path, raw::AT_SYMLINK_NOFOLLOW),
        }
    }

    /// Sets its time of change to now, and nothing else: chown(2) that gives it to nobody.
    ///
    /// # Errors
    /// The call's.
    pub fn touch(self) -> Result<(), Errno> {
        let empty = raw::AT_EMPTY_PATH | raw::AT_SYMLINK_NOFOLLOW;
        match self {
            Self::Descriptor(descriptor) | Self::Found(descriptor) => {
                host::chown_to_nobody(descriptor, Path::new(b"\0"), empty)
            }
            Self::Host(path) => host::chown_to_nobody(AT_FDCWD, path, raw::AT_SYMLINK_NOFOLLOW),
        }
    }

    /// The value of one of the host's attributes. `name` ends with NUL.
    ///
    /// # Errors
    /// getxattr(2)'s.
    pub fn attribute(self, name: &[u8], out: &mut [u8]) -> Result<usize, Errno> {
        let name = Path::new(name);
        if let Self::Descriptor(descriptor) = self {
            match host::fgetxattr(descriptor, name, out) {
                // It was opened with O_PATH.
                Err(Errno::BADF) => {}
                answer => return answer,
            }
        }
        host::getxattr(Route::to(self)?.path(), name, out)
    }

    /// When it was made; see [`Record::birth`].
    ///
    /// # Errors
    /// statx(2)'s.
    pub fn birth(self) -> Result<Option<u64>, Errno> {
        match self {
            Self::Descriptor(descriptor) | Self::Found(descriptor) => {
                host::birth(descriptor, Path::new(b"\0"))
            }
            Self::Host(path) => host::birth(AT_FDCWD, path),
        }
    }
}

/// Whether the file system can keep attributes of a file of this type (xattr(7), "user extended attributes").
#[must_use]
pub fn bears_attributes(mode: u32) -> bool {
    matches!(mode & raw::S_IFMT, raw::S_IFREG | raw::S_IFDIR)
}

/// A file as the guest sees it.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its whole `st_mode`.
    pub mode: u32,
    /// What was recorded of it.
    pub record: Record,
    /// Whether it lies in the root's own tree, where something can be recorded; `None` if nobody has asked.
    pub ours: Option<bool>,
}

impl Seen {
    /// What permissions depend on.
    #[must_use]
    pub fn owned(&self) -> Owned<'static> {
        Owned { uid: self.uid, gid: self.gid, mode: self.mode, acl: None }
    }

    /// Whether the file lies in the root's own tree, asked now if nobody has: see [`is_ours`].
    ///
    /// # Errors
    /// As for that.
    pub fn is_ours(&self, file: File<'_>, stat: &Stat, mount: Option<usize>) -> Result<bool, Errno> {
        self.ours.map_or_else(|| is_ours(file, stat, mount), Ok)
    }
}

/// Looks a file up. `mount` is the mount it was reached by, if the path told.
///
/// # Errors
/// What reading the record gives.
pub fn look(me: &Identity<'_>, file: File<'_>, stat: &Stat, mount: Option<usize>) -> Result<Seen, Errno> {
    if procfs::device() == Some(stat.st_dev) {
        return Ok(of_procfs(file, stat));
    }
    let record = record_of(file, stat)?;
    let (mut uid, mut gid, mut ours) = (stat.st_uid, stat.st_gid, None);
    let known = session_file::header();
    if record.uid.is_none() || record.gid.is_none() {
        let mut defaults = (known.default_uid, known.default_gid);
        let mine = (me.credentials.fsuid, me.credentials.fsgid);
        if mine != defaults {
            let inside = is_ours(file, stat, mount)?;
            ours = Some(inside);
            if !inside {
                defaults = mine;
            }
        }
        if uid == known.real_uid {
            uid = defaults.0;
        }
        if gid == known.real_gid {
            gid = defaults.1;
        }
    }
    Ok(Seen {
        uid: record.uid.unwrap_or(uid),
        gid: record.gid.unwrap_or(gid),
        mode: record.mode_of(stat.st_mode),
        record,
        ours,
    })
}

/// Returns whether a file belongs to somebody else than the host's user, who therefore can't change it: what the
/// guest may change of it seems to be changed, and is forgotten. Files of procfs have rules of their own.
#[must_use]
pub fn is_anothers(stat: &Stat) -> bool {
    stat.st_uid != session_file::header().real_uid && procfs::device() != Some(stat.st_dev)
}

/// Owner and group of a file that nothing is recorded of, to root.
#[must_use]
pub fn unrecorded_to_root(uid: u32, gid: u32) -> (u32, u32) {
    let known = session_file::header();
    let seen = |id: u32, real: u32| if id == real { 0 } else { id };
    (seen(uid, known.real_uid), seen(gid, known.real_gid))
}

/// In procfs nothing is recorded: what is of a process belongs to who the process seems to be.
fn of_procfs(file: File<'_>, stat: &Stat) -> Seen {
    let (mut uid, mut gid) = (stat.st_uid, stat.st_gid);
    // The others are root's, as is what is of a process that can't be dumped.
    if uid == session_file::header().real_uid
        && let Some(process) = processes::owner(file)
    {
        (uid, gid) = (process.euid, process.egid);
    }
    Seen { uid, gid, mode: stat.st_mode, record: Record::NONE, ours: Some(false) }
}

fn record_of(file: File<'_>, stat: &Stat) -> Result<Record, Errno> {
    if !bears_attributes(stat.st_mode) {
        return sidecar::read(file, stat);
    }
    let mut value = [0u8; 256];
    match file.attribute(names::RECORD, &mut value) {
        // What isn't a record was put there by somebody who means something else.
        Ok(len) => Ok(Record::decode(value.get(..len).unwrap_or(&[])).unwrap_or(Record::NONE)),
        Err(Errno::OPNOTSUPP) => sidecar::read(file, stat),
        // It has none, it can't be read by its owner, or it is a socket's or a pipe's.
        Err(Errno::NODATA | Errno::ACCES | Errno::BADF | Errno::RANGE) => Ok(Record::NONE),
        Err(error) => Err(error),
    }
}

/// Whether a file lies in the root's own tree: not in a binding, nor in a file system of the kernel's.
///
/// # Errors
/// What has run out, where that couldn't be found out.
pub fn is_ours(file: File<'_>, stat: &Stat, mount: Option<usize>) -> Result<bool, Errno> {
    if procfs::device() == Some(stat.st_dev) {
        return Ok(false);
    }
    let mounts = &session().mounts;
    if mounts.mounts().len() == 1 {
        return Ok(true);
    }
    let mount = match (mount, file) {
        (None, File::Descriptor(descriptor) | File::Found(descriptor)) => {
            resolve::mount_of_directory(descriptor)?
        }
        (known, _) => known,
    };
    Ok(mount.is_some_and(|mount| mounts.get(mount).flags.has(MountFlags::OURS)))
}
