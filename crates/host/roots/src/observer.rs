//! Progress and warnings for the caller. This crate prints nothing itself.

use std::ffi::OsString;
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Follows the making of a root. `()` ignores everything.
pub trait Observer {
    /// Reports that `done` of `total` items are in the root. `current` is the next guest path.
    ///
    /// It is called before each item and once at the end (`done == total`). During one
    /// [`init`](crate::init) or [`add`](crate::add) the total never changes. [`ControlFlow::Break`]
    /// ends the work with [`Error::Interrupted`](crate::Error::Interrupted), and everything that
    /// was made is removed.
    fn progress(&mut self, done: usize, total: usize, current: &Path) -> ControlFlow<()> {
        let _ = (done, total, current);
        ControlFlow::Continue(())
    }

    /// Reports a warning. The work goes on.
    fn warn(&mut self, warning: &Warning) {
        let _ = warning;
    }

    /// Reports a detail for users who ask for more output.
    fn note(&mut self, note: &Note) {
        let _ = note;
    }
}

impl Observer for () {}

/// Counts items for an observer.
pub(crate) struct Progress<'a> {
    done: usize,
    total: usize,
    observer: &'a mut dyn Observer,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(total: usize, observer: &'a mut dyn Observer) -> Self {
        Self { done: 0, total, observer }
    }

    /// Reports that `current` is next.
    pub(crate) fn next(&mut self, current: &Path) -> Result<()> {
        let done = self.done;
        self.done += 1;
        self.tell(done, current)
    }

    pub(crate) fn warn(&mut self, warning: &Warning) {
        self.observer.warn(warning);
    }

    pub(crate) fn note(&mut self, note: &Note) {
        self.observer.note(note);
    }

    /// Reports that everything is done.
    pub(crate) fn end(&mut self) -> Result<()> {
        self.tell(self.total, Path::new("/"))
    }

    fn tell(&mut self, done: usize, current: &Path) -> Result<()> {
        match self.observer.progress(done, self.total, current) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Interrupted),
        }
    }
}

/// A warning for the user. Its [`Display`](fmt::Display) is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The host doesn't have a library that a program names.
    LibraryNotFound {
        /// The name in the program's dynamic section.
        library: OsString,
        /// The program or library that needs it.
        needed_by: PathBuf,
    },
    /// The root has a different file at the place of a library, an interpreter or the like. It
    /// stays. Requested programs may find it too old.
    FileKept {
        /// Guest path of the file.
        path: PathBuf,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LibraryNotFound { library, needed_by } => write!(
                f,
                "cannot find library '{}', which '{}' needs",
                library.display(),
                needed_by.display()
            ),
            Self::FileKept { path } => {
                write!(f, "keeping the root's own '{}', which is not the host's", path.display())
            }
        }
    }
}

/// A step that was skipped. Its [`Display`](fmt::Display) is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The host lacks a file that a program may need, or the caller can't read it.
    Skipped {
        /// The program or library that may need it.
        needed_by: PathBuf,
        /// The file, the patterns for it, or the question to the program.
        what: OsString,
        /// The reason.
        why: String,
    },
    /// The root has a different file at the place of one that a program opens. It stays.
    Kept {
        /// Guest path of the file.
        path: PathBuf,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skipped { needed_by, what, why } => {
                write!(f, "skipping '{}' for '{}': {why}", what.display(), needed_by.display())
            }
            Self::Kept { path } => write!(f, "keeping the root's own '{}'", path.display()),
        }
    }
}

/// Figures of a finished call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Number of files, symlinks and directories that were made or, with `force`, replaced.
    pub made: usize,
    /// Number of files and symlinks that existed already, with the same contents.
    pub present: usize,
    /// Bytes of file contents written.
    pub bytes: u64,
    /// Guest path of each requested program, in the order of the names.
    pub programs: Vec<PathBuf>,
}
