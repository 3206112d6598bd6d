//! What can keep a command from starting, in the words the user sees.

use std::ffi::OsString;
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
    /// Neither the guest nor the host knows a user of this name.
    #[error("cannot run as user '{}': neither the root nor the host has such a user", .name.display())]
    UnknownUser {
        /// The name as given.
        name: OsString,
    },
    /// Neither the guest nor the host knows a group of this name.
    #[error("cannot run in group '{}': neither the root nor the host has such a group", .name.display())]
    UnknownGroup {
        /// The name as given.
        name: OsString,
        /// Whether it stood in the list of supplementary groups.
        listed: bool,
    },
    /// A user was given by a number that no passwd file has, and without a group.
    #[error("cannot run as user {uid}: it has no entry that tells its group")]
    NoGroup {
        /// The number.
        uid: u32,
    },
    /// An ordinary user wants to be somebody else.
    #[error("cannot run as {who}: only root can become somebody else in the {engine} engine")]
    OtherIdentity {
        /// User or group and its number.
        who: String,
        /// The engine's name.
        engine: &'static str,
    },
    /// An ordinary user wants to be somebody else, and wants namespaces, too.
    #[error("cannot fake {who} in the namespace engine")]
    BareNumber {
        /// User or group and its number.
        who: String,
    },
    /// The root isn't the host's own, and the working directory was to be left where it is.
    #[error("cannot leave the working directory as it is: '{}' is not the host's own root", .rootfs.display())]
    LeftDirectory {
        /// Host path of the root as given.
        rootfs: PathBuf,
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

/// What to do where the limit on open files was met.
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
    /// A system call that failed while doing `operation`.
    pub(crate) fn system(operation: impl Into<String>, cause: impl Into<io::Error>) -> Self {
        Self::System { operation: operation.into(), cause: cause.into() }
    }

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
