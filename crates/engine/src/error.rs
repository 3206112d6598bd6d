//! What can keep a command from starting, in the words the user sees.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::spec::reason;

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, where, and why: one line. [`Error::hint`] may add what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The root can't be used.
    #[error("cannot use '{}' as a root: {}", .path.display(), reason(.cause))]
    Rootfs {
        /// Host path as given.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A binding can't be made.
    #[error("cannot bind '{}' on '{}': {cause}", .host.display(), .guest.display())]
    Binding {
        /// Host path as given.
        host: PathBuf,
        /// Guest path.
        guest: PathBuf,
        /// Why, in words.
        cause: String,
    },
    /// The working directory can't be entered.
    #[error("cannot start in '{}': {}", .path.display(), reason(.cause))]
    WorkingDirectory {
        /// Guest path.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The command isn't in the guest.
    #[error("cannot run '{}': {why}", .command.display())]
    NotFound {
        /// The command as given.
        command: PathBuf,
        /// What was missing, in words.
        why: String,
        /// How to mend it.
        hint: Option<String>,
    },
    /// The command is there but can't be executed.
    #[error("cannot run '{}': {why}", .command.display())]
    NotExecutable {
        /// The command as given.
        command: PathBuf,
        /// Why, in words.
        why: String,
        /// How to mend it.
        hint: Option<String>,
    },
    /// The host lacks what the engine needs.
    #[error("the {engine} engine can't run here: {why}")]
    Unsupported {
        /// The engine's name.
        engine: &'static str,
        /// What is missing.
        why: String,
        /// How to mend it.
        hint: Option<String>,
    },
    /// A system call failed.
    #[error("cannot {operation}: {}", reason(.cause))]
    System {
        /// What was being done, as it reads after "cannot".
        operation: String,
        /// Why it failed.
        cause: io::Error,
    },
}

/// A line after the error that says what to do about it.
#[derive(Debug)]
pub struct Hint(pub String);

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hint: {}", self.0)
    }
}

impl Error {
    /// What newroot exits with: 126 found but not executable, 127 not found, else 125.
    /// The numbers are chroot(1)'s and env(1)'s.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound { .. } => 127,
            Self::NotExecutable { .. } => 126,
            _ => 125,
        }
    }

    /// What the user could do about it, where there is something to do.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::NotFound { hint, .. }
            | Self::NotExecutable { hint, .. }
            | Self::Unsupported { hint, .. } => hint.clone().map(Hint),
            _ => None,
        }
    }
}
