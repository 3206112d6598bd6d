//! Fresh directories (`--tmpfs`) for the engine that can't mount.
//!
//! They lie in a directory that belongs to the user. newroot waits for the command and removes them
//! after it has ended. A launch holds a lock on its directory (flock(2)). If newroot is killed, the
//! directory stays without a lock, and the next launch that makes such a directory removes it.
//!
//! With a fake root they lie in the root's store: records outside of a file are found by its inode
//! number, which is unique only in one file system.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirBuilderExt, DirEntryExt as _, OpenOptionsExt, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use newroot_abi::plan::MountFlags;
use newroot_records::Sidecar;

use super::fake_root::Prepared;
use super::locked_file::{is_there, try_lock};
use crate::error::{Error, Result};
use crate::guest::{Guest, Source, shown};
use crate::places;
use crate::real_path::real_path;

/// Name of the directory in one of the user's directories.
const DIRECTORY: &str = "scratch";
/// Levels of a tree that are removed with a descriptor open for each.
const DEEPEST: usize = 32;
/// Length of the longest path of a directory in bytes: that of a file in it is below `PATH_MAX`.
const LONGEST: usize = 2048;

/// Directories of a launch. They are removed when this is dropped in the process that made them.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    maker: u32,
    /// Records of the files in it, if they can have any.
    sidecar: Option<Sidecar>,
    /// Open directory, with a lock.
    _file: File,
}

/// Makes the directories for the mounts that have none yet. With a fake root, owners are recorded
/// in them as in the root.
pub(super) fn provide(guest: &mut Guest, fake: Option<&Prepared>) -> Result<Option<Scratch>> {
    let is_fresh = |source: &Source| matches!(source, Source::Fresh(_));
    if !guest.mounts().iter().any(|mount| is_fresh(&mount.source)) {
        return Ok(None);
    }
    let scratch = match fake {
        Some(fake) => {
            let made = fake.sidecar().and_then(|sidecar| make_in(fake.store(), Some(sidecar)));
            made.map_err(|cause| Error::System {
                operation: format!("make a fresh directory in '{}'", fake.store().display()),
                cause,
            })?
        }
        None => make().map_err(|cause| Error::System {
            operation: "make a fresh directory: no place of yours can be written to (TMPDIR, /tmp, \
                        XDG_RUNTIME_DIR, the cache directory, /dev/shm)"
                .to_owned(),
            cause,
        })?,
    };
    let fresh = guest.mounts_mut().iter_mut().filter(|mount| is_fresh(&mount.source));
    for (index, mount) in fresh.enumerate() {
        let Source::Fresh(mode) = mount.source else { continue };
        let path = scratch.path.join(index.to_string());
        let made = DirBuilder::new().mode(0o700).create(&path);
        // The mode must not depend on the umask.
        made.and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode))).map_err(
            |cause| Error::System {
                operation: format!("make a fresh directory for '{}'", shown(&mount.guest).display()),
                cause,
            },
        )?;
        mount.host = path.into_os_string().into_vec();
        mount.source = Source::Host;
        if fake.is_some() {
            mount.flags = mount.flags.with(MountFlags::OURS);
        }
    }
    Ok(Some(scratch))
}

/// Returns the user's directories. Those for large files come first.
fn candidates() -> Vec<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let named = std::env::var_os("TMPDIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let temporary = named.into_iter().chain([PathBuf::from("/tmp")]);
    temporary.map(|path| path.join(format!("newroot-{uid}"))).chain(places::candidates()).collect()
}

fn make() -> io::Result<Scratch> {
    let mut failure = io::Error::from_raw_os_error(libc::EACCES);
    for place in candidates() {
        match make_in(&place, None) {
            Ok(scratch) => return Ok(scratch),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn make_in(place: &Path, sidecar: Option<Sidecar>) -> io::Result<Scratch> {
    places::claim(place)?;
    let directory = place.join(DIRECTORY);
    places::claim(&directory)?;
    let directory = real_path(&directory)?;
    clean(&directory, sidecar.as_ref());
    loop {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let path = directory.join(format!("{}-{}", std::process::id(), now.as_nanos()));
        DirBuilder::new().mode(0o700).create(&path)?;
        // Before this launch has the lock, another one may take the directory for a leftover.
        let file = match open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            opened => opened?,
        };
        if try_lock(&file)? && is_there(&file, &path) {
            return Ok(Scratch { path, maker: std::process::id(), sidecar, _file: file });
        }
    }
}

fn open(directory: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW).open(directory)
}

/// Removes the directories of launches that were killed.
fn clean(directory: &Path, sidecar: Option<&Sidecar>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        if let Ok(file) = open(&entry.path())
            && try_lock(&file).unwrap_or(false)
        {
            remove(&entry.path(), sidecar);
        }
    }
}

/// Removes a tree, and the records of its files. Directories in it may lack the permissions that
/// this needs.
fn remove(path: &Path, sidecar: Option<&Sidecar>) {
    if let Some(sidecar) = sidecar {
        widen(path);
        forget(path, sidecar);
    }
    if fs::remove_dir_all(path).is_err() {
        widen(path);
        let _ = fs::remove_dir_all(path);
    }
}

/// Gives the user all permissions on the directories of a tree, and moves those up that lie deeper
/// than a process can have open or than a path can name.
fn widen(top: &Path) {
    let level = |path: &Path| path.components().count();
    let (mut waiting, mut moved) = (vec![top.to_owned()], 0);
    while let Some(mut directory) = waiting.pop() {
        if !fs::symlink_metadata(&directory).is_ok_and(|found| found.is_dir()) {
            continue;
        }
        let _ = fs::set_permissions(&directory, fs::Permissions::from_mode(0o700));
        if level(&directory) - level(top) > DEEPEST || directory.as_os_str().len() > LONGEST {
            // No guest can make names here: its own directories lie in `top`.
            let up = top.join(format!("deep-{moved}"));
            if fs::rename(&directory, &up).is_ok() {
                (directory, moved) = (up, moved + 1);
            }
        }
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        waiting.extend(directories.map(|entry| entry.path()));
    }
}

/// Removes the records of the files below a directory.
fn forget(directory: &Path, sidecar: &Sidecar) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        sidecar.forget(entry.ino());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            forget(&entry.path(), sidecar);
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A child that couldn't become the command comes here, too.
        if std::process::id() == self.maker {
            remove(&self.path, self.sidecar.as_ref());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directory_is_removed_after_its_launch_or_by_the_next() {
        let top = tempfile::tempdir().expect("a directory");
        let place = top.path().join("place");
        let listed = || fs::read_dir(place.join(DIRECTORY)).map_or(0, |entries| entries.flatten().count());
        let first = make_in(&place, None).expect("a directory");
        fs::create_dir_all(first.path.join("0/locked/deep")).expect("directories");
        fs::set_permissions(first.path.join("0/locked"), fs::Permissions::from_mode(0o000)).expect("a mode");
        let second = make_in(&place, None).expect("another one");
        assert_eq!(listed(), 2);
        drop(first);
        assert_eq!(listed(), 1);
        drop(second);
        assert_eq!(listed(), 0);
        // This is a leftover of a launch that was killed.
        fs::create_dir_all(place.join(DIRECTORY).join("7-7/0/file")).expect("directories");
        let third = make_in(&place, None).expect("a directory");
        assert_eq!(listed(), 1);
        drop(third);
    }

    #[test]
    fn launches_at_the_same_time_do_not_remove_each_others_directories() {
        let top = tempfile::tempdir().expect("a directory");
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let place = top.path();
                scope.spawn(move || {
                    for round in 0..400 {
                        let made =
                            make_in(place, None).unwrap_or_else(|error| panic!("{thread} {round}: {error}"));
                        assert!(made.path.is_dir(), "{thread} {round}");
                    }
                });
            }
        });
    }
}
