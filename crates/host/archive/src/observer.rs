//! Progress and warnings for the caller. This crate prints nothing itself.

use std::ffi::OsString;
use std::fmt;
use std::ops::ControlFlow;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Unit of progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Files of a root.
    Files,
    /// Bytes of an archive as stored, that is, compressed.
    Bytes,
}

/// Follows an export or import. `()` ignores everything.
pub trait Observer {
    /// Reports that `done` of `total` units are done. `total` is `None` if it isn't known.
    /// `current` is the next file.
    ///
    /// [`ControlFlow::Break`] ends the work with [`Error::Interrupted`], and unfinished output is
    /// removed.
    fn progress(&mut self, unit: Unit, done: u64, total: Option<u64>, current: &Path) -> ControlFlow<()> {
        let _ = (unit, done, total, current);
        ControlFlow::Continue(())
    }

    /// Reports a warning. The work goes on.
    fn warn(&mut self, warning: &Warning) {
        let _ = warning;
    }
}

impl Observer for () {}

/// Reports progress to an observer, and returns its wish to stop as an error.
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

/// Turns a path relative to the root into a guest path.
pub(crate) fn guest_path(path: &[u8]) -> PathBuf {
    Path::new("/").join(Path::new(std::ffi::OsStr::from_bytes(path)))
}

/// A warning for the user. Its [`Display`](fmt::Display) is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A socket was skipped. No archive can hold one.
    Socket {
        /// Guest path of the socket.
        path: PathBuf,
    },
    /// The contents of a mount point were skipped.
    MountPoint {
        /// Guest path of the directory.
        path: PathBuf,
    },
    /// The archive lies in the root, and was skipped.
    Itself {
        /// Guest path of the archive.
        path: PathBuf,
    },
    /// Entries with the name of the root's store were skipped.
    Store,
    /// An entry of an unknown kind was skipped.
    UnknownKind {
        /// Guest path of the entry.
        path: PathBuf,
    },
    /// Attributes in a form that newroot doesn't read were skipped.
    Unread {
        /// The archive's keyword for them.
        keyword: &'static str,
    },
    /// An attribute that the file can't have here was skipped.
    Attribute {
        /// Guest path of the file.
        path: PathBuf,
        /// The attribute's name.
        name: OsString,
        /// The reason.
        why: String,
    },
    /// Owner, mode or time of the destination directory itself can't be set.
    Top {
        /// The directory, as the user named it.
        directory: PathBuf,
        /// The reason.
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
