//! What can keep a root from being built, in the words the user sees.

use std::io;
use std::path::PathBuf;

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, with what, and why: one line. [`Error::hint`] may add what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A program was named that the host doesn't have.
    #[error("cannot find '{}': not in PATH", .program.display())]
    ProgramNotFound {
        /// The name as it was given.
        program: PathBuf,
    },
    /// A file was named that the kernel couldn't run.
    #[error("cannot add '{}': {why}", .path.display())]
    NotAProgram {
        /// The host path.
        path: PathBuf,
        /// Why it isn't a program.
        why: &'static str,
    },
    /// A program is for another processor.
    #[error("cannot add '{}': it is a program for {machine}, and this is {host}", .path.display())]
    WrongArchitecture {
        /// The host path.
        path: PathBuf,
        /// What the program was built for.
        machine: String,
        /// What this machine is.
        host: &'static str,
    },
    /// What a script names on its first line isn't there.
    #[error("cannot add '{}': its interpreter '{}' is not on this host", .script.display(), .interpreter.display())]
    InterpreterNotFound {
        /// The host path of the script.
        script: PathBuf,
        /// The interpreter as the script names it.
        interpreter: PathBuf,
    },
    /// A directory that should become a root has something in it.
    #[error("cannot make a root in '{}': Directory not empty", .directory.display())]
    NotEmpty {
        /// The directory as it was given.
        directory: PathBuf,
    },
    /// A directory can't become a root.
    #[error("cannot make a root in '{}': {}", .directory.display(), reason(.cause))]
    NotMade {
        /// The directory as it was given.
        directory: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The root has something else where a file should go.
    #[error("cannot add '{}': the root has another {existing} there", .path.display())]
    Conflict {
        /// The guest path.
        path: PathBuf,
        /// What is there.
        existing: &'static str,
    },
    /// Neither `XDG_DATA_HOME` nor `HOME` says where the default root would be.
    #[error("cannot find a place for the default root: neither XDG_DATA_HOME nor HOME is set")]
    NoDataDirectory,
    /// The place of the default root is one from which nothing can be executed.
    #[error("cannot make the default root '{}': its file system is mounted noexec", .directory.display())]
    DefaultRootNotExecutable {
        /// Where the root would be.
        directory: PathBuf,
    },
    /// The default root couldn't be made.
    #[error("{0}")]
    DefaultRoot(Box<Self>),
    /// Nothing of the usual set of programs is on the host.
    #[error("cannot choose programs for the root: neither busybox nor a shell is in PATH")]
    NoDefaultPrograms,
    /// The observer asked for an end.
    #[error("cannot finish the root: interrupted")]
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

const ELSEWHERE: &str =
    "XDG_DATA_HOME names the directory in which the default root goes; or name a root: newroot run ROOTFS";

impl Error {
    /// What the user could do about it, where there is something to do.
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

    /// `operation` on `path` failed with `cause`.
    pub(crate) fn io(operation: &'static str, path: impl Into<PathBuf>, cause: impl Into<io::Error>) -> Self {
        Self::Io { operation, path: path.into(), cause: cause.into() }
    }
}

/// The kernel's words for an I/O error, without Rust's "(os error N)".
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}
