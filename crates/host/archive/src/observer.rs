//! How a caller follows the work: this crate prints nothing.

use std::ffi::OsString;
use std::fmt;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// What progress is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Files of a root.
    Files,
    /// Bytes of an archive, as it is stored.
    Bytes,
}

/// Follows an export or import. `()` is the observer that doesn't care.
pub trait Observer {
    /// `done` of `total` are done, if it is known how many there are; `current` is the file that comes next.
    ///
    /// [`ControlFlow::Break`] ends the work with [`Error::Interrupted`], and what was made is removed again.
    fn progress(&mut self, unit: Unit, done: u64, total: Option<u64>, current: &Path) -> ControlFlow<()> {
        let _ = (unit, done, total, current);
        ControlFlow::Continue(())
    }

    /// Something is worth a line to the user; the work goes on.
    fn warn(&mut self, warning: &Warning) {
        let _ = warning;
    }
}

impl Observer for () {}

/// Tells an observer, and heeds what it answers.
pub(crate) fn tell(
    observer: &mut dyn Observer,
    unit: Unit,
    done: u64,
    total: Option<u64>,
    current: &[u8],
) -> Result<()> {
    match observer.progress(unit, done, total, &guest_path(current)) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Interrupted),
    }
}

/// The guest path of a path relative to the root.
pub(crate) fn guest_path(path: &[u8]) -> PathBuf {
    Path::new("/").join(Path::new(std::ffi::OsStr::from_bytes(path)))
}

/// Something worth a line on stderr that doesn't keep the work from being done.
/// Its [`Display`](fmt::Display) is that line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A socket, which no archive can hold.
    Socket {
        /// The guest path.
        path: PathBuf,
    },
    /// A directory that something is mounted on.
    MountPoint {
        /// The guest path.
        path: PathBuf,
    },
    /// The archive itself, found in the root.
    Itself {
        /// The guest path.
        path: PathBuf,
    },
    /// Entries of an archive with the name of the root's store.
    Store,
    /// An entry of a kind that isn't known.
    UnknownKind {
        /// The guest path.
        path: PathBuf,
    },
    /// Attributes in a form that isn't read.
    Unread {
        /// What the archive calls it.
        keyword: &'static str,
    },
    /// An attribute that the file can't have here.
    Attribute {
        /// The guest path.
        path: PathBuf,
        /// The attribute's name.
        name: OsString,
        /// Why not.
        why: String,
    },
    /// Owner, mode or time of the directory itself can't be changed.
    Top {
        /// The directory as it was given.
        directory: PathBuf,
        /// Why not.
        why: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket { path } => {
                write!(f, "leaving out '{}': an archive can't hold a socket", path.display())
            }
            Self::MountPoint { path } => {
                write!(f, "leaving out what is mounted on '{}'", path.display())
            }
            Self::Itself { path } => write!(f, "leaving out '{}': it is the archive itself", path.display()),
            Self::Store => write!(f, "leaving out '/.newroot', which is for newroot's own records"),
            Self::UnknownKind { path } => {
                write!(f, "leaving out '{}': it is of an unknown kind", path.display())
            }
            Self::Unread { keyword } => {
                write!(f, "leaving out attributes that the archive has as {keyword}")
            }
            Self::Attribute { path, name, why } => {
                write!(f, "cannot set attribute '{}' of '{}': {why}", name.display(), path.display())
            }
            Self::Top { directory, why } => {
                write!(f, "cannot change owner, mode and time of '{}' itself: {why}", directory.display())
            }
        }
    }
}
