//! Errors that keep a command from starting, in the words that the user reads.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::spec::reason;

/// A result whose error is [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// A failed launch in one line: what failed, where, and why. [`Error::hint`] may add what to do
/// about it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A root that can't be used.
    #[error("cannot use '{}' as a root: {}", .path.display(), reason(.cause))]
    Rootfs {
        /// Host path as given.
        path: PathBuf,
        /// Reason.
        cause: io::Error,
    },
    /// A binding that can't be made.
    #[error("cannot bind '{}' on '{}': {cause}", .host.display(), .guest.display())]
    Binding {
        /// Host path as given.
        host: PathBuf,
        /// Guest path.
        guest: PathBuf,
        /// Reason, in words.
        cause: String,
    },
    /// A fresh directory that can't be provided.
    #[error("cannot provide a fresh directory at '{}': {cause}", .guest.display())]
    Fresh {
        /// Guest path as given.
        guest: PathBuf,
        /// Reason, in words.
        cause: String,
    },
    /// A working directory that can't be entered.
    #[error("cannot start in '{}': {}", .path.display(), reason(.cause))]
    WorkingDirectory {
        /// Guest path.
        path: PathBuf,
        /// Reason.
        cause: io::Error,
    },
    /// A command that the guest doesn't have.
    #[error("cannot run '{}': {why}", .command.display())]
    NotFound {
        /// Command as given.
        command: PathBuf,
        /// Missing file, in words.
        why: String,
        /// Remedy, if one is known.
        hint: Option<String>,
    },
    /// A command that exists but can't be executed.
    #[error("cannot run '{}': {why}", .command.display())]
    NotExecutable {
        /// Command as given.
        command: PathBuf,
        /// Reason, in words.
        why: String,
        /// Remedy, if one is known.
        hint: Option<String>,
    },
    /// An engine that needs something the host lacks.
    #[error("the {engine} engine can't run here: {why}")]
    Unsupported {
        /// Engine's name.
        engine: &'static str,
        /// Missing feature.
        why: String,
        /// Remedy, if one is known.
        hint: Option<String>,
    },
    /// An option that only another engine has.
    #[error("the {engine} engine can't do this: {why}")]
    OtherEngine {
        /// Engine's name.
        engine: &'static str,
        /// How the engine behaves instead.
        why: String,
        /// Remedy.
        hint: String,
    },
    /// A user's name that neither the guest nor the host knows.
    #[error("cannot run as user '{}': neither the root nor the host has such a user", .name.display())]
    UnknownUser {
        /// Name as given.
        name: OsString,
    },
    /// A group's name that neither the guest nor the host knows.
    #[error("cannot run in group '{}': neither the root nor the host has such a group", .name.display())]
    UnknownGroup {
        /// Name as given.
        name: OsString,
        /// Whether it is from the list of supplementary groups.
        listed: bool,
    },
    /// A user given without a group, by a number that no passwd file has.
    #[error("cannot run as user {uid}: it has no entry that tells its group")]
    NoGroup {
        /// User's number.
        uid: u32,
    },
    /// Another identity that an ordinary user can't take in this engine.
    #[error("cannot run as {who}: only root can become somebody else in the {engine} engine")]
    OtherIdentity {
        /// User or group and its number.
        who: String,
        /// Engine's name.
        engine: &'static str,
    },
    /// Another identity together with namespaces, for an ordinary user.
    #[error("cannot fake {who} in the namespace engine")]
    BareNumber {
        /// User or group and its number.
        who: String,
    },
    /// A working directory that must be left as it is, with a root other than the host's own.
    #[error("cannot leave the working directory as it is: '{}' is not the host's own root", .rootfs.display())]
    LeftDirectory {
        /// Host path of the root as given.
        rootfs: PathBuf,
    },
    /// A system call that failed.
    #[error("cannot {operation}: {}", reason(.cause))]
    System {
        /// Operation that failed, as it reads after "cannot".
        operation: String,
        /// Reason.
        cause: io::Error,
    },
}

/// A line after the error that says what to do about it.
#[derive(Debug)]
pub struct Hint(pub String);

/// Returns the hint for a failure at a limit on open files, EMFILE or ENFILE.
pub(crate) fn descriptors_hint(cause: &io::Error) -> Option<String> {
    match cause.raw_os_error() {
        Some(libc::EMFILE) => {
            Some("newroot needs some descriptors to start: raise the limit (ulimit -n)".to_owned())
        }
        Some(libc::ENFILE) => {
            Some("all of the host's processes together have too many files open".to_owned())
        }
        _ => None,
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hint: {}", self.0)
    }
}

impl Error {
    /// Makes the error for a system call that failed during `operation`.
    pub(crate) fn system(operation: impl Into<String>, cause: impl Into<io::Error>) -> Self {
        Self::System { operation: operation.into(), cause: cause.into() }
    }

    /// Returns newroot's exit status: 126 if the command was found but can't be executed, 127 if it
    /// wasn't found, else 125. The numbers are those of chroot(1) and env(1).
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotFound { .. } => 127,
            Self::NotExecutable { .. } => 126,
            _ => 125,
        }
    }

    /// Returns what the user can do about the error, if there is anything.
    #[must_use]
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Self::NotFound { hint, .. }
            | Self::NotExecutable { hint, .. }
            | Self::Unsupported { hint, .. } => hint.clone().map(Hint),
            Self::OtherEngine { hint, .. } => Some(Hint(hint.clone())),
            Self::NoGroup { uid } => Some(Hint(format!("name the group, too: {uid}:GROUP"))),
            Self::OtherIdentity { engine: "trap", .. } => Some(Hint("start newroot as root".to_owned())),
            Self::OtherIdentity { .. } => Some(Hint(
                "start newroot as root; or with `--engine trap`, which fakes another user".to_owned(),
            )),
            Self::BareNumber { .. } => Some(Hint(
                "only the trap engine fakes users, and it makes no namespaces; `--map-root` makes you root in a \
                 user namespace, `--engine namespace --user` gives you another number there"
                    .to_owned(),
            )),
            Self::Rootfs { cause, .. }
            | Self::WorkingDirectory { cause, .. }
            | Self::System { cause, .. } => descriptors_hint(cause).map(Hint),
            _ => None,
        }
    }
}
