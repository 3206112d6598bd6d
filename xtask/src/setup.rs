//! Needs of the tests and benchmarks on this machine: programs, and a Debian guest.

use std::ffi::OsString;
use std::process::Command;

use newroot_testkit::{User, static_busybox};

use crate::{Outcome, finish, guest};

/// Programs of the host, and their Debian packages.
const PROGRAMS: &[(&str, &str)] = &[
    ("bwrap", "bubblewrap"),
    ("curl", "curl"),
    ("g++", "g++"),
    ("gcc", "gcc"),
    ("gdb", "gdb"),
    ("git", "git"),
    ("groff", "groff-base"),
    ("javac", "default-jdk-headless"),
    ("ltrace", "ltrace"),
    ("make", "make"),
    ("mmdebstrap", "mmdebstrap"),
    ("musl-gcc", "musl-tools"),
    ("newuidmap", "uidmap"),
    ("node", "nodejs"),
    ("python3", "python3"),
    ("setpriv", "util-linux"),
    ("ssh", "openssh-client"),
    ("strace", "strace"),
    ("tput", "ncurses-bin"),
    ("update-ca-certificates", "ca-certificates"),
    ("vim", "vim"),
    ("xz", "xz-utils"),
    ("zstd", "zstd"),
];

/// Installs missing packages as root, or reports them to other users. Then makes the guest.
pub(crate) fn run(arguments: Vec<OsString>) -> Outcome {
    if !arguments.is_empty() {
        return Err("takes no arguments".into());
    }
    let mut missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| !exists(program)).map(|&(_, package)| package).collect();
    // The dynamically linked busybox needs libraries, which the roots that are made of it don't
    // have.
    if static_busybox().is_none() {
        missing.push("busybox-static");
    }
    if !missing.is_empty() {
        if !User::we_are_root() {
            return Err(format!("some packages are missing: apt-get install {}", missing.join(" ")).into());
        }
        install(&missing)?;
    }
    guest::make()
}

fn install(packages: &[&str]) -> Outcome {
    eprintln!("installing {}", packages.join(" "));
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.args(["-qq", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"]);
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    finish(apt().arg("update"))?;
    finish(apt().args(["install", "--yes", "--no-install-recommends"]).args(packages))
}

/// Whether `PATH` leads to this program.
fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
