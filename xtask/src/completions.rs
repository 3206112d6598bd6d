//! Shell completions, made from the definition that parses the command line.

use std::ffi::OsString;

use clap_complete::{Shell, generate_to};

use crate::{Outcome, output_directory};

/// Writes one file for each shell, named as that shell looks for it.
pub(crate) fn run(arguments: Vec<OsString>) -> Outcome {
    let directory = output_directory(arguments)?;
    let mut command = newroot::dialects::native::command();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut command, "newroot", &directory)?;
    }
    Ok(())
}
