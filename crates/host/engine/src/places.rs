//! Directories that belong to the user alone, in which newroot may keep files of its own.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Returns the candidates, best first: those that vanish with the session, those that are kept,
/// those that every user has.
pub(crate) fn candidates() -> Vec<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let mut places = Vec::new();
    places.extend(variable("XDG_RUNTIME_DIR").map(|dir| dir.join("newroot")));
    places.extend(variable("XDG_CACHE_HOME").map(|dir| dir.join("newroot")));
    places.extend(variable("HOME").map(|dir| dir.join(".cache/newroot")));
    places.push(PathBuf::from(format!("/dev/shm/newroot-{uid}")));
    places.push(PathBuf::from(format!("/tmp/newroot-{uid}")));
    places
}

/// Makes the directory if it is missing. Checks that it belongs to the user and that nobody else
/// can write to it: in /tmp anyone could have made it first.
///
/// # Errors
/// EPERM if it isn't such a directory, and those of mkdir(2).
pub(crate) fn claim(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let metadata = fs::symlink_metadata(directory)?;
    let is_own = metadata.uid() == rustix::process::geteuid().as_raw();
    if metadata.is_dir() && is_own && metadata.mode() & 0o022 == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(libc::EPERM))
    }
}
