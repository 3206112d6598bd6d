//! Whole directories of the host.

use std::fs;
use std::path::{Path, PathBuf};

use crate::closure::Closure;
use crate::error::{Error, Result};

/// Adds everything below the host directory `top`, with the libraries of its programs and modules,
/// as `program` would find them. `skip` leaves entries out.
///
/// Symlinks are taken as they are. A symlink's target outside of `top` is only added if it is a
/// file.
pub(crate) fn collect(
    closure: &mut Closure<'_>,
    top: &Path,
    program: Option<&Path>,
    skip: &dyn Fn(&Path) -> bool,
) -> Result<()> {
    let mut pending = vec![top.to_owned()];
    while let Some(directory) = pending.pop() {
        closure.file(&directory);
        for path in entries(&directory)? {
            let failed = |cause| Error::io("read", &path, cause);
            if skip(&path) {
                continue;
            }
            let kind = path.symlink_metadata().map_err(failed)?.file_type();
            if kind.is_dir() {
                pending.push(path);
            } else if kind.is_symlink() {
                closure.file(&path);
            } else if kind.is_file() {
                closure.part(&path, program)?;
            }
        }
    }
    Ok(())
}

/// Returns the entries of `directory`, sorted by name.
fn entries(directory: &Path) -> Result<Vec<PathBuf>> {
    let failed = |cause| Error::io("read", directory, cause);
    let mut paths = fs::read_dir(directory)
        .map_err(failed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(failed)?;
    paths.sort();
    Ok(paths)
}
