//! Looking whether something is there. Whoever asks needs a yes or a no, and takes an error for a no: libraries are looked
//! for in a dozen places, most of which aren't there.
//!
//! But where a look failed because something had run out, there may have been something, and a root made without it would
//! lack it silently. So the first such failure is kept, for each thread, until whoever builds the root asks for it.

use std::cell::RefCell;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use crate::error::{Error, Result};

thread_local! {
    static FAILED: RefCell<Option<(PathBuf, io::Error)>> = const { RefCell::new(None) };
}

/// Makes an error of looking at `path` nothing.
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

/// Whether a path leads to a regular file.
pub(crate) fn is_file(path: &Path) -> bool {
    found(path, fs::metadata(path)).is_some_and(|metadata| metadata.is_file())
}

/// Whether a path leads to a directory.
pub(crate) fn is_directory(path: &Path) -> bool {
    found(path, fs::metadata(path)).is_some_and(|metadata| metadata.is_dir())
}

/// What is in a file, if it is there.
pub(crate) fn content(path: &Path) -> Option<Vec<u8>> {
    found(path, fs::read(path))
}

/// Whether every look since this was asked last has told something.
///
/// # Errors
/// What had run out in the first one that didn't.
pub(crate) fn all_told() -> Result<()> {
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
        all_told().expect("nothing there is an answer");
        assert_eq!((look(Errno::NFILE), look(Errno::NOMEM)), (None, None));
        let error = all_told().unwrap_err();
        assert_eq!(error.to_string(), "cannot look at '/x': Too many open files in system");
        all_told().expect("it is told once");
    }
}
