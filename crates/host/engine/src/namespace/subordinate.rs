//! Ranges of numbers for an ordinary user's namespace. subuid(5) and subgid(5) grant them to the
//! user, and the privileged programs newuidmap(1) and newgidmap(1) map them.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use newroot_accounts::{subordinate, user_numbered};
use rustix::process::{getegid, geteuid};

use crate::error::{Error, Result};

/// A range as in the files: first number and count.
type Range = (u32, u32);

/// The ranges and programs for a user's namespace.
#[derive(Debug)]
pub(super) struct Ranges {
    uids: Range,
    gids: Range,
    programs: [PathBuf; 2],
}

/// Returns the caller's ranges. `None` if the host has none or lacks the programs.
pub(super) fn ranges() -> Option<Ranges> {
    let uid = geteuid().as_raw();
    let name = user_name(uid);
    let range = |file: &str| {
        let text = fs::read(file).ok()?;
        subordinate(&text, name.as_deref(), uid)
    };
    let programs = [find("newuidmap")?, find("newgidmap")?];
    Some(Ranges { uids: range("/etc/subuid")?, gids: range("/etc/subgid")?, programs })
}

fn user_name(uid: u32) -> Option<Vec<u8>> {
    let passwd = fs::read("/etc/passwd").ok()?;
    user_numbered(&passwd, uid).map(|fields| fields[0].to_vec())
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    path.as_bytes()
        .split(|&byte| byte == b':')
        .map(|directory| PathBuf::from(OsStr::from_bytes(directory)).join(program))
        .find(|path| path.is_absolute() && path.is_file())
}

impl Ranges {
    /// Enters a user namespace with `unshare`, and lets the programs map it: the caller as root,
    /// the ranges from 1 on. The programs must run outside of the namespace, so they are started
    /// before, and wait.
    pub(super) fn map_after(&self, unshare: impl FnOnce() -> Result<()>) -> Result<()> {
        let ranges = [(geteuid().as_raw(), self.uids), (getegid().as_raw(), self.gids)];
        let waiting: Vec<(&PathBuf, Child)> = self
            .programs
            .iter()
            .zip(ranges)
            .map(|(program, (own, (first, count)))| {
                Ok((program, wait_to_run(program, own, first, count).map_err(|cause| fail(program, cause))?))
            })
            .collect::<Result<_>>()?;
        let entered = unshare();
        for (program, mut child) in waiting {
            let mut pipe = child.stdin.take().expect("it is piped");
            // A shell that reads end of file instead of a line ends without running anything.
            if entered.is_ok() {
                let _ = pipe.write_all(b"\n");
            }
            drop(pipe);
            let mut said = String::new();
            let _ = child.stderr.take().expect("it is piped").read_to_string(&mut said);
            let status = child.wait().map_err(|cause| fail(program, cause))?;
            if entered.is_ok() && !status.success() {
                return Err(Error::Unsupported {
                    engine: "namespace",
                    why: format!("'{}' failed: {}", program.display(), said.trim()),
                    hint: Some("without --map-root it isn't needed".to_owned()),
                });
            }
        }
        entered
    }
}

fn fail(program: &std::path::Path, cause: std::io::Error) -> Error {
    Error::system(format!("run '{}'", program.display()), cause)
}

/// Starts a shell that executes `program` when it reads a line.
fn wait_to_run(program: &std::path::Path, own: u32, first: u32, count: u32) -> std::io::Result<Child> {
    let numbers = [std::process::id(), 0, own, 1, 1, first, count].map(|number| number.to_string());
    Command::new("/bin/sh")
        .args(["-c", "read -r line && exec \"$@\"", "sh"])
        .arg(program)
        .args(numbers)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
}
