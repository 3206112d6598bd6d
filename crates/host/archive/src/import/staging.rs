//! The directory that an archive is unpacked in, before its files move to their destination.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, Mode, mkdirat, unlinkat};
use rustix::io::Errno;

use crate::beneath::{Beneath, join, split};

/// A directory to unpack in. Dropping it removes it, unless it was moved.
#[derive(Debug)]
pub(super) struct StagingDir {
    path: Option<PathBuf>,
}

impl StagingDir {
    /// Makes one in the directory `above`, with a name that is still free.
    ///
    /// # Errors
    /// The errnos of mkdir(2), except EEXIST.
    pub(super) fn make(above: &Path) -> Result<Self, Errno> {
        let mut count = 0;
        loop {
            let path = above.join(format!(".newroot-{}-{count}", std::process::id()));
            match mkdirat(CWD, &path, Mode::RWXU) {
                Ok(()) => return Ok(Self { path: Some(path) }),
                Err(Errno::EXIST) => count += 1,
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.path.as_deref().unwrap_or(Path::new(""))
    }

    /// Gives the directory up: it was moved to its destination.
    pub(super) fn keep(mut self) {
        self.path = None;
    }
}

impl Drop for StagingDir {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // An error here has no one to report it to.
            let _ = remove(path);
        }
    }
}

/// Removes a tree of any depth, without holding a descriptor for each level.
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

/// Returns the names in a directory, without `.` and `..`.
pub(super) fn names(directory: &OwnedFd) -> Result<Vec<Vec<u8>>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(directory)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if !matches!(&name[..], b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}
