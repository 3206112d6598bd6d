//! Shell completions, as the program prints them.

use std::ffi::OsString;
use std::fs::File;
use std::process::Command;

use crate::{Outcome, build, finish, output_directory};

/// Shells, and the file in which each looks for the completions.
const SHELLS: [(&str, &str); 3] = [("bash", "newroot.bash"), ("zsh", "_newroot"), ("fish", "newroot.fish")];

/// Has `newroot completions` write one file for each shell.
pub(crate) fn run(arguments: Vec<OsString>) -> Outcome {
    let directory = output_directory(arguments)?;
    let program = build()?;
    for (shell, name) in SHELLS {
        let file = File::create(directory.join(name))?;
        finish(Command::new(&program).args(["completions", shell]).stdout(file))?;
    }
    Ok(())
}
