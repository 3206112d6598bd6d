//! The failures of all parts of newroot.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::dialects::{UsageError, Wording};

/// Failure of newroot itself, not of the command. It displays as the one line that the user reads.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line is invalid.
    #[error("{}", .0.message)]
    Usage(UsageError),
    /// The command could not be started.
    #[error(transparent)]
    Launch(#[from] newroot_engine::Error),
    /// The root could not be made.
    #[error(transparent)]
    Roots(#[from] newroot_roots::Error),
    /// The root could not be exported or imported.
    #[error(transparent)]
    Archive(#[from] newroot_archive::Error),
    /// A file of newroot's own, such as a link or a manual page, could not be made.
    #[error("cannot make '{}': {}", .path.display(), newroot_engine::reason(.cause))]
    NotMade {
        /// Its path.
        path: PathBuf,
        /// The reason.
        cause: io::Error,
    },
    /// A file that newroot didn't make is in the place of one that it should make.
    #[error("cannot make '{}': a file that newroot didn't make is in the way", .path.display())]
    NotOurs {
        /// The path.
        path: PathBuf,
    },
    /// The file that newroot was started from is gone: no link can lead to it.
    #[error("cannot make links to newroot: its own file '{}' no longer exists", .path.display())]
    OwnFileGone {
        /// Its former path.
        path: PathBuf,
    },
    /// A file with environment variables can't be read, or is malformed.
    #[error("cannot read variables from '{}': {why}", .path.display())]
    EnvFile {
        /// Host path as given.
        path: PathBuf,
        /// The reason, in words.
        why: String,
    },
    /// Memory ran out.
    #[error("there is not enough memory; newroot has undone its changes")]
    Memory,
    /// Standard output can't be written to.
    #[error("cannot write to standard output: {}", newroot_engine::reason(.0))]
    Output(#[from] io::Error),
}

impl Failure {
    /// Returns the message in one line, with the engine's errors in the dialect's words.
    pub(crate) fn message(&self, wording: Wording) -> String {
        match self {
            Self::Launch(error) => wording(error).unwrap_or_else(|| self.to_string()),
            _ => self.to_string(),
        }
    }

    /// Returns newroot's exit status.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Launch(error) => error.exit_code(),
            Self::Usage(_)
            | Self::Roots(_)
            | Self::Archive(_)
            | Self::NotMade { .. }
            | Self::NotOurs { .. }
            | Self::OwnFileGone { .. }
            | Self::EnvFile { .. }
            | Self::Memory
            | Self::Output(_) => 125,
        }
    }

    /// Returns a hint at what the user can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Usage(error) => error.hint.clone(),
            Self::Launch(error) => error.hint().map(|hint| hint.0).or_else(|| meant(error)),
            Self::Roots(error) => error.hint().map(str::to_owned),
            Self::Archive(error) => error.hint().map(str::to_owned).or_else(|| not_an_archive(error)),
            Self::NotOurs { .. } => Some("move it away, or name another directory".to_owned()),
            Self::EnvFile { .. }
            | Self::NotMade { .. }
            | Self::OwnFileGone { .. }
            | Self::Memory
            | Self::Output(_) => None,
        }
    }
}

/// Says where roots come from, to somebody who named an image.
const NO_IMAGES: &str = "a root is a directory, and newroot pulls no images: docker export CONTAINER | newroot import - DIR makes one";

/// Returns what the user probably meant, if the root looks like an image, an archive or a command,
/// or the command is a root.
fn meant(error: &newroot_engine::Error) -> Option<String> {
    let (path, cause) = match error {
        newroot_engine::Error::Rootfs { path, cause } => (path, cause),
        newroot_engine::Error::NotExecutable { command, .. } if command.is_dir() => {
            return Some(format!(
                "for a command in that root: newroot run {} [COMMAND]...",
                command.display()
            ));
        }
        _ => return None,
    };
    let name = path.display();
    match cause.kind() {
        io::ErrorKind::NotFound if is_program(path) => {
            Some(format!("to run it in the default root: newroot run -- {name}"))
        }
        io::ErrorKind::NotFound if is_name_of_image(path) => Some(NO_IMAGES.to_owned()),
        io::ErrorKind::NotADirectory if path.is_file() => {
            Some(format!("if it is a tar archive, newroot import {name} DIR makes a root of it"))
        }
        _ => None,
    }
}

/// Returns a hint if an image was named as an archive.
fn not_an_archive(error: &newroot_archive::Error) -> Option<String> {
    let newroot_archive::Error::Io { path, cause, .. } = error else { return None };
    let is_image = cause.kind() == io::ErrorKind::NotFound && has_scheme(path);
    is_image.then(|| NO_IMAGES.to_owned())
}

/// Returns whether a name without slashes is that of a program of the host's `PATH`.
fn is_program(name: &Path) -> bool {
    let directories = std::env::var_os("PATH").unwrap_or_default();
    !name.as_os_str().as_bytes().contains(&b'/')
        && std::env::split_paths(&directories).any(|directory| directory.join(name).is_file())
}

/// Returns whether the path looks like the name of an image: `debian`, `debian:12`,
/// `docker://debian`.
fn is_name_of_image(path: &Path) -> bool {
    !path.as_os_str().as_bytes().contains(&b'/') || has_scheme(path)
}

fn has_scheme(path: &Path) -> bool {
    path.as_os_str().as_bytes().windows(3).any(|bytes| bytes == b"://")
}
