//! What can keep a root from being exported or imported, in the words the user sees.

use std::io;
use std::path::PathBuf;

pub(crate) use newroot_records::reason;

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, with what, and why: one line. [`Error::hint`] may add what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Standard output is a terminal.
    #[error("cannot write an archive to a terminal")]
    Terminal,
    /// Standard input is a terminal.
    #[error("cannot read an archive from a terminal")]
    TerminalInput,
    /// The archive isn't one, or not a whole one.
    #[error("cannot import '{}': {damage}", .archive.display())]
    Archive {
        /// The archive as it was given.
        archive: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// An entry of the archive would lead out of the directory, or can't be where it wants to be.
    #[error("cannot import '{}': {why}", .entry.display())]
    Entry {
        /// The entry's name.
        entry: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The host grants no hard link.
    #[error("cannot import '{}': the host refuses hard links", .entry.display())]
    HardLink {
        /// The guest path of the link.
        entry: PathBuf,
    },
    /// The directory has something in it.
    #[error("cannot import into '{}': Directory not empty", .directory.display())]
    NotEmpty {
        /// The directory as it was given.
        directory: PathBuf,
    },
    /// What is in the directory can't be replaced.
    #[error("cannot import '{}': there is {existing} in its place", .path.display())]
    Conflict {
        /// The guest path.
        path: PathBuf,
        /// What is there.
        existing: &'static str,
    },
    /// A file became another one while it was read.
    #[error("cannot export '{}': it changed while it was read", .path.display())]
    Changed {
        /// The guest path.
        path: PathBuf,
    },
    /// The observer asked for an end.
    #[error("cannot finish: interrupted")]
    Interrupted,
    /// A system call failed.
    #[error("cannot {operation} '{}': {}", .path.display(), reason(.cause))]
    Io {
        /// What was being done, as it reads after "cannot".
        operation: &'static str,
        /// What it was done to.
        path: PathBuf,
        /// Why it failed.
        cause: io::Error,
    },
}

/// What is wrong with an archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// It is something else.
    #[error("it is no tar archive")]
    NotTar,
    /// It is compressed in a way that isn't known here.
    #[error("it is compressed with {0}, which newroot can't undo")]
    Compression(&'static str),
    /// It has the layers of a container image in it, rather than files of a root.
    #[error("it is a container image (docker save, or an OCI layout), and no root's files")]
    Image,
    /// It ends in the middle of something.
    #[error("it is cut off")]
    CutOff,
    /// Something in it makes no sense.
    #[error("it is damaged: {what} (at byte {at} of the archive)")]
    Nonsense {
        /// What makes no sense.
        what: &'static str,
        /// Where, not counting compression.
        at: u64,
    },
    /// It can't be read, or what it is compressed with is damaged.
    #[error("{}", reason(.0))]
    Unreadable(io::Error),
}

impl From<io::Error> for Damage {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::CutOff,
            _ => Self::Unreadable(error),
        }
    }
}

impl Error {
    /// What the user could do about it, where there is something to do.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Terminal => Some("name a file with -o FILE, or redirect the output"),
            Self::TerminalInput => Some("name a file, or redirect the input"),
            Self::HardLink { .. } => Some("--link2symlink makes them all the same"),
            Self::NotEmpty { .. } => Some("--force unpacks over what is there"),
            Self::Archive { damage: Damage::Compression(_), .. } => {
                Some("undo it with its own program, and pipe that into: newroot import - DIR")
            }
            Self::Archive { damage: Damage::Image, .. } => Some(
                "images can't be read yet; `docker create IMAGE` makes a container of one, and \
                 `docker export CONTAINER | newroot import - DIR` a root of that",
            ),
            Self::Archive { damage: Damage::NotTar, .. } => {
                Some("it must be a tar archive, as it is or compressed with gzip, xz or zstd")
            }
            Self::Io { operation: "make", cause, .. } if cause.kind() == io::ErrorKind::NotFound => {
                Some("the directory above it must exist")
            }
            Self::Io { operation: "read", cause, .. } if cause.kind() == io::ErrorKind::PermissionDenied => {
                Some("whoever exports a root must be able to read all of it")
            }
            Self::Io { operation: "unpack", cause, .. }
                if rustix::process::geteuid().is_root()
                    && matches!(
                        cause.kind(),
                        io::ErrorKind::InvalidInput | io::ErrorKind::PermissionDenied
                    ) =>
            {
                Some(
                    "root of a container may lack what root may; for an ordinary user, newroot records owners and devices",
                )
            }
            _ => None,
        }
    }

    /// `operation` on `path` failed with `cause`.
    pub(crate) fn io(operation: &'static str, path: impl Into<PathBuf>, cause: impl Into<io::Error>) -> Self {
        Self::Io { operation, path: path.into(), cause: cause.into() }
    }
}
