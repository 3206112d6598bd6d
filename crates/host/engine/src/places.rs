//! Places that belong to the user alone, where newroot may keep something of its own.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

/// The candidates, best first: what vanishes with the session, what is kept, what anyone has.
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

/// Makes the directory if it is missing, and checks that it is the user's own: in /tmp anyone
/// could have made it first.
pub(crate) fn claim(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let metadata = fs::symlink_metadata(directory)?;
    if metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw() {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(libc::EPERM))
    }
}
