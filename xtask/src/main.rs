//! Chores of this repository: `cargo xtask CHORE [ARG]...`.
//!
//! A chore is a module with a `run` that takes the arguments after its name, and a row in
//! [`CHORES`].

mod bench;
mod completions;
mod dist;
mod fuzz;
mod guest;
mod kernels;
mod lacking;
mod machine;
mod man;
mod oracle;
mod results;
mod setup;
mod suite;
mod syscalls;
mod test;

use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Result of a chore.
type Outcome = Result<(), Box<dyn Error>>;

/// A command of this program.
struct Chore {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    run: fn(Vec<OsString>) -> Outcome,
}

const CHORES: &[Chore] = &[
    Chore {
        name: "completions",
        usage: "DIR",
        about: "write the bash, zsh and fish completions into DIR",
        run: completions::run,
    },
    Chore { name: "man", usage: "DIR", about: "write the manual pages into DIR", run: man::run },
    Chore {
        name: "syscalls",
        usage: "[--check]",
        about: "write docs/syscalls.md and docs/guest-tests.md",
        run: syscalls::run,
    },
    Chore {
        name: "setup",
        usage: "",
        about: "install the programs that tests and benchmarks need, and make their Debian guest",
        run: setup::run,
    },
    Chore {
        name: "test",
        usage: "[ARG]...",
        about: "set up, then run every test (cargo test ARG)",
        run: test::run,
    },
    Chore {
        name: "bench",
        usage: "[OPTION]...",
        about: "measure newroot against chroot, bwrap and PRoot (--help)",
        run: bench::run,
    },
    Chore {
        name: "oracle",
        usage: "[OPTION]...",
        about: "compare the engines with the kernel, on random trees and operations (--help)",
        run: oracle::run,
    },
    Chore {
        name: "fuzz",
        usage: "[OPTION]...",
        about: "fuzz the decoders of foreign bytes (--help)",
        run: fuzz::run,
    },
    Chore {
        name: "dist",
        usage: "[OPTION]... [DIR]",
        about: "make a release's tarball and Debian package (--help)",
        run: dist::run,
    },
    Chore {
        name: "kernels",
        usage: "[OPTION]... [KERNEL]...",
        about: "run the tests on Debian's kernels, emulated, and print a table (--help)",
        run: kernels::run,
    },
    Chore {
        name: "lacking",
        usage: "[CALL]...",
        about: "run every guest program where the kernel lacks calls, and print a table",
        run: lacking::run,
    },
    Chore {
        name: "suite",
        usage: "NAME [OPTION]...",
        about: "run another project's own suite natively and in newroot, and compare (--help)",
        run: suite::run,
    },
];

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(name) = arguments.next() else {
        print_usage();
        return ExitCode::from(2);
    };
    let Some(chore) = CHORES.iter().find(|chore| name == chore.name) else {
        eprintln!("xtask: no chore named '{}'", name.display());
        print_usage();
        return ExitCode::from(2);
    };
    match (chore.run)(arguments.collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask {}: {error}", chore.name);
            ExitCode::FAILURE
        }
    }
}

fn print_usage() {
    eprintln!("usage: cargo xtask CHORE [ARG]...");
    for chore in CHORES {
        let call = format!("{} {}", chore.name, chore.usage);
        eprintln!("  {call:<22} {}", chore.about);
    }
}

/// Returns the single directory argument of a chore; makes the directory if it is missing.
fn output_directory(arguments: Vec<OsString>) -> Result<std::path::PathBuf, Box<dyn Error>> {
    let [directory] = <[OsString; 1]>::try_from(arguments)
        .map_err(|given| format!("needs one directory, got {} arguments", given.len()))?;
    let directory = std::path::PathBuf::from(directory);
    std::fs::create_dir_all(&directory)
        .map_err(|error| format!("cannot make '{}': {error}", directory.display()))?;
    Ok(directory)
}

/// Runs a command, which must succeed.
fn finish(command: &mut Command) -> Outcome {
    let name = command.get_program().display().to_string();
    let status = command.status().map_err(|error| format!("cannot start '{name}': {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name}: {status}").into()) }
}

/// Makes a release build of this repository and returns the program's path.
fn build() -> Result<PathBuf, Box<dyn Error>> {
    Ok(executables(cargo().args(["build", "--release", "--package", "newroot"]))?
        .pop()
        .ok_or("cargo build made no program")?)
}

/// Returns the cargo that runs this chore.
fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Returns the programs that a `cargo build` or `cargo test --no-run` makes.
fn executables(cargo: &mut Command) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let output = cargo
        .arg("--message-format=json-render-diagnostics")
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("cargo: {}", output.status).into());
    }
    let messages = String::from_utf8(output.stdout)?;
    let executable = |message: &str| {
        let (_, rest) = message.split_once("\"executable\":\"")?;
        rest.split_once('"').map(|(path, _)| PathBuf::from(path))
    };
    Ok(messages.lines().filter_map(executable).collect())
}
