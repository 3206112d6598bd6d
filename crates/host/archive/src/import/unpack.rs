//! Makes an archive's entries in a staging directory.
//!
//! Until all entries are made, this process can write to every directory. Directories get their
//! owners, modes and times at the end.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use newroot_abi::links::Id;
use newroot_records::{Links, links, store};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, linkat, mkdirat, openat, statat, symlinkat, unlinkat};
use rustix::io::Errno;

use super::Imported;
use super::give::{Giver, Metadata};
use super::staging::StagingDir;
use crate::beneath::{Beneath, join, split};
use crate::error::{Damage, Error, Result};
use crate::observer::{Observer, Warning, guest_path};
use crate::tar::{Entry, Kind};
use crate::tar::{Found, Reader};

/// Length of the longest path that the kernel accepts, in bytes.
const NAME_MAX: usize = 4095;
/// A run of this many zeros, at an offset that is a multiple of it, becomes a hole.
const HOLE: usize = 4096;

/// Makes entries.
pub(super) struct Unpacker {
    beneath: Beneath,
    giver: Giver,
    /// Keeps files with several names, if the host refuses hard links and the options allow it.
    links: Option<Links>,
    /// Metadata that directories get at the end, by path. The top's path is empty.
    directories: BTreeMap<Vec<u8>, Metadata>,
    imported: Imported,
    warned: Vec<Warning>,
}

/// The unpacked files, ready to be published.
pub(super) struct Unpacked {
    pub(super) imported: Imported,
    /// The archive's metadata of its directories.
    pub(super) directories: BTreeMap<Vec<u8>, Metadata>,
}

/// The reason why an entry can't be made.
enum Failure {
    Entry(&'static str),
    Io(io::Error),
    Other(Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Errno> for Failure {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

impl Unpacker {
    pub(super) fn new(staging: &StagingDir, own_links: bool) -> Result<Self> {
        let failed = |cause: io::Error| Error::io("make", staging.path(), cause);
        let beneath = Beneath::open_made(staging.path()).map_err(|error| failed(error.into()))?;
        let giver = Giver::for_root_at(staging.path()).map_err(failed)?;
        let links = if own_links {
            store::provide_links(staging.path()).map_err(|not_made| failed(not_made.cause))?;
            Some(Links::open(staging.path()).map_err(failed)?)
        } else {
            None
        };
        Ok(Self {
            beneath,
            giver,
            links,
            directories: BTreeMap::new(),
            imported: Imported::default(),
            warned: Vec::new(),
        })
    }

    /// Makes an entry. `damaged` turns damage of the archive into an error.
    pub(super) fn unpack<R: Read>(
        &mut self,
        found: Found,
        content: &mut Reader<R>,
        progress: &mut dyn FnMut(&mut dyn Observer) -> Result<()>,
        damaged: &dyn Fn(Damage) -> Error,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let name = found.entry.name.clone();
        let result = self.make(found, content, progress, damaged, observer);
        result.map_err(|failure| match failure {
            Failure::Entry(why) => Error::Entry { entry: PathBuf::from(OsStr::from_bytes(&name)), why },
            Failure::Io(cause) => Error::io("unpack", PathBuf::from(OsStr::from_bytes(&name)), cause),
            Failure::Other(error) => error,
        })
    }

    fn make<R: Read>(
        &mut self,
        found: Found,
        content: &mut Reader<R>,
        progress: &mut dyn FnMut(&mut dyn Observer) -> Result<()>,
        damaged: &dyn Fn(Damage) -> Error,
        observer: &mut dyn Observer,
    ) -> std::result::Result<(), Failure> {
        let Found { mut entry, sparse, unread } = found;
        if let Some(keyword) = unread {
            self.warn_once(Warning::Unread { keyword }, observer);
        }
        let path = inside(&entry.name)?;
        if is_store(&path) {
            self.warn_once(Warning::Store, observer);
            return Ok(());
        }
        let attributes = std::mem::take(&mut entry.attributes);
        let metadata = Metadata {
            uid: entry.uid,
            gid: entry.gid,
            mode: entry.mode,
            modified: Some(entry.modified),
            attributes,
        };
        self.imported.entries += 1;
        if path.is_empty() {
            if entry.kind != Kind::Directory {
                return Err(Failure::Entry("it would replace the root directory"));
            }
            self.directories.insert(path, metadata);
            return Ok(());
        }
        let (above, name) = split(&path);
        let parent = self.parent(above)?;
        let parent = parent.as_fd();
        match &entry.kind {
            Kind::Directory => {
                if !is_directory(parent, name)? {
                    self.clear(parent, name, &path)?;
                    mkdirat(parent, name, Mode::RWXU)?;
                }
                self.directories.insert(path, metadata);
            }
            Kind::HardLink(target) => self.link(target, parent, name, &path)?,
            Kind::File => {
                self.clear(parent, name, &path)?;
                let flags =
                    OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = File::from(openat(parent, name, flags, Mode::RUSR | Mode::WUSR)?);
                let segments = match &sparse {
                    Some(map) => map.iter().map(|segment| (segment.offset, segment.len)).collect(),
                    None => vec![(0, entry.size)],
                };
                for (offset, len) in segments {
                    let mut copy = Copy { file: &file, at: offset };
                    copy.segment(len, content, damaged, &mut || progress(observer))?;
                    self.imported.bytes += len;
                }
                file.set_len(entry.size)?;
                let regular = FileType::RegularFile.as_raw_mode();
                self.giver.give_open(file.as_fd(), regular, &metadata, &path, observer)?;
            }
            Kind::Symlink(target) => {
                self.clear(parent, name, &path)?;
                symlinkat(OsStr::from_bytes(target), parent, name)?;
                self.give_named(parent, name, &entry, &metadata, &path, observer)?;
            }
            Kind::Character(..) | Kind::Block(..) | Kind::Fifo => {
                self.clear(parent, name, &path)?;
                self.giver.make_special(parent, name, &entry.kind, entry.mode)?;
                self.give_named(parent, name, &entry, &metadata, &path, observer)?;
            }
            Kind::Unknown(_) => {
                self.imported.entries -= 1;
                observer.warn(&Warning::UnknownKind { path: guest_path(&path) });
            }
        }
        Ok(())
    }

    fn give_named(
        &self,
        parent: BorrowedFd<'_>,
        name: &OsStr,
        entry: &Entry,
        metadata: &Metadata,
        path: &[u8],
        observer: &mut dyn Observer,
    ) -> io::Result<()> {
        self.giver.give_named((parent, name), &entry.kind, metadata, path, observer)
    }

    fn link(
        &self,
        target: &[u8],
        parent: BorrowedFd<'_>,
        name: &OsStr,
        path: &[u8],
    ) -> std::result::Result<(), Failure> {
        let target = inside(target)?;
        if target == path {
            return Ok(());
        }
        if target.is_empty() || is_store(&target) {
            return Err(Failure::Entry("it is a link to what can't be linked"));
        }
        let (above, last) = split(&target);
        let missing = |error| match error {
            Errno::NOENT | Errno::NOTDIR | Errno::LOOP => {
                Failure::Entry("it is a link to something that the archive doesn't have before it")
            }
            other => other.into(),
        };
        let directory = self.beneath.directory(above).map_err(missing)?;
        let found = statat(&directory, last, AtFlags::SYMLINK_NOFOLLOW).map_err(missing)?;
        if FileType::from_raw_mode(found.st_mode) == FileType::Directory {
            return Err(Failure::Entry("it is a link to a directory"));
        }
        let kept = self.kept(directory.as_fd(), last);
        if kept.is_some() && kept == self.kept(parent, name) {
            return Ok(());
        }
        self.clear_but(parent, name, Some((found.st_dev, found.st_ino)))?;
        if let Some((links, id)) = self.links.as_ref().zip(kept) {
            return Ok(links.add_name(id, parent, name, path)?);
        }
        match linkat(&directory, last, parent, name, AtFlags::empty()) {
            // The directory exists already.
            Err(Errno::EXIST) => Ok(()),
            Err(Errno::PERM | Errno::ACCESS | Errno::OPNOTSUPP | Errno::NOSYS) => {
                let refused = || Failure::Other(Error::HardLink { entry: guest_path(path) });
                let links = self.links.as_ref().ok_or_else(refused)?;
                let id = links.take_in(directory.as_fd(), last, &target)?;
                Ok(links.add_name(id, parent, name, path)?)
            }
            other => Ok(other?),
        }
    }

    /// Returns the kept file that a name leads to.
    fn kept(&self, parent: BorrowedFd<'_>, name: &OsStr) -> Option<Id> {
        self.links.as_ref().and_then(|_| links::of_name(parent, name))
    }

    /// Opens the directory at `path`, and makes it if the archive has no entry for it.
    fn parent(&mut self, path: &[u8]) -> std::result::Result<OwnedFd, Failure> {
        let behind_a_file = Failure::Entry("it would lie behind something that is no directory");
        match self.beneath.directory(path) {
            Ok(directory) => return Ok(directory),
            Err(Errno::NOENT) => {}
            Err(Errno::NOTDIR | Errno::LOOP) => return Err(behind_a_file),
            Err(error) => return Err(error.into()),
        }
        let mut here = self.beneath.directory(b"")?;
        let mut way = Vec::new();
        for name in path.split(|&byte| byte == b'/') {
            way = join(&way, name);
            match mkdirat(&here, OsStr::from_bytes(name), Mode::RWXU) {
                Ok(()) => {
                    self.directories.insert(way.clone(), Metadata::implied());
                }
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            here = match openat(&here, OsStr::from_bytes(name), flags, Mode::empty()) {
                Err(Errno::NOTDIR | Errno::LOOP) => return Err(behind_a_file),
                other => other?,
            };
        }
        Ok(here)
    }

    /// Removes an earlier entry of the same name. The last one counts.
    fn clear(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &OsStr,
        path: &[u8],
    ) -> std::result::Result<(), Failure> {
        if self.clear_but(parent, name, None)? {
            self.directories.remove(path);
        }
        Ok(())
    }

    /// Does the same, except for a file that may stay. Returns whether it was a directory.
    fn clear_but(
        &self,
        parent: BorrowedFd<'_>,
        name: &OsStr,
        stays: Option<(u64, u64)>,
    ) -> std::result::Result<bool, Failure> {
        let found = match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => return Ok(false),
            other => other?,
        };
        if stays == Some((found.st_dev, found.st_ino)) {
            return Ok(false);
        }
        let kept = self.kept(parent, name);
        let is_directory = FileType::from_raw_mode(found.st_mode) == FileType::Directory;
        let flags = if is_directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
        match unlinkat(parent, name, flags) {
            Err(Errno::NOTEMPTY | Errno::EXIST) => {
                return Err(Failure::Entry("it would replace a directory with something in it"));
            }
            other => other?,
        }
        if let Some((links, id)) = self.links.as_ref().zip(kept) {
            links.drop_name(id);
        }
        if is_directory || found.st_nlink < 2 {
            self.giver.forget(found.st_ino);
        }
        Ok(is_directory)
    }

    /// Gives directories their metadata, the top only `with_top`.
    pub(super) fn finish(mut self, with_top: bool, observer: &mut dyn Observer) -> Result<Unpacked> {
        if with_top {
            self.directories.entry(Vec::new()).or_insert_with(Metadata::implied);
        }
        // Entries of a directory come before the directory, so that its time isn't changed again.
        for (path, metadata) in self.directories.iter().rev() {
            if path.is_empty() && !with_top {
                continue;
            }
            self.giver
                .give_directory(&self.beneath, path, metadata, observer)
                .map_err(|cause| Error::io("unpack", guest_path(path), cause))?;
        }
        Ok(Unpacked { imported: self.imported, directories: self.directories })
    }

    fn warn_once(&mut self, warning: Warning, observer: &mut dyn Observer) {
        if !self.warned.contains(&warning) {
            observer.warn(&warning);
            self.warned.push(warning);
        }
    }
}

/// Turns an archive's name into a path in the root. An absolute name begins at the root's `/`.
fn inside(name: &[u8]) -> std::result::Result<Vec<u8>, Failure> {
    let mut path = Vec::with_capacity(name.len());
    for component in name.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => return Err(Failure::Entry("its name has '..' in it")),
            _ => path = join(&path, component),
        }
    }
    if path.len() > NAME_MAX { Err(Errno::NAMETOOLONG.into()) } else { Ok(path) }
}

/// Returns whether a path is in the root's store.
fn is_store(path: &[u8]) -> bool {
    path.split(|&byte| byte == b'/').next() == Some(store::NAME.as_bytes())
}

fn is_directory(parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<bool> {
    match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(found) => Ok(FileType::from_raw_mode(found.st_mode) == FileType::Directory),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Writes a file's content, and leaves holes for zeros.
struct Copy<'a> {
    file: &'a File,
    at: u64,
}

impl Copy<'_> {
    fn segment<R: Read>(
        &mut self,
        len: u64,
        content: &mut Reader<R>,
        damaged: &dyn Fn(Damage) -> Error,
        progress: &mut dyn FnMut() -> Result<()>,
    ) -> std::result::Result<(), Failure> {
        let mut buffer = vec![0; usize::try_from(len).unwrap_or(usize::MAX).min(32 * HOLE)];
        let mut missing = len;
        while missing > 0 {
            // The number of bytes to the next multiple, so that holes begin at block boundaries.
            let aligned = buffer.len() as u64 - self.at % HOLE as u64 % buffer.len() as u64;
            let part = &mut buffer[..missing.min(aligned) as usize];
            content.read_exact(part).map_err(|error| Failure::Other(damaged(error.into())))?;
            missing -= part.len() as u64;
            self.write(part)?;
            if missing > 0 {
                progress().map_err(Failure::Other)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        for part in bytes.chunks(HOLE) {
            let is_hole = part.len() == HOLE && part.iter().all(|&byte| byte == 0);
            if !is_hole {
                self.file.seek(SeekFrom::Start(self.at))?;
                self.file.write_all(part)?;
            }
            self.at += part.len() as u64;
        }
        Ok(())
    }
}
