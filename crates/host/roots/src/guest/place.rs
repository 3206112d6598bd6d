//! Brings one host path into a root, under the same name.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Mode, OFlags, Timespec, Uid, openat};
use rustix::io::Errno;

use super::directory::{Directory, LINKS_MAX, Node, components};
use super::journal::{Attributes, Transaction};
use crate::busybox;
use crate::error::{Error, Result};

/// Brings the host's `path` into the root: every directory and every symlink on the way, and the
/// file that it leads to.
///
/// The walk goes through host and guest side by side. Where the guest has nothing, it gets what the
/// host has: a symlink with the same text, a directory, a copy. Where the guest has a directory, or
/// a symlink to one, the walk enters it, whatever the host has there: a root with a real `/bin`
/// gets `/bin/ls` from a host whose `/bin` is a link to `usr/bin`. If the guest has another file or
/// symlink at the place of a file, `existing` decides. Returns the guest path of one that was kept.
pub(crate) fn place(
    transaction: &mut Transaction,
    path: &Path,
    existing: Existing,
) -> Result<Option<PathBuf>> {
    let mut walk = Walk {
        host: PathBuf::from("/"),
        guest: transaction.top(),
        pending: VecDeque::new(),
        links: 0,
        transaction,
        existing,
        kept: None,
    };
    walk.queue(path.as_os_str());
    while let Some(name) = walk.pending.pop_front() {
        if name == ".." {
            walk.host.pop();
            walk.guest.ascend();
        } else {
            walk.step(&name)?;
        }
    }
    Ok(walk.kept)
}

/// Decides about a different file that the root has already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// Fail, because the user asked for the new file.
    Refuse,
    /// Keep it. The root's own library suits the root's own programs, and most others.
    Keep,
    /// Replace it.
    Replace,
}

struct Walk<'a> {
    /// A host directory without symlinks in its path.
    host: PathBuf,
    /// The guest directory at the same point of the walk.
    guest: Directory,
    /// Components that are still to be walked, on both sides.
    pending: VecDeque<OsString>,
    links: usize,
    transaction: &'a mut Transaction,
    existing: Existing,
    kept: Option<PathBuf>,
}

impl Walk<'_> {
    fn step(&mut self, name: &OsStr) -> Result<()> {
        let source = self.host.join(name);
        let metadata = match source.symlink_metadata() {
            Ok(metadata) => metadata,
            // A symlink that dangles on the host may dangle in the guest, too.
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.links > 0 => {
                self.pending.clear();
                return Ok(());
            }
            Err(error) => return Err(Error::io("read", source, error)),
        };
        let node = self.guest.node(name).map_err(|cause| self.failed(name, cause))?;
        if metadata.is_symlink() {
            self.link(name, &source, &node)
        } else if metadata.is_dir() {
            self.directory(name, &source, &metadata, &node)
        } else if !self.pending.is_empty() {
            Err(Error::io("read", source, Errno::NOTDIR))
        } else if metadata.is_file() {
            self.file(name, &source, &node)
        } else {
            Err(Error::NotAProgram { path: source, why: "it is not a regular file" })
        }
    }

    fn link(&mut self, name: &OsStr, source: &Path, node: &Node) -> Result<()> {
        let text = fs::read_link(source).map_err(|cause| Error::io("read", source, cause))?.into_os_string();
        match node {
            Node::Missing => self.make_link(name, &text)?,
            Node::Symlink(existing) if *existing == text => self.transaction.note_present(),
            Node::Directory | Node::Symlink(_) if source.is_dir() => {
                self.enter(name)?;
                self.host = canonical(source)?;
                return Ok(());
            }
            _ => {
                if self.has_content_of(name, &canonical(source)?)? {
                    self.transaction.note_present();
                    return Ok(());
                }
                if !self.clear(name, node)? {
                    return Ok(());
                }
                self.make_link(name, &text)?;
            }
        }
        self.links += 1;
        if self.links > LINKS_MAX {
            return Err(Error::io("read", source, Errno::LOOP));
        }
        self.queue(&text);
        Ok(())
    }

    fn directory(&mut self, name: &OsStr, source: &Path, metadata: &Metadata, node: &Node) -> Result<()> {
        match node {
            Node::Missing => {
                let mut attributes = attributes(metadata);
                // Its owner writes into it next.
                attributes.mode |= 0o700;
                self.transaction
                    .make_directory(&self.guest, name, attributes)
                    .map_err(|cause| self.failed(name, cause))?;
                self.enter(name)?;
            }
            Node::Directory | Node::Symlink(_) => self.enter(name)?,
            Node::File | Node::Special => return Err(self.conflict(name, node)),
        }
        self.host = source.to_owned();
        Ok(())
    }

    fn file(&mut self, name: &OsStr, source: &Path, node: &Node) -> Result<()> {
        if *node != Node::Missing {
            if self.has_content_of(name, source)? {
                self.transaction.note_present();
                return Ok(());
            }
            if !self.clear(name, node)? {
                return Ok(());
            }
        }
        let unreadable = |cause| Error::io("read", source, cause);
        let mut file = File::open(source).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        let id = (metadata.dev(), metadata.ino());
        // On some hosts git has a hundred names.
        let has_other_names = metadata.nlink() > 1;
        if has_other_names && self.transaction.link_copy(id, &self.guest, name) {
            return Ok(());
        }
        self.transaction
            .make_file(&self.guest, name, &mut file, attributes(&metadata))
            .map_err(|cause| self.failed(name, cause))?;
        if has_other_names {
            self.transaction.note_copy(id, &self.guest, name);
        }
        Ok(())
    }

    /// Goes into the guest's directory `name`, which may be a symlink.
    fn enter(&mut self, name: &OsStr) -> Result<()> {
        self.guest = self.guest.resolve_directory(name).map_err(|cause| {
            if cause == Errno::NOENT {
                Error::Conflict { path: self.guest.path().join(name), existing: "dangling symlink" }
            } else {
                self.failed(name, cause)
            }
        })?;
        Ok(())
    }

    fn make_link(&mut self, name: &OsStr, text: &OsStr) -> Result<()> {
        self.transaction.make_symlink(&self.guest, name, text).map_err(|cause| self.failed(name, cause))
    }

    /// Removes what is at `name`. Returns false if it stays, and the walk ends there.
    fn clear(&mut self, name: &OsStr, node: &Node) -> Result<bool> {
        let applet = matches!(node, Node::Symlink(text) if busybox::is_applet_link(text));
        let replaceable = matches!(node, Node::File | Node::Symlink(_));
        match self.existing {
            Existing::Keep if replaceable => {
                self.pending.clear();
                // An applet does what its name says, so there is nothing to report.
                if !applet {
                    self.kept = Some(self.guest.path().join(name));
                }
                self.transaction.note_present();
                return Ok(false);
            }
            Existing::Replace if replaceable => {}
            // A program replaces the applet of the same name.
            Existing::Refuse if applet => {}
            _ => return Err(self.conflict(name, node)),
        }
        self.transaction.move_away(&self.guest, name).map_err(|cause| self.failed(name, cause))?;
        Ok(true)
    }

    /// Returns whether the guest path `name` leads to a file that equals the host's `source`.
    fn has_content_of(&self, name: &OsStr, source: &Path) -> Result<bool> {
        let Ok((parent, Some(name))) = self.guest.resolve(name) else {
            return Ok(false);
        };
        if parent.node(&name) != Ok(Node::File) {
            return Ok(false);
        }
        // O_NONBLOCK, in case that a FIFO replaced the file meanwhile.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let existing =
            openat(parent.fd(), &name, flags, Mode::empty()).map_err(|cause| self.failed(&name, cause))?;
        same_content(File::from(existing), source).map_err(|cause| Error::io("read", source, cause))
    }

    fn conflict(&self, name: &OsStr, node: &Node) -> Error {
        Error::Conflict {
            path: self.guest.path().join(name),
            existing: match node {
                Node::Directory => "directory",
                Node::Symlink(_) => "symlink",
                Node::Special => "special file",
                Node::File | Node::Missing => "file",
            },
        }
    }

    fn failed(&self, name: &OsStr, cause: impl Into<io::Error>) -> Error {
        Error::io("add", self.guest.path().join(name), cause)
    }

    fn queue(&mut self, path: &OsStr) {
        if Path::new(path).is_absolute() {
            self.host = PathBuf::from("/");
            self.guest.ascend_to_top();
        }
        for name in components(path).rev() {
            self.pending.push_front(name.to_owned());
        }
    }
}

/// Returns the metadata for the copy of a host file. Root keeps owners, and with them the
/// set-user-ID bits. Other callers own the copies themselves, and there the bits would mean
/// something else.
fn attributes(metadata: &Metadata) -> Attributes {
    let root = rustix::process::geteuid().is_root();
    Attributes {
        mode: metadata.mode() & if root { 0o7777 } else { 0o777 },
        owner: root.then(|| (Uid::from_raw(metadata.uid()), Gid::from_raw(metadata.gid()))),
        modified: Some(Timespec { tv_sec: metadata.mtime(), tv_nsec: metadata.mtime_nsec() }),
    }
}

fn canonical(path: &Path) -> Result<PathBuf> {
    path.canonicalize().map_err(|cause| Error::io("read", path, cause))
}

fn same_content(mut existing: File, source: &Path) -> io::Result<bool> {
    let mut source = File::open(source)?;
    if existing.metadata()?.len() != source.metadata()?.len() {
        return Ok(false);
    }
    let mut here = vec![0; 1 << 16];
    let mut there = vec![0; 1 << 16];
    loop {
        let length = existing.read(&mut here)?;
        if length == 0 {
            return Ok(source.read(&mut there[..1])? == 0);
        }
        match source.read_exact(&mut there[..length]) {
            Ok(()) if here[..length] == there[..length] => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}
