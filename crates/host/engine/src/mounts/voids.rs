//! Empty directories to stand for guest directories that exist nowhere.
//!
//! A binding on `/home/me` needs a `/home` in a root that has none, and nothing may be made
//! in the root. Such a directory must be real, for programs open it, list it, compare its inode
//! and change into it; it must be empty, so that no name is found in it that isn't a binding; and it
//! must be another one for each, so that its path tells which. So the user keeps a few: empty,
//! not even writable by their owner, and used by all sessions at once.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::places;
use crate::real_path::real_path;

/// `count` different empty directories.
pub(super) fn provide(count: usize) -> Result<Vec<PathBuf>> {
    let mut failure = io::Error::from_raw_os_error(libc::EACCES);
    for base in places::candidates() {
        match provide_in(&base, count) {
            Ok(voids) => return Ok(voids),
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
    let voids = base.join("void");
    places::claim(&voids)?;
    let voids = real_path(&voids)?;
    (0..count)
        .map(|index| {
            let path = voids.join(index.to_string());
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
