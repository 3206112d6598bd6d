//! Errors of making a root, in the words that the user sees.

use std::io;
use std::path::PathBuf;

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// An error in one line: what failed, on which file, and why. [`Error::hint`] may add how to mend
/// it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host doesn't have this program.
    #[error("cannot find '{}': not in PATH", .program.display())]
    ProgramNotFound {
        /// The name that the user gave.
        program: PathBuf,
    },
    /// The kernel can't execute this file.
    #[error("cannot add '{}': {why}", .path.display())]
    NotAProgram {
        /// Host path of the file.
        path: PathBuf,
        /// The reason.
        why: &'static str,
    },
    /// The program is for another processor.
    #[error("cannot add '{}': it is a program for {machine}, and this is {host}", .path.display())]
    WrongArchitecture {
        /// Host path of the program.
        path: PathBuf,
        /// The program's processor.
        machine: String,
        /// This machine's processor.
        host: &'static str,
    },
    /// The interpreter on a script's first line doesn't exist.
    #[error("cannot add '{}': its interpreter '{}' is not on this host", .script.display(), .interpreter.display())]
    InterpreterNotFound {
        /// Host path of the script.
        script: PathBuf,
        /// The interpreter, as the script names it.
        interpreter: PathBuf,
    },
    /// The directory for a new root isn't empty.
    #[error("cannot make a root in '{}': Directory not empty", .directory.display())]
    NotEmpty {
        /// The directory, as the user named it.
        directory: PathBuf,
    },
    /// No root can be made in the directory.
    #[error("cannot make a root in '{}': {}", .directory.display(), reason(.cause))]
    NotMade {
        /// The directory, as the user named it.
        directory: PathBuf,
        /// The I/O error.
        cause: io::Error,
    },
    /// The root has another file at this path.
    #[error("cannot add '{}': the root has another {existing} there", .path.display())]
    Conflict {
        /// Guest path of the file.
        path: PathBuf,
        /// The kind of file that is there.
        existing: &'static str,
    },
    /// Neither `XDG_DATA_HOME` nor `HOME` is set, so the default root has no path.
    #[error("cannot find a place for the default root: neither XDG_DATA_HOME nor HOME is set")]
    NoDataDirectory,
    /// The default root would be on a file system from which nothing can be executed.
    #[error("cannot make the default root '{}': its file system is mounted noexec", .directory.display())]
    DefaultRootNotExecutable {
        /// Path of the default root.
        directory: PathBuf,
    },
    /// The default root can't be made.
    #[error("{0}")]
    DefaultRoot(Box<Self>),
    /// The host has none of the usual programs.
    #[error("cannot choose programs for the root: neither busybox nor a shell is in PATH")]
    NoDefaultPrograms,
    /// The observer asked to stop.
    #[error("cannot finish the root: interrupted")]
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

const ELSEWHERE: &str =
    "XDG_DATA_HOME names the directory in which the default root goes; or name a root: newroot run ROOTFS";

impl Error {
    /// Returns how the user can mend the error, where newroot knows a way.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotEmpty { .. } => {
                Some("--force builds the root into what is there; 'newroot add' adds programs to a root")
            }
            Self::Conflict { existing, .. } if matches!(*existing, "file" | "symlink") => {
                Some("--force replaces it")
            }
            Self::NoDefaultPrograms => Some("name the programs that the root shall have"),
            Self::DefaultRootNotExecutable { .. } => Some(ELSEWHERE),
            Self::DefaultRoot(error) if matches!(**error, Self::Io { .. } | Self::NotMade { .. }) => {
                Some(ELSEWHERE)
            }
            Self::DefaultRoot(error) => error.hint(),
            Self::NoDataDirectory => Some("set HOME, or name a root: newroot run ROOTFS"),
            Self::NotMade { cause, .. } if cause.kind() == io::ErrorKind::NotFound => {
                Some("the directory above it must exist")
            }
            _ => None,
        }
    }

    /// Makes the error of an `operation` on `path` that failed with `cause`.
    pub(crate) fn io(operation: &'static str, path: impl Into<PathBuf>, cause: impl Into<io::Error>) -> Self {
        Self::Io { operation, path: path.into(), cause: cause.into() }
    }
}

/// Returns the kernel's words for an I/O error, without Rust's "(os error N)".
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
