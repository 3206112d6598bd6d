//! The copy of the guest, the suites built in it, and the commands that run there on each side.

use std::error::Error;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use newroot_testkit::{SCRATCH, User};

use super::Suite;
use crate::guest::Distribution;
use crate::{Outcome, finish};

/// Directory of the suite in the guest.
const PLACE: &str = "/suite";

/// The side that runs a suite.
#[derive(Clone, Copy)]
pub(super) enum Side {
    /// The kernel alone: chroot(1), and real mounts.
    Native,
    /// The trap engine.
    Newroot,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Newroot => "newroot",
        }
    }
}

/// Everything that is used repeatedly, in one directory.
pub(super) struct Lab {
    directory: PathBuf,
    root: PathBuf,
    newroot: PathBuf,
    user: User,
    limit: u32,
}

impl Lab {
    /// Copies the guest, unless there is a copy.
    pub(super) fn new(
        guest: &Path,
        directory: PathBuf,
        newroot: &Path,
        limit: u32,
    ) -> Result<Self, Box<dyn Error>> {
        fs::create_dir_all(&directory)?;
        fs::set_permissions(&directory, Permissions::from_mode(0o755))?;
        let (root, copied) = (directory.join("root"), directory.join("newroot"));
        if !root.exists() {
            eprintln!("copying the Debian guest to '{}'", root.display());
            let unfinished = directory.join("root.unfinished");
            finish(Command::new("rm").arg("-rf").arg(&unfinished))?;
            finish(Command::new("cp").arg("-a").args([guest, &unfinished]))?;
            fs::create_dir(unfinished.join(PLACE.trim_start_matches('/')))?;
            sources(&unfinished)?;
            fs::rename(&unfinished, &root)?;
        }
        fs::copy(newroot, &copied)
            .map_err(|error| format!("cannot copy '{}': {error}", newroot.display()))?;
        Ok(Self { directory, root, newroot: copied, user: User::ordinary(), limit })
    }

    /// Installs a suite's packages and builds it, unless that is done.
    pub(super) fn prepare(&self, suite: &Suite) -> Outcome {
        let (built, unfinished) = (self.built(suite), self.place(suite, "unfinished"));
        if built.exists() {
            return Ok(());
        }
        eprintln!("preparing '{}'", suite.name);
        finish(Command::new("rm").arg("-rf").arg(&unfinished))?;
        self.own(&unfinished)?;
        let packages = suite.packages.join(" ");
        let install = format!(
            "apt-get -qq update
            DEBIAN_FRONTEND=noninteractive apt-get -qq --yes --no-install-recommends install dpkg-dev {packages}"
        );
        finish(&mut self.natively(&unfinished, &self.scratch(suite, "prepare")?, "", &install, ""))?;
        if let Some(source) = suite.source {
            let unpack = format!("cd {PLACE}; apt-get -qq source {source}; mv {source}-*/ source");
            finish(&mut self.natively(
                &unfinished,
                &self.scratch(suite, "prepare")?,
                &self.becoming(),
                &unpack,
                "",
            ))?;
        }
        finish(&mut self.natively(
            &unfinished,
            &self.scratch(suite, "prepare")?,
            &self.becoming(),
            suite.prepare,
            "",
        ))?;
        fs::rename(unfinished, built)?;
        Ok(())
    }

    /// Returns the output of a short script that runs natively.
    pub(super) fn ask(&self, suite: &Suite, script: &str) -> Result<String, Box<dyn Error>> {
        let scratch = self.scratch(suite, "ask")?;
        let mut command = self.natively(&self.built(suite), &scratch, &self.becoming(), script, "");
        let output = command.stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("'{script}': {}", output.status).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs a part of a suite in a fresh copy of it, and returns its output.
    pub(super) fn run(&self, suite: &Suite, side: Side, group: &str) -> Result<String, Box<dyn Error>> {
        let place = self.place(suite, side.name());
        finish(Command::new("rm").arg("-rf").arg(&place))?;
        finish(Command::new("cp").args(["-a", "--reflink=auto"]).args([&self.built(suite), &place]))?;
        let scratch = self.scratch(suite, side.name())?;
        let mut command = match side {
            Side::Native => self.natively(&place, &scratch, &self.becoming(), suite.run, group),
            Side::Newroot => self.in_newroot(&place, &scratch, suite.run, group),
        };
        // A file instead of a pipe: a process that a case leaves running doesn't delay the end.
        let printed = self.directory.join(format!("{}.{}.log", suite.name, side.name()));
        let log = fs::File::create(&printed)?;
        // A failed part is reported through its cases.
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).status()?;
        Ok(String::from_utf8_lossy(&fs::read(printed)?).into_owned())
    }

    fn built(&self, suite: &Suite) -> PathBuf {
        self.place(suite, "built")
    }

    fn place(&self, suite: &Suite, what: &str) -> PathBuf {
        self.directory.join(format!("{}.{what}", suite.name))
    }

    /// Makes empty directories for the user: `home` and `tmp`.
    fn scratch(&self, suite: &Suite, who: &str) -> Result<PathBuf, Box<dyn Error>> {
        let directory = self.place(suite, &format!("{who}.scratch"));
        finish(Command::new("rm").arg("-rf").arg(&directory))?;
        self.own(&directory)?;
        for part in ["home", "tmp"] {
            self.own(&directory.join(part))?;
        }
        Ok(directory)
    }

    fn own(&self, directory: &Path) -> Outcome {
        fs::create_dir(directory)?;
        // The directory is also /tmp, and apt uses that as another user.
        fs::set_permissions(directory, Permissions::from_mode(0o1777))?;
        chown(directory, Some(self.user.uid), Some(self.user.gid))?;
        Ok(())
    }

    /// Returns the words by which root becomes an ordinary user, who gains nothing by set-user-ID
    /// programs.
    fn becoming(&self) -> String {
        let User { uid, gid } = self.user;
        format!("setpriv --reuid {uid} --regid {gid} --clear-groups --no-new-privs --bounding-set -all")
    }

    fn natively(&self, place: &Path, scratch: &Path, becoming: &str, script: &str, group: &str) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "--", "sh", "-euc", NATIVELY, "sh"]);
        command.args([&*self.root, place, scratch]).arg(self.limit.to_string());
        command.args([becoming, script, group]);
        environment(&mut command);
        command
    }

    fn in_newroot(&self, place: &Path, scratch: &Path, script: &str, group: &str) -> Command {
        let mut command = Command::new(&self.newroot);
        command.args(["run", "--engine", "trap", "--no-recommended", "--workdir", SCRATCH]);
        for (host, guest) in [
            (Path::new("/proc"), "/proc"),
            (Path::new("/sys"), "/sys"),
            (Path::new("/dev"), "/dev"),
            (&scratch.join("tmp"), "/tmp"),
            (&scratch.join("home"), SCRATCH),
            (place, PLACE),
        ] {
            let mut binding = host.as_os_str().to_owned();
            binding.push(":");
            binding.push(guest);
            command.arg("--bind").arg(binding);
        }
        command.arg(&self.root).arg("--");
        command.args([
            "timeout",
            "--kill-after=9",
            &self.limit.to_string(),
            "sh",
            "-euc",
            script,
            "sh",
            group,
        ]);
        command.uid(self.user.uid).gid(self.user.gid).current_dir("/");
        environment(&mut command);
        command
    }
}

/// Mounts, and runs a script in the root: `$1` root, `$2` suite, `$3` scratch, `$4` seconds, `$5`
/// words that switch the user, `$6` script, `$7` part.
const NATIVELY: &str = r#"
for directory in proc sys dev; do mount --rbind "/$directory" "$1/$directory"; done
mount --bind "$3/tmp" "$1/tmp"
mount --bind "$3/home" "$1/scratch"
mount --bind "$2" "$1/suite"
exec chroot "$1" sh -euc 'cd /scratch; exec $2 timeout --kill-after=9 "$1" sh -euc "$3" sh "$4"' sh "$4" "$5" "$6" "$7"
"#;

fn environment(command: &mut Command) {
    command.env_clear();
    command.env("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    command.env("HOME", SCRATCH).env("LC_ALL", "C.UTF-8");
}

/// Gives the root's apt the machine's package sources, and the machine's way to reach them.
fn sources(root: &Path) -> Outcome {
    let Distribution { lists, stanzas, .. } = Distribution::of_this_machine()?;
    let lists: String =
        lists.lines().map(|line| format!("{}\n", line.replacen("deb ", "deb-src ", 1))).collect();
    let stanzas: String = stanzas
        .lines()
        .map(
            |line| {
                if line.starts_with("Types:") { "Types: deb-src\n".to_owned() } else { format!("{line}\n") }
            },
        )
        .collect();
    let parts = root.join("etc/apt/sources.list.d");
    fs::write(parts.join("suites.list"), lists)?;
    fs::write(parts.join("suites.sources"), stanzas)?;
    for file in ["etc/resolv.conf", "etc/hosts"] {
        fs::copy(Path::new("/").join(file), root.join(file))?;
    }
    Ok(())
}
