//! The files of a root, with the owners, modes and attributes that the guest sees.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use newroot_abi::links::FILE;
use newroot_fakeroot::Record;
use newroot_fakeroot::record::{device_numbers, is_hidden};
use newroot_records::attribute::{self, Attributes, Borne};
use newroot_records::{Links, Sidecar, links, sidecar, store};
use rustix::fs::{AtFlags, FileType, Stat, fstat, lgetxattr, llistxattr, major, minor, readlinkat, statat};
use rustix::io::Errno;

use crate::beneath::{Beneath, split};
use crate::error::{Error, Result};
use crate::observer::guest_path;
use crate::tar::{Entry, Kind, Time};

/// Attributes that the host's security modules own.
const HOSTS: [&[u8]; 5] =
    [b"security.selinux", b"security.ima", b"security.evm", b"security.apparmor", b"security.SMACK64"];

/// A root as its guests see it.
pub(super) struct Source {
    pub(super) beneath: Beneath,
    device: u64,
    /// User and group of the host that the guest sees as root where no record says otherwise.
    /// `None` where records don't count.
    user: Option<(u32, u32)>,
    sidecar: Option<Sidecar>,
    /// Files with several names that the host doesn't know.
    links: Option<Links>,
    /// The first name of each file that has several, by device and inode number.
    names: HashMap<(u64, u64), Vec<u8>>,
    /// The most recently used directory. The next file is usually in the same one.
    parent: Option<(Vec<u8>, OwnedFd)>,
}

/// A file of the root.
pub(super) struct Found {
    pub(super) entry: Entry,
    /// The open file, if it is a regular one.
    pub(super) content: Option<File>,
    /// Device and inode number.
    pub(super) identity: (u64, u64),
    links: u64,
}

pub(super) enum Look {
    Found(Box<Found>),
    /// A socket that doesn't stand in for a device.
    Socket,
    /// The file was removed meanwhile.
    Gone,
}

impl Source {
    /// Opens the root at the host path `root`.
    pub(super) fn open(root: &Path) -> Result<Self> {
        let failed = |cause: std::io::Error| Error::io("open the root", root, cause);
        let beneath = Beneath::open(root).map_err(|error| failed(error.into()))?;
        let device = fstat(beneath.top()).map_err(|error| failed(error.into()))?.st_dev;
        let store = store::find(root);
        let user = if rustix::process::geteuid().is_root() {
            // Root's own files have their real owners. But root may export a root that an ordinary
            // user has made.
            match &store {
                Some(store) if store.inside => {
                    let owner = fs::symlink_metadata(&store.path).map_err(failed)?;
                    Some((owner.uid(), owner.gid()))
                }
                _ => None,
            }
        } else {
            Some((rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()))
        };
        let sidecar = match (user, store) {
            (Some(_), Some(store)) => {
                let opened = Sidecar::open_with(&store.outer, Some(&store.path));
                Some(opened.map_err(|error| Error::io("open", store.path, error))?)
            }
            // No command ever ran in this root, but one may have made it inside another root.
            (Some((uid, _)), None) => Sidecar::open_with(&store::outer(root, uid), None).ok(),
            _ => None,
        };
        let links = Links::open(root).ok();
        Ok(Self { beneath, device, user, sidecar, links, names: HashMap::new(), parent: None })
    }

    /// Returns whether another file system is mounted on the directory at `path`.
    pub(super) fn is_mount_point(&self, path: &[u8]) -> Result<bool> {
        let stat = self.beneath.directory(path).and_then(fstat);
        stat.map(|stat| stat.st_dev != self.device)
            .map_err(|error| Error::io("read", guest_path(path), error))
    }

    /// Returns the user and group that own the root's files, where records count.
    pub(super) fn user(&self) -> Option<(u32, u32)> {
        self.user
    }

    /// Returns the records of files that can't have attributes.
    pub(super) fn sidecar(&self) -> Option<&Sidecar> {
        self.sidecar.as_ref()
    }

    /// Finds the file at `path`, as the guest sees it.
    pub(super) fn look(&mut self, path: &[u8]) -> Result<Look> {
        let failed = |cause: std::io::Error| Error::io("read", guest_path(path), cause);
        match self.try_look(path) {
            Ok(look) => Ok(look),
            Err(error) if error.raw_os_error() == Some(Errno::NOENT.raw_os_error()) => Ok(Look::Gone),
            Err(error) => Err(failed(error)),
        }
    }

    fn try_look(&mut self, path: &[u8]) -> std::io::Result<Look> {
        let (directory, name) = if path.is_empty() { (&b""[..], OsStr::new(".")) } else { split(path) };
        let kept = self.parent.take().filter(|(kept, _)| kept == directory);
        let parent = match kept {
            Some((_, parent)) => parent,
            None => self.beneath.directory(directory)?,
        };
        let look = self.look_in(path, parent.as_fd(), name);
        self.parent = Some((directory.to_vec(), parent));
        look
    }

    fn look_in(&self, path: &[u8], parent: BorrowedFd<'_>, name: &OsStr) -> std::io::Result<Look> {
        if let Some((links, id)) = self.links.as_ref().zip(links::of_name(parent, name))
            && let Ok(kept) = links.directory(id)
        {
            let mut look = self.look_in(path, kept.as_fd(), OsStr::from_bytes(FILE))?;
            if let Look::Found(found) = &mut look {
                found.links = links.count(id)?;
            }
            return Ok(look);
        }
        let mut stat = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let mut kind = FileType::from_raw_mode(stat.st_mode);
        let mut opened = None;
        let mut borne = if matches!(kind, FileType::RegularFile | FileType::Directory) {
            let file = self.open_file(parent, name)?;
            stat = fstat(&file)?;
            kind = FileType::from_raw_mode(stat.st_mode);
            let borne = attribute::read(&file)?;
            opened = Some(file);
            borne
        } else {
            Borne { shown: attributes_by_name(parent, name), ..Borne::default() }
        };
        let record = match self.user {
            None => Record::NONE,
            Some(_) if borne.supported => borne.record.unwrap_or(Record::NONE),
            Some(_) => self.recorded_beside(parent, name, &stat)?,
        };
        if record.is_written(stat.st_mode) {
            borne.shown.remove(&b"security.capability"[..]);
        }
        let Some(kind) = self.kind(parent, name, &stat, kind, &record)? else { return Ok(Look::Socket) };
        let (uid, gid) = self.owners(&stat, &record);
        let is_file = kind == Kind::File;
        let entry = Entry {
            name: if path.is_empty() { b".".to_vec() } else { path.to_vec() },
            mode: record.mode_of(stat.st_mode) & 0o7777,
            uid,
            gid,
            size: if is_file { stat.st_size as u64 } else { 0 },
            modified: Time { seconds: stat.st_mtime, nanoseconds: stat.st_mtime_nsec as u32 },
            attributes: exported(borne.shown),
            kind,
        };
        Ok(Look::Found(Box::new(Found {
            content: opened.filter(|_| is_file).map(File::from),
            identity: (stat.st_dev, stat.st_ino),
            // A directory's link count is the number of its subdirectories.
            links: if entry.kind == Kind::Directory { 1 } else { stat.st_nlink },
            entry,
        })))
    }

    pub(super) fn recorded_beside(
        &self,
        parent: BorrowedFd<'_>,
        name: &OsStr,
        stat: &Stat,
    ) -> std::io::Result<Record> {
        let Some(sidecar) = &self.sidecar else { return Ok(Record::NONE) };
        let birth = sidecar::birth(parent, name.as_bytes())?;
        Ok(sidecar.read(stat.st_ino, birth).unwrap_or(Record::NONE))
    }

    /// Returns the entry's kind. `None` for a socket.
    fn kind(
        &self,
        parent: BorrowedFd<'_>,
        name: &OsStr,
        stat: &Stat,
        kind: FileType,
        record: &Record,
    ) -> std::io::Result<Option<Kind>> {
        let numbers = (major(stat.st_rdev), minor(stat.st_rdev));
        Ok(Some(match kind {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => Kind::Symlink(readlinkat(parent, name, Vec::new())?.into_bytes()),
            FileType::Fifo => Kind::Fifo,
            FileType::CharacterDevice => Kind::Character(numbers.0, numbers.1),
            FileType::BlockDevice => Kind::Block(numbers.0, numbers.1),
            _ => match (record.mode.map(FileType::from_raw_mode), record.device.map(device_numbers)) {
                (Some(FileType::CharacterDevice), Some((major, minor))) => Kind::Character(major, minor),
                (Some(FileType::BlockDevice), Some((major, minor))) => Kind::Block(major, minor),
                _ => return Ok(None),
            },
        }))
    }

    /// Returns the owner and group that the shim's `guest_stat` shows to a guest root that owns
    /// every file without a record.
    pub(super) fn owners(&self, stat: &Stat, record: &Record) -> (u32, u32) {
        let (mut uid, mut gid) = (stat.st_uid, stat.st_gid);
        if let Some((user, group)) = self.user {
            uid = record.uid.unwrap_or(if uid == user { 0 } else { uid });
            gid = record.gid.unwrap_or(if gid == group { 0 } else { gid });
        }
        (uid, gid)
    }

    /// Turns the entry into a link to its file's first name, unless this is the first name.
    pub(super) fn remember_names(&mut self, path: &[u8], found: &mut Found) {
        if found.links < 2 {
            return;
        }
        if let Some(first) = self.names.get(&found.identity) {
            found.entry.kind = Kind::HardLink(first.clone());
            found.entry.size = 0;
            // The attributes are in the first name's entry.
            found.entry.attributes.clear();
            found.content = None;
        } else {
            self.names.insert(found.identity, path.to_vec());
        }
    }
}

/// Returns the attributes of a file that can't be opened. Only root can have set any. Without
/// procfs only the whole path leads to them.
fn attributes_by_name(parent: BorrowedFd<'_>, name: &OsStr) -> Attributes {
    let path = PathBuf::from(format!("/proc/self/fd/{}", parent.as_raw_fd())).join(name);
    let mut names = vec![0; 1 << 16];
    let Ok(len) = llistxattr(&path, &mut names[..]) else { return Attributes::new() };
    let names = names[..len].split(|&byte| byte == 0).filter(|name| !name.is_empty() && !is_hidden(name));
    let with_value = |name: &[u8]| {
        let mut value = vec![0; 1 << 16];
        let len = lgetxattr(&path, name, &mut value[..]).ok()?;
        value.truncate(len);
        Some((name.to_vec(), value))
    };
    names.filter_map(with_value).collect()
}

/// Removes the attributes that belong to the host.
fn exported(mut attributes: Attributes) -> Attributes {
    attributes.retain(|name, _| !HOSTS.iter().any(|hosts| name.starts_with(hosts)));
    attributes
}
