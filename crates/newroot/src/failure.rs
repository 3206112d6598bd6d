//! What newroot can fail with, whichever part of it failed.

use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::dialects::{UsageError, Wording};

/// Why newroot, rather than the command, has failed: one line, as the user reads it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line means nothing.
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
        /// Why.
        cause: io::Error,
    },
    /// There is a file of somebody else's where one of newroot's own should go.
    #[error("cannot make '{}': there is a file that isn't newroot's", .path.display())]
    NotOurs {
        /// The path.
        path: PathBuf,
    },
    /// The file that newroot was started from is gone, so that no link can lead to it.
    #[error("cannot make links to newroot: its own file '{}' is not there any more", .path.display())]
    OwnFileGone {
        /// Where it was.
        path: PathBuf,
    },
    /// A file with environment variables can't be read, or isn't one.
    #[error("cannot use '{}' as a file of variables: {why}", .path.display())]
    EnvFile {
        /// Host path as given.
        path: PathBuf,
        /// Why, in words.
        why: String,
    },
    /// There was no more memory.
    #[error("cannot go on without more memory; what was begun is undone")]
    Memory,
    /// Standard output can't be written to.
    #[error("cannot write to standard output: {}", newroot_engine::reason(.0))]
    Output(#[from] io::Error),
}

impl Failure {
    /// The one line, with the engine's errors in the dialect's words.
    pub(crate) fn message(&self, wording: Wording) -> String {
        match self {
            Self::Launch(error) => wording(error).unwrap_or_else(|| self.to_string()),
            _ => self.to_string(),
        }
    }

    /// What newroot exits with.
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

    /// What the user could do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Usage(error) => error.hint.clone(),
            Self::Launch(error) => error.hint().map(|hint| hint.0).or_else(|| not_a_root(error)),
            Self::Roots(error) => error.hint().map(str::to_owned),
            Self::Archive(error) => error.hint().map(str::to_owned),
            Self::NotOurs { .. } => Some("move it away, or name another directory".to_owned()),
            Self::EnvFile { .. }
            | Self::NotMade { .. }
            | Self::OwnFileGone { .. }
            | Self::Memory
            | Self::Output(_) => None,
        }
    }
}

/// Returns where roots come from, if what was named as one looks like an image or is an archive.
fn not_a_root(error: &newroot_engine::Error) -> Option<String> {
    let newroot_engine::Error::Rootfs { path, cause } = error else { return None };
    let name = path.display();
    match cause.kind() {
        io::ErrorKind::NotFound if is_name_of_image(path) => Some(
            "a root is a directory, and no image is pulled: docker export CONTAINER | newroot import - DIR \
             makes one"
                .to_owned(),
        ),
        io::ErrorKind::NotADirectory if path.is_file() => {
            Some(format!("if it is a tar archive, newroot import {name} DIR makes a root of it"))
        }
        _ => None,
    }
}

/// Returns whether a root was named as images are: `debian`, `debian:12`, `docker://debian`.
fn is_name_of_image(path: &Path) -> bool {
    let name = path.as_os_str().as_bytes();
    !name.contains(&b'/') || name.windows(3).any(|bytes| bytes == b"://")
}
