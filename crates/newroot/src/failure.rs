//! What newroot can fail with, whichever part of it failed.

use std::io;

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
            Self::Usage(_) | Self::Roots(_) | Self::Archive(_) | Self::Memory | Self::Output(_) => 125,
        }
    }

    /// What the user could do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Usage(error) => error.hint.clone(),
            Self::Launch(error) => error.hint().map(|hint| hint.0),
            Self::Roots(error) => error.hint().map(str::to_owned),
            Self::Archive(error) => error.hint().map(str::to_owned),
            Self::Memory | Self::Output(_) => None,
        }
    }
}
