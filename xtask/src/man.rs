//! The manual pages, as the program writes them.

use std::ffi::OsString;
use std::process::Command;

use crate::{Outcome, build, finish, output_directory};

/// Has `newroot man` write every page into the given directory.
pub(crate) fn run(arguments: Vec<OsString>) -> Outcome {
    let directory = output_directory(arguments)?;
    finish(Command::new(build()?).arg("man").arg(directory))
}
