//! The peers, and how each runs a command in the root.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use newroot_testkit::SCRATCH;

use super::lab::Lab;

/// Host directories that every peer shows in the root.
pub(super) const SHARED: [&str; 4] = ["/proc", "/sys", "/dev", "/tmp"];

/// Name of newroot's namespace engine in the table.
pub(super) const NAMESPACE: &str = "newroot namespace";

/// A program that runs others in a root.
pub(super) struct Peer {
    pub(super) name: &'static str,
    program: PathBuf,
    /// Words before the command.
    arguments: Vec<OsString>,
    /// Whether root must start it.
    as_root: bool,
}

impl Peer {
    /// Returns chroot and newroot, and those of the other peers that this machine has.
    pub(super) fn all(lab: &Lab, newroot: &Path, proot: Option<&Path>) -> Result<Vec<Self>, Box<dyn Error>> {
        let newroot = lab.adopt(newroot)?;
        let mut peers = vec![
            Self::chroot(lab),
            Self::newroot(lab, "newroot", &newroot, &["--engine", "trap"]),
            Self::newroot(lab, "unpatched", &newroot, &["--engine", "trap", "--no-patch"]),
            Self::newroot(lab, "fake root", &newroot, &["--engine", "trap", "--root"]),
            Self::newroot(lab, NAMESPACE, &newroot, &["--engine", "namespace"]),
        ];
        match in_path("bwrap") {
            Some(program) => peers.push(Self::bwrap(lab, program)),
            None => eprintln!("bwrap is absent"),
        }
        match in_path("fakechroot") {
            Some(program) => peers.push(Self::fakechroot(lab, program)),
            None => eprintln!("fakechroot is absent"),
        }
        match proot.map(Path::to_owned).or_else(|| in_path("proot")) {
            Some(program) => peers.push(Self::proot(lab, lab.adopt(&program)?)),
            None => eprintln!("PRoot is absent"),
        }
        for peer in &peers {
            eprintln!("{}: {}", peer.name, peer.program.display());
        }
        Ok(peers)
    }

    /// chroot becomes the unprivileged user by itself, once it is in the root.
    fn chroot(lab: &Lab) -> Self {
        let user = format!("--userspec={}:{}", lab.user.uid, lab.user.gid);
        let arguments = words([user.as_ref(), "--groups=".as_ref(), lab.root.as_os_str()]);
        Self { name: "chroot", program: "chroot".into(), arguments, as_root: true }
    }

    /// newroot shows the shared directories by default.
    fn newroot(lab: &Lab, name: &'static str, program: &Path, options: &[&str]) -> Self {
        let mut arguments = words(["run", "-w", "/", "-b"]);
        arguments.push(pair(lab.scratch(), SCRATCH));
        arguments.extend(options.iter().map(OsString::from));
        arguments.extend(words([lab.root.as_os_str(), "--".as_ref()]));
        Self { name, program: program.to_owned(), arguments, as_root: false }
    }

    fn bwrap(lab: &Lab, program: PathBuf) -> Self {
        let mut arguments = words(["--bind".as_ref(), lab.root.as_os_str(), "/".as_ref()]);
        for shared in SHARED {
            arguments.extend(words(["--dev-bind", shared, shared]));
        }
        arguments.extend(words(["--bind".as_ref(), lab.scratch().as_os_str(), SCRATCH.as_ref()]));
        arguments.extend(words(["--chdir", "/"]));
        Self { name: "bwrap", program, arguments, as_root: false }
    }

    /// fakechroot is a library in front of the C library: a program that makes its own system calls
    /// sees the host.
    fn fakechroot(lab: &Lab, program: PathBuf) -> Self {
        let arguments = words(["chroot".as_ref(), lab.root.as_os_str()]);
        Self { name: "fakechroot", program, arguments, as_root: false }
    }

    fn proot(lab: &Lab, program: PathBuf) -> Self {
        let mut arguments = words(["-r".as_ref(), lab.root.as_os_str(), "-w".as_ref(), "/".as_ref()]);
        for shared in SHARED {
            arguments.extend(words(["-b", shared]));
        }
        arguments.extend(words(["-b".as_ref(), pair(lab.scratch(), SCRATCH).as_os_str()]));
        Self { name: "PRoot", program, arguments, as_root: false }
    }

    /// Returns the command that runs `command` in the root, as the unprivileged user.
    pub(super) fn command(&self, lab: &Lab, command: &[&str]) -> Command {
        let mut outer = Command::new(&self.program);
        outer.args(&self.arguments).args(command).current_dir("/").env_clear();
        outer
            .env("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", SCRATCH)
            // The user doesn't own the guest's root, so fake root keeps its records here.
            .env("XDG_STATE_HOME", lab.scratch())
            .env("LC_ALL", "C.UTF-8");
        if !self.as_root {
            outer.uid(lab.user.uid).gid(lab.user.gid);
        }
        outer
    }
}

fn words<const N: usize, S: AsRef<OsStr>>(words: [S; N]) -> Vec<OsString> {
    words.into_iter().map(|word| word.as_ref().to_owned()).collect()
}

/// Returns `HOST:GUEST`.
fn pair(host: &Path, guest: &str) -> OsString {
    let mut text = host.as_os_str().to_owned();
    text.push(":");
    text.push(guest);
    text
}

pub(super) fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(program))
        .find(|path| fs::metadata(path).is_ok())
}
