//! Errors of export and import, in the words that the user sees.

use std::io;
use std::path::PathBuf;

pub(crate) use newroot_records::reason;

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// An error in one line: what failed, on which file, and why. [`Error::hint`] may add how to mend
/// it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Standard output is a terminal.
    #[error("cannot write an archive to a terminal")]
    Terminal,
    /// Standard input is a terminal.
    #[error("cannot read an archive from a terminal")]
    TerminalInput,
    /// The archive is damaged, or no archive.
    #[error("cannot import '{}': {damage}", .archive.display())]
    Archive {
        /// The archive, as the user named it.
        archive: PathBuf,
        /// The damage.
        damage: Damage,
    },
    /// An entry leads out of the directory, or conflicts with another entry.
    #[error("cannot import '{}': {why}", .entry.display())]
    Entry {
        /// The entry's name.
        entry: PathBuf,
        /// The reason.
        why: &'static str,
    },
    /// The host refuses hard links.
    #[error("cannot import '{}': the host refuses hard links", .entry.display())]
    HardLink {
        /// Guest path of the link.
        entry: PathBuf,
    },
    /// The directory isn't empty.
    #[error("cannot import into '{}': Directory not empty", .directory.display())]
    NotEmpty {
        /// The directory, as the user named it.
        directory: PathBuf,
    },
    /// A file in the directory can't be replaced.
    #[error("cannot import '{}': there is {existing} in its place", .path.display())]
    Conflict {
        /// Guest path of the file.
        path: PathBuf,
        /// The kind of file that is there.
        existing: &'static str,
    },
    /// A file changed while it was read.
    #[error("cannot export '{}': it changed while it was read", .path.display())]
    Changed {
        /// Guest path of the file.
        path: PathBuf,
    },
    /// The observer asked to stop.
    #[error("cannot finish: interrupted")]
    Interrupted,
    /// A system call failed.
    #[error("cannot {operation} '{}': {}", .path.display(), reason(.cause))]
    Io {
        /// The operation, as it reads after "cannot".
        operation: &'static str,
        /// The file that the operation was for.
        path: PathBuf,
        /// The system's error.
        cause: io::Error,
    },
}

/// Damage to an archive.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The file is no tar archive.
    #[error("it is no tar archive")]
    NotTar,
    /// newroot doesn't know the compression.
    #[error("it is compressed with {0}, which newroot can't undo")]
    Compression(&'static str),
    /// The archive holds the layers of a container image, not the files of a root.
    #[error("it is a container image (docker save, or an OCI layout), and no root's files")]
    Image,
    /// The archive ends too early.
    #[error("it is cut off")]
    CutOff,
    /// A part of the archive is invalid.
    #[error("it is damaged: {what} (at byte {at} of the archive)")]
    Nonsense {
        /// The invalid part.
        what: &'static str,
        /// Byte offset in the decompressed archive.
        at: u64,
    },
    /// The archive can't be read, or its compressed data is damaged.
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
    /// Returns how the user can mend the error, where newroot knows a way.
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

    /// Makes the error of an `operation` on `path` that failed with `cause`.
    pub(crate) fn io(operation: &'static str, path: impl Into<PathBuf>, cause: impl Into<io::Error>) -> Self {
        Self::Io { operation, path: path.into(), cause: cause.into() }
    }
}
