//! How a caller follows the work: this crate prints nothing.

use std::ffi::OsString;
use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Follows the building of a root. `()` is the observer that doesn't care.
pub trait Observer {
    /// `done` of `total` items are in the root; `current` is the guest path that comes next.
    ///
    /// Called once before each item and once at the end (`done == total`). Within one
    /// [`init`](crate::init) or [`add`](crate::add) the total never changes.
    /// [`ControlFlow::Break`] ends the work with [`Error::Interrupted`](crate::Error::Interrupted)
    /// and what was made is removed again.
    fn progress(&mut self, done: usize, total: usize, current: &Path) -> ControlFlow<()> {
        let _ = (done, total, current);
        ControlFlow::Continue(())
    }

    /// Something is worth a line to the user; the work goes on.
    fn warn(&mut self, warning: &Warning) {
        let _ = warning;
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

    /// `current` is to be done now.
    pub(crate) fn next(&mut self, current: &Path) -> Result<()> {
        let done = self.done;
        self.done += 1;
        self.tell(done, current)
    }

    pub(crate) fn warn(&mut self, warning: &Warning) {
        self.observer.warn(warning);
    }

    /// All is done.
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

/// Something worth a line on stderr that doesn't keep the root from being made.
/// Its [`Display`](fmt::Display) is that line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A library that a program names is nowhere on the host.
    LibraryNotFound {
        /// The name in the program's dynamic section.
        library: OsString,
        /// The program or library that wants it.
        needed_by: PathBuf,
    },
    /// The root has another file at the place of a library, an interpreter or the like. It
    /// stays; programs that were named may find it too old.
    FileKept {
        /// The guest path.
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

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Files, links and directories that were made (or, with `force`, replaced).
    pub made: usize,
    /// Files and links that were there already, just so.
    pub present: usize,
    /// Bytes of file content written.
    pub bytes: u64,
    /// The guest path of each program that was named, in the order of the names.
    pub programs: Vec<PathBuf>,
}
