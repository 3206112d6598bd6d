//! Empty directories that stand for guest directories that no file system has.
//!
//! A binding on `/home/me` needs a `/home` even in a root that has none, and newroot makes nothing
//! in the root. Such a directory must be real, because programs open it, list it, compare its inode
//! number and change into it. It must be empty, so that the only names in it are bindings. And each
//! one must be another directory, so that its path identifies it. So each user has a few of them,
//! for all sessions at once: empty, and not writable even by their owner.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::places;
use crate::real_path::real_path;

/// Returns `count` different empty directories, and makes the missing ones.
pub(super) fn provide(count: usize) -> Result<Vec<PathBuf>> {
    let mut failure = io::Error::from_raw_os_error(libc::EACCES);
    for base in places::candidates() {
        match provide_in(&base, count) {
            Ok(empty_dirs) => return Ok(empty_dirs),
            Err(error) => failure = error,
        }
    }
    Err(Error::System {
        operation:
            "provide the directories above a binding that the root lacks: no place of yours can be written \
                    (XDG_RUNTIME_DIR, the cache directory, /dev/shm, /tmp)"
                .to_owned(),
        cause: failure,
    })
}

fn provide_in(base: &Path, count: usize) -> io::Result<Vec<PathBuf>> {
    places::claim(base)?;
    let empty_dirs = base.join("void");
    places::claim(&empty_dirs)?;
    let empty_dirs = real_path(&empty_dirs)?;
    (0..count)
        .map(|index| {
            let path = empty_dirs.join(index.to_string());
            match DirBuilder::new().mode(0o555).create(&path) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    fs::set_permissions(&path, fs::Permissions::from_mode(0o555))?;
                }
                Err(error) => return Err(error),
            }
            match fs::read_dir(&path)?.next() {
                None => Ok(path),
                Some(_) => Err(io::Error::from_raw_os_error(libc::ENOTEMPTY)),
            }
        })
        .collect()
}
