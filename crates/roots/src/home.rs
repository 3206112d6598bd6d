//! The root that a user has without asking for one.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::build;
use crate::error::{Error, Result};
use crate::manifest::Manifest;
use crate::observer::Observer;
use crate::options::Options;

/// `$XDG_DATA_HOME/newroot/default` or `~/.local/share/newroot/default`.
pub(crate) fn default_root_path() -> Result<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            // The specification says to ignore a relative one.
            .filter(|path| path.is_absolute())
    };
    let data = absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .ok_or(Error::NoDataDirectory)?;
    Ok(data.join("newroot/default"))
}

/// Makes a root at `directory`, unless there is one.
pub(crate) fn ensure(directory: &Path, options: &Options, observer: &mut dyn Observer) -> Result<()> {
    if is_made(directory) {
        return Ok(());
    }
    let manifest = Manifest::root(&[], options)?;
    if let Some(parent) = directory.parent() {
        fs::create_dir_all(parent).map_err(|cause| Error::io("make", parent, cause))?;
    }
    match build::build_aside(directory, manifest, observer) {
        // Somebody else was faster, and theirs is as good.
        Err(_) if is_made(directory) => Ok(()),
        result => result.map(drop),
    }
}

/// A root appears whole, so that anything in it means all of it.
fn is_made(directory: &Path) -> bool {
    fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some())
}
