//! Checks whether files exist. The callers need a yes or a no, and take an error for a no: a
//! library is looked for in a dozen directories, most of which don't have it.
//!
//! But if a check failed because a resource ran out, the file may exist, and a root made without it
//! would lack it silently. So the first such failure is kept, for each thread, until the builder of
//! the root asks for it.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::error::{Error, Result};

thread_local! {
    static FAILED: RefCell<Option<(PathBuf, io::Error)>> = const { RefCell::new(None) };
}

/// Turns an error of a check at `path` into `None`.
pub(crate) fn found<T>(path: &Path, looked: io::Result<T>) -> Option<T> {
    const SHORTAGES: [Errno; 3] = [Errno::NOMEM, Errno::MFILE, Errno::NFILE];
    let failed = looked.as_ref().err().and_then(Errno::from_io_error);
    if let Some(error) = failed.filter(|error| SHORTAGES.contains(error)) {
        FAILED.with_borrow_mut(|first| {
            first.get_or_insert_with(|| (path.to_owned(), error.into()));
        });
    }
    looked.ok()
}

/// Returns whether a path leads to a regular file.
pub(crate) fn is_file(path: &Path) -> bool {
    found(path, fs::metadata(path)).is_some_and(|metadata| metadata.is_file())
}

/// Returns whether a path leads to a directory.
pub(crate) fn is_directory(path: &Path) -> bool {
    found(path, fs::metadata(path)).is_some_and(|metadata| metadata.is_dir())
}

/// Returns the contents of a file, if it exists.
pub(crate) fn content(path: &Path) -> Option<Vec<u8>> {
    found(path, fs::read(path))
}

/// Checks that no check since the last call failed for lack of a resource.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io) of the first check for which a resource ran out.
pub(crate) fn check_no_shortage() -> Result<()> {
    match FAILED.take() {
        Some((path, cause)) => Err(Error::io("look at", path, cause)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_run_out_is_kept() {
        let look = |error: Errno| found(Path::new("/x"), Err::<(), _>(io::Error::from(error)));
        assert_eq!(look(Errno::NOENT), None);
        check_no_shortage().expect("nothing there is an answer");
        assert_eq!((look(Errno::NFILE), look(Errno::NOMEM)), (None, None));
        let error = check_no_shortage().unwrap_err();
        assert_eq!(error.to_string(), "cannot look at '/x': Too many open files in system");
        check_no_shortage().expect("it is told once");
    }
}
