//! Moves the unpacked files to their destination.
//!
//! An archive is unpacked in a staging directory that no other user can enter. It lies beside the
//! directory that is to be made, or in the one that exists. Publishing takes one rename for each
//! name at the top or, if the destination has files, for each new name. If one rename fails, the
//! others are undone.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use newroot_records::{Links, links};
use rustix::fs::{AtFlags, FileType, renameat, statat, unlinkat};
use rustix::io::Errno;

use super::give::Giver;
use super::staging::{StagingDir, names};
use super::unpack::Unpacked;
use crate::beneath::{Beneath, join, split};
use crate::error::{Error, Result, reason};
use crate::observer::{Observer, Warning, guest_path};

/// The directory in which the user wants the root.
#[derive(Debug)]
pub(super) struct Destination {
    directory: PathBuf,
    exists: bool,
}

impl Destination {
    /// Checks whether the root can be made there.
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

    /// Returns whether the import makes the directory.
    pub(super) fn is_new(&self) -> bool {
        !self.exists
    }

    /// Makes a staging directory.
    pub(super) fn make_staging_dir(&self) -> Result<StagingDir> {
        let above = if self.exists {
            &self.directory
        } else {
            self.directory.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
        };
        StagingDir::make(above).map_err(|error| Error::io("make", &self.directory, error))
    }

    /// Moves the unpacked files from the staging directory to the destination.
    pub(super) fn publish(
        self,
        staging: StagingDir,
        unpacked: Unpacked,
        observer: &mut dyn Observer,
    ) -> Result<()> {
        let failed = |cause: io::Error| Error::io("make", &self.directory, cause);
        if !self.exists {
            // If the destination has files by now, rename(2) fails and nothing is lost.
            fs::rename(staging.path(), &self.directory).map_err(failed)?;
            staging.keep();
            return Ok(());
        }
        let failed_to_open = |error: Errno| failed(error.into());
        let from = Beneath::open_made(staging.path()).map_err(failed_to_open)?;
        let to = Beneath::open(&self.directory).map_err(failed_to_open)?;
        let mut merge = Merge { from, to, done: Vec::new() };
        merge.all()?;
        let Merge { to, done, .. } = &mut merge;
        let done = std::mem::take(done);
        drop(staging);
        // The move can't be undone any more. Later failures are only reported.
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

/// Removes a replaced file.
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

/// A finished step of a merge.
enum Step {
    /// This path was moved to the destination.
    Moved(Vec<u8>),
    /// The file at `path` was renamed to `backup` in the same directory.
    MovedAway { path: Vec<u8>, backup: OsString },
    /// Both sides have this directory.
    Merged(Vec<u8>),
}

/// Moves a tree into another. If that fails, moves everything back.
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

    /// A step that can't be undone is left. The caller reports the first error already.
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
