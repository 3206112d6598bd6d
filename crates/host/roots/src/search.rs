//! Finds programs as a shell does.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::error::{Error, Result};
use crate::probe;

/// Returns the absolute host path of `name`. Without a slash, it is looked up in `search_path`.
/// With a slash, it may be a directory, too.
///
/// Symlinks aren't resolved: the guest gets the program under this name.
pub(crate) fn program(name: &OsStr, search_path: &OsStr) -> Result<PathBuf> {
    if name.as_bytes().contains(&b'/') {
        let path = absolute(Path::new(name))?;
        let metadata = path.metadata().map_err(|cause| Error::io("add", name, cause))?;
        let why = if !metadata.is_dir() && !metadata.is_file() {
            "it is not a regular file"
        } else if access(&path, Access::EXEC_OK).is_err() {
            "it is not executable"
        } else {
            return Ok(path);
        };
        return Err(Error::NotAProgram { path: name.into(), why });
    }
    match find(name, search_path) {
        Some(found) => absolute(&found),
        None => {
            probe::check_no_shortage().and_then(|()| Err(Error::ProgramNotFound { program: name.into() }))
        }
    }
}

/// Returns the first executable `name` in the directories of `search_path`.
pub(crate) fn find(name: &OsStr, search_path: &OsStr) -> Option<PathBuf> {
    if name.is_empty() {
        return None;
    }
    search_path
        .as_bytes()
        .split(|&byte| byte == b':')
        .map(|directory| match directory {
            // An empty element is the current directory.
            b"" => Path::new(".").join(name),
            _ => Path::new(OsStr::from_bytes(directory)).join(name),
        })
        .find(|path| {
            let executable = || access(path, Access::EXEC_OK).map_err(Into::into);
            probe::is_file(path) && probe::found(path, executable()).is_some()
        })
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|cause| Error::io("add", path, cause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_found_in_path_order() {
        let found = find(OsStr::new("sh"), OsStr::new("/nowhere:/bin:/usr/bin"));
        assert_eq!(found.as_deref(), Some(Path::new("/bin/sh")));
    }

    #[test]
    fn directories_and_plain_files_are_passed_over() {
        assert_eq!(find(OsStr::new("passwd"), OsStr::new("/etc")), None);
        assert_eq!(find(OsStr::new("bin"), OsStr::new("/usr")), None);
        assert_eq!(find(OsStr::new(""), OsStr::new("/usr/bin")), None);
    }

    #[test]
    fn slash_means_a_path() {
        let error = program(OsStr::new("/etc/passwd"), OsStr::new("/bin")).unwrap_err();
        assert_eq!(error.to_string(), "cannot add '/etc/passwd': it is not executable");
    }
}
