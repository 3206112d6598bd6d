//! The guest's view of a file: owner, group, mode and device number, as recorded.

use newroot_abi::plan::MountFlags;
use newroot_abi::{Errno, PATH_MAX};
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Owned, Record};
use newroot_paths::{Buffer, Host};
use newroot_sys::raw;

use super::{names, procfs as processes, sidecar};
use crate::identity::session_file;
use crate::kernel::{self, AT_FDCWD, Descriptor, Path, Stat};
use crate::resolve::{self, procfs};
use crate::session::session;

/// A file that was found.
#[derive(Clone, Copy)]
pub enum File<'a> {
    /// By a descriptor of the guest, however it was opened.
    Descriptor(i32),
    /// By a descriptor of the shim, opened with O_PATH.
    Found(i32),
    /// By a host path whose last component isn't followed, where no descriptor can be had.
    Host(Path<'a>),
}

/// A path by which the kernel reaches the file; for a descriptor, its link in procfs. A symlink at
/// its end is followed, because procfs's link is one.
pub struct Route(Buffer<Host, { PATH_MAX }>);

impl Route {
    /// Makes the route to a file.
    ///
    /// # Errors
    /// EBADF for a number that can't be a descriptor, ENAMETOOLONG.
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

    /// Returns the path.
    pub fn path(&mut self) -> Path<'_> {
        Path::new(self.0.with_nul())
    }
}

impl File<'_> {
    /// Returns the file of a descriptor of the guest. If it was opened through a stand-in, returns
    /// that.
    #[must_use]
    pub fn opened(descriptor: i32, stand_in: &Option<Descriptor>) -> Self {
        stand_in.as_ref().map_or(Self::Descriptor(descriptor), |found| Self::Found(found.number()))
    }

    /// Calls fstat(2) on the file.
    ///
    /// # Errors
    /// The errnos of fstat(2).
    pub fn stat(self) -> Result<Stat, Errno> {
        match self {
            Self::Descriptor(AT_FDCWD) => kernel::fstatat(AT_FDCWD, Path::new(b".\0"), 0),
            Self::Descriptor(descriptor) | Self::Found(descriptor) => kernel::fstat(descriptor),
            Self::Host(path) => kernel::fstatat(AT_FDCWD, path, raw::AT_SYMLINK_NOFOLLOW),
        }
    }

    /// Sets the file's time of change to now and changes nothing else, by a chown(2) that keeps
    /// owner and group.
    ///
    /// # Errors
    /// The errnos of chown(2).
    pub fn touch(self) -> Result<(), Errno> {
        let empty = raw::AT_EMPTY_PATH | raw::AT_SYMLINK_NOFOLLOW;
        match self {
            Self::Descriptor(descriptor) | Self::Found(descriptor) => {
                kernel::chown_to_nobody(descriptor, Path::new(b"\0"), empty)
            }
            Self::Host(path) => kernel::chown_to_nobody(AT_FDCWD, path, raw::AT_SYMLINK_NOFOLLOW),
        }
    }

    /// Reads one of the host's attributes. `name` ends with NUL.
    ///
    /// # Errors
    /// The errnos of getxattr(2).
    pub fn attribute(self, name: &[u8], out: &mut [u8]) -> Result<usize, Errno> {
        let name = Path::new(name);
        if let Self::Descriptor(descriptor) = self {
            match kernel::fgetxattr(descriptor, name, out) {
                // The descriptor was opened with O_PATH.
                Err(Errno::BADF) => {}
                answer => return answer,
            }
        }
        kernel::getxattr(Route::to(self)?.path(), name, out)
    }

    /// Returns the file's time of birth; see [`Record::birth`].
    ///
    /// # Errors
    /// The errnos of statx(2).
    pub fn birth(self) -> Result<Option<u64>, Errno> {
        match self {
            Self::Descriptor(descriptor) | Self::Found(descriptor) => {
                kernel::birth(descriptor, Path::new(b"\0"))
            }
            Self::Host(path) => kernel::birth(AT_FDCWD, path),
        }
    }
}

/// Returns whether the file system can keep attributes of a file of this type (xattr(7), "user
/// extended attributes").
#[must_use]
pub fn bears_attributes(mode: u32) -> bool {
    matches!(mode & raw::S_IFMT, raw::S_IFREG | raw::S_IFDIR)
}

/// A file as the guest sees it.
#[derive(Clone, Copy, Debug)]
pub struct GuestStat {
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// The whole `st_mode`.
    pub mode: u32,
    /// The file's record.
    pub record: Record,
    /// Whether the file lies in the root's own tree, where changes can be recorded. `None` if it
    /// isn't known yet.
    pub ours: Option<bool>,
}

impl GuestStat {
    /// Returns the facts that permissions depend on.
    #[must_use]
    pub fn owned(&self) -> Owned<'static> {
        Owned { uid: self.uid, gid: self.gid, mode: self.mode, acl: None }
    }

    /// Returns whether the file lies in the root's own tree, and finds it out if it isn't known
    /// yet: see [`is_ours`].
    ///
    /// # Errors
    /// EMFILE, ENFILE or ENOMEM if it can't be found out.
    pub fn is_ours(&self, file: File<'_>, stat: &Stat, mount: Option<usize>) -> Result<bool, Errno> {
        self.ours.map_or_else(|| is_ours(file, stat, mount), Ok)
    }
}

/// Finds the guest's view of a file. `mount` is the mount that the path named, if it named one.
///
/// # Errors
/// EMFILE, ENFILE or ENOMEM if the record can't be read.
pub fn guest_stat(
    me: &Identity<'_>,
    file: File<'_>,
    stat: &Stat,
    mount: Option<usize>,
) -> Result<GuestStat, Errno> {
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
    Ok(GuestStat {
        uid: record.uid.unwrap_or(uid),
        gid: record.gid.unwrap_or(gid),
        mode: record.mode_of(stat.st_mode),
        record,
        ours,
    })
}

/// Returns whether a file belongs to another user than the host's, who therefore can't change it.
/// The guest's changes of such a file seem to succeed, and are forgotten. Files of procfs have
/// rules of their own.
#[must_use]
pub fn is_anothers(stat: &Stat) -> bool {
    stat.st_uid != session_file::header().real_uid && procfs::device() != Some(stat.st_dev)
}

/// Returns owner and group of a file without a record, as root sees them.
#[must_use]
pub fn unrecorded_to_root(uid: u32, gid: u32) -> (u32, u32) {
    let known = session_file::header();
    let seen = |id: u32, real: u32| if id == real { 0 } else { id };
    (seen(uid, known.real_uid), seen(gid, known.real_gid))
}

/// Returns the view of a file in procfs, which has no records. A process's files belong to the user
/// that the process seems to be.
fn of_procfs(file: File<'_>, stat: &Stat) -> GuestStat {
    let (mut uid, mut gid) = (stat.st_uid, stat.st_gid);
    // Other files belong to root, and so do those of a process that can't be dumped.
    if uid == session_file::header().real_uid
        && let Some(process) = processes::owner(file)
    {
        (uid, gid) = (process.euid, process.egid);
    }
    GuestStat { uid, gid, mode: stat.st_mode, record: Record::NONE, ours: Some(false) }
}

fn record_of(file: File<'_>, stat: &Stat) -> Result<Record, Errno> {
    if !bears_attributes(stat.st_mode) {
        return sidecar::read(file, stat);
    }
    let mut value = [0u8; 256];
    match file.attribute(names::RECORD, &mut value) {
        // A value that isn't a record belongs to another program.
        Ok(len) => Ok(Record::decode(value.get(..len).unwrap_or(&[])).unwrap_or(Record::NONE)),
        Err(Errno::OPNOTSUPP) => sidecar::read(file, stat),
        // The file has no record, its owner can't read it, or it is a socket or a pipe.
        Err(Errno::NODATA | Errno::ACCES | Errno::BADF | Errno::RANGE) => Ok(Record::NONE),
        Err(error) => Err(error),
    }
}

/// Returns whether a file lies in the root's own tree: not in a binding, and not in a file system
/// of the kernel.
///
/// # Errors
/// EMFILE, ENFILE or ENOMEM if it can't be found out.
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
