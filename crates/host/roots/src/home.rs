//! The default root of a user.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfsMountFlags, statvfs};

use crate::build;
use crate::error::{Error, Result};
use crate::manifest::Manifest;
use crate::observer::Observer;
use crate::options::Options;

/// Returns `$XDG_DATA_HOME/newroot/default` or `~/.local/share/newroot/default`.
pub(crate) fn default_root_path() -> Result<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            // The XDG specification says to ignore a relative path.
            .filter(|path| path.is_absolute())
    };
    let data = absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .ok_or(Error::NoDataDirectory)?;
    Ok(data.join("newroot/default"))
}

/// Makes a root at `directory`, unless one exists. Removes what it made if that fails.
pub(crate) fn ensure(directory: &Path, options: &Options, observer: &mut dyn Observer) -> Result<()> {
    if is_made(directory) {
        return Ok(());
    }
    if nothing_can_be_executed(directory) {
        return Err(Error::DefaultRootNotExecutable { directory: directory.to_owned() });
    }
    let missing: Vec<&Path> = directory.ancestors().skip(1).take_while(|path| !path.exists()).collect();
    let result = make(directory, options, observer);
    if result.is_err() {
        for made in missing {
            // Fails if another process has put something there by now.
            let _ = fs::remove_dir(made);
        }
    }
    result.map_err(|error| Error::DefaultRoot(Box::new(error)))
}

fn make(directory: &Path, options: &Options, observer: &mut dyn Observer) -> Result<()> {
    let manifest = Manifest::root(&[], options)?;
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent).map_err(|cause| Error::io("make", parent, cause))?;
    }
    match build::build_aside(directory, manifest, observer) {
        // Another process was faster. Its root is as good.
        Err(_) if is_made(directory) => Ok(()),
        result => result.map(drop),
    }
}

/// Returns whether the file system of `directory` is mounted noexec.
fn nothing_can_be_executed(directory: &Path) -> bool {
    let place = directory.ancestors().find(|path| path.exists());
    place
        .and_then(|place| statvfs(place).ok())
        .is_some_and(|place| place.f_flag.contains(StatVfsMountFlags::NOEXEC))
}

/// A root appears complete. So a directory with anything in it is a complete root.
fn is_made(directory: &Path) -> bool {
    fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some())
}
