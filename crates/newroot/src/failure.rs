//! What newroot can fail with, whichever part of it failed.

use std::io;

use crate::dialects::UsageError;

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
    /// Standard output can't be written to.
    #[error("cannot write to standard output: {}", reason(.0))]
    Output(#[from] io::Error),
}

impl Failure {
    /// What newroot exits with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Launch(error) => error.exit_code(),
            Self::Usage(_) | Self::Roots(_) | Self::Output(_) => 125,
        }
    }

    /// What the user could do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Usage(error) => error.hint.clone(),
            Self::Launch(error) => error.hint().map(|hint| hint.0),
            Self::Roots(error) => error.hint().map(str::to_owned),
            Self::Output(_) => None,
        }
    }
}

/// The kernel's words for an I/O error, without Rust's "(os error N)".
fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
