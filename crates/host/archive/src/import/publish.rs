//! Moving what was unpacked to where it was wanted.
//!
//! An archive is unpacked in a directory that nobody else can enter, beside the one that is to be made or in the one
//! that is there. Moving it takes a rename for each name at the top, or, into a directory with something in it, for
//! each name that is new; these are undone if one fails.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use newroot_records::{Links, links};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, mkdirat, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::give::Giver;
use super::unpack::Unpacked;
use crate::beneath::{Beneath, join, split};
use crate::error::{Error, Result, reason};
use crate::observer::{Observer, Warning, guest_path};

/// Where a root is wanted.
#[derive(Debug)]
pub(super) struct Place {
    directory: PathBuf,
    exists: bool,
}

impl Place {
    /// Looks whether it can be had.
    pub(super) fn prepare(directory: &Path, force: bool) -> Result<Self> {
        let exists = match fs::read_dir(directory) {
            Ok(mut entries) => {
                if entries.next().is_some() && !force {
                    return Err(Error::NotEmpty { directory: directory.to_owned() });
                }
                true
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(Error::io("make", directory, error)),
        };
        Ok(Self { directory: directory.to_owned(), exists })
    }

    /// Whether the directory is made.
    pub(super) fn is_new(&self) -> bool {
        !self.exists
    }

    /// Makes a directory to unpack in.
    pub(super) fn make_aside(&self) -> Result<Aside> {
        let above = if self.exists {
            &self.directory
        } else {
            self.directory.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
        };
        let mut count = 0;
        loop {
            let path = above.join(format!(".newroot-{}-{count}", std::process::id()));
            match mkdirat(CWD, &path, Mode::RWXU) {
                Ok(()) => return Ok(Aside { path: Some(path) }),
                Err(Errno::EXIST) => count += 1,
                Err(error) => return Err(Error::io("make", &self.directory, error)),
            }
        }
    }

    /// Moves what was unpacked `aside`.
    pub(super) fn publish(self, aside: Aside, unpacked: Unpacked, observer: &mut dyn Observer) -> Result<()> {
        let failed = |cause: io::Error| Error::io("make", &self.directory, cause);
        if !self.exists {
            // Onto a directory with something in it this fails, and nothing is lost.
            fs::rename(aside.path(), &self.directory).map_err(failed)?;
            aside.keep();
            return Ok(());
        }
        let failed_to_open = |error: Errno| failed(error.into());
        let from = Beneath::open_made(aside.path()).map_err(failed_to_open)?;
        let to = Beneath::open(&self.directory).map_err(failed_to_open)?;
        let mut merge = Merge { from, to, done: Vec::new() };
        merge.all()?;
        let Merge { to, done, .. } = &mut merge;
        let done = std::mem::take(done);
        drop(aside);
        // There is no way back any more: what can't be done now is said.
        let giver = Giver::for_root_at(&self.directory).map_err(failed)?;
        let kept = Links::open(&self.directory).ok();
        for step in &done {
            if let Step::MovedAway { path, backup } = step {
                forget_backup(to, &giver, kept.as_ref(), path, backup);
            }
        }
        let merged = done.iter().filter_map(|step| match step {
            Step::Merged(path) => Some(path),
            _ => None,
        });
        let merged: Vec<&Vec<u8>> = merged.collect();
        for path in merged.into_iter().rev() {
            let Some(metadata) = unpacked.directories.get(path) else { continue };
            if let Err(error) = giver.give_directory(to, path, metadata, observer) {
                let directory = if path.is_empty() { self.directory.clone() } else { guest_path(path) };
                observer.warn(&Warning::Top { directory, why: reason(&error) });
            }
        }
        Ok(())
    }
}

/// Removes what was replaced.
fn forget_backup(to: &Beneath, giver: &Giver, kept: Option<&Links>, path: &[u8], backup: &OsStr) {
    let (above, _) = split(path);
    let Ok(parent) = to.directory(above) else { return };
    let inode = statat(&parent, backup, AtFlags::SYMLINK_NOFOLLOW);
    let one_of_several = kept.zip(links::of_name(&parent, backup));
    if unlinkat(&parent, backup, AtFlags::empty()).is_ok()
        && let Ok(stat) = inode
        && stat.st_nlink < 2
    {
        giver.forget(stat.st_ino);
        if let Some((links, id)) = one_of_several {
            links.drop_name(id);
        }
    }
}

/// A step of moving.
enum Step {
    /// It is now where it was wanted.
    Moved(Vec<u8>),
    /// What was at `path` is now at `backup`, in the same directory.
    MovedAway { path: Vec<u8>, backup: OsString },
    /// A directory that both have.
    Merged(Vec<u8>),
}

/// Moves a tree into another, or if that fails, everything back.
struct Merge {
    from: Beneath,
    to: Beneath,
    done: Vec<Step>,
}

impl Merge {
    fn all(&mut self) -> Result<()> {
        let mut pending = vec![Vec::new()];
        let result = loop {
            let Some(path) = pending.pop() else { break Ok(()) };
            self.done.push(Step::Merged(path.clone()));
            if let Err(error) = self.directory(&path, &mut pending) {
                break Err(error);
            }
        };
        if result.is_err() {
            self.undo();
        }
        result
    }

    fn directory(&mut self, path: &[u8], pending: &mut Vec<Vec<u8>>) -> Result<()> {
        let failed = |path: &[u8]| {
            let path = guest_path(path);
            move |cause: Errno| Error::io("unpack", path, cause)
        };
        let from = self.from.readable(path).map_err(failed(path))?;
        let to = self.to.directory(path).map_err(failed(path))?;
        for name in names(&from).map_err(failed(path))? {
            let inner = join(path, &name);
            let name = OsStr::from_bytes(&name);
            let kind = |at| {
                statat(at, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| FileType::from_raw_mode(stat.st_mode))
            };
            let new = kind(&from).map_err(failed(&inner))?;
            match kind(&to) {
                Err(Errno::NOENT) => {}
                Err(error) => return Err(failed(&inner)(error)),
                Ok(FileType::Directory) if new == FileType::Directory => {
                    pending.push(inner);
                    continue;
                }
                Ok(FileType::Directory) => {
                    return Err(Error::Conflict { path: guest_path(&inner), existing: "a directory" });
                }
                Ok(_) => {
                    let mut backup = OsString::from(format!(".newroot-{}-", std::process::id()));
                    backup.push(self.done.len().to_string());
                    renameat(&to, name, &to, &backup).map_err(failed(&inner))?;
                    self.done.push(Step::MovedAway { path: inner.clone(), backup });
                }
            }
            renameat(&from, name, &to, name).map_err(failed(&inner))?;
            self.done.push(Step::Moved(inner));
        }
        Ok(())
    }

    /// Whatever can't be undone is left; there is nobody to tell.
    fn undo(&mut self) {
        for step in std::mem::take(&mut self.done).into_iter().rev() {
            let _ = match step {
                Step::Moved(path) => {
                    let (above, name) = split(&path);
                    let both =
                        self.from.directory(above).and_then(|from| Ok((from, self.to.directory(above)?)));
                    both.and_then(|(from, to)| renameat(to, name, from, name))
                }
                Step::MovedAway { path, backup } => {
                    let (above, name) = split(&path);
                    self.to.directory(above).and_then(|to| renameat(&to, &backup, &to, name))
                }
                Step::Merged(_) => Ok(()),
            };
        }
    }
}

fn names(directory: &std::os::fd::OwnedFd) -> std::result::Result<Vec<Vec<u8>>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if !matches!(&name[..], b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}

/// A directory of our own, which is gone with this unless it was moved.
#[derive(Debug)]
pub(super) struct Aside {
    path: Option<PathBuf>,
}

impl Aside {
    pub(super) fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(""))
    }

    fn keep(mut self) {
        self.path = None;
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // There is nobody to tell.
            let _ = remove(path);
        }
    }
}

/// Removes a tree, however deep, without holding a descriptor for each of its levels.
fn remove(path: &Path) -> io::Result<()> {
    let beneath = Beneath::open_made(path)?;
    let mut directories = vec![Vec::new()];
    let mut next = 0;
    while let Some(path) = directories.get(next).cloned() {
        next += 1;
        let directory = beneath.readable(&path)?;
        for name in names(&directory)? {
            match unlinkat(&directory, OsStr::from_bytes(&name), AtFlags::empty()) {
                Err(Errno::ISDIR) => directories.push(join(&path, &name)),
                other => other?,
            }
        }
    }
    for path in directories.iter().skip(1).rev() {
        let (above, name) = split(path);
        unlinkat(beneath.directory(above)?, name, AtFlags::REMOVEDIR)?;
    }
    fs::remove_dir(path)
}
