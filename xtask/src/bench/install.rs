//! Measures the installation of a hundred packages: by real root in a chroot, under newroot's fake
//! root and under PRoot's, each in a fresh root, from the same downloaded files.

use std::error::Error;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use newroot_testkit::{User, debian_archive};
use tempfile::TempDir;

use super::meter::Meter;
use super::report::{Report, Unit};
use crate::{Outcome, finish};

/// Packages to install; with their dependencies about a hundred.
const PACKAGES: &[&str] =
    &["build-essential", "debhelper", "python3-pip", "git", "nginx", "sudo", "man-db", "rsync"];

/// The ways to install.
pub(super) const PEERS: [&str; 3] = ["chroot", "newroot --root", "PRoot -0"];
const ROW: &str = "apt-get install";

/// The directory and programs for the installations.
pub(super) struct Installation {
    top: TempDir,
    newroot: PathBuf,
    proot: Option<PathBuf>,
    archive: PathBuf,
    user: User,
}

impl Installation {
    /// Downloads the packages.
    pub(super) fn prepare(newroot: &Path, proot: Option<&Path>) -> Result<Self, Box<dyn Error>> {
        let archive = debian_archive().ok_or("there is no small Debian: cargo xtask setup makes it")?;
        let top = tempfile::Builder::new().prefix("newroot-bench-").tempdir()?;
        finish(Command::new("chmod").arg("755").arg(top.path()))?;
        let adopt = |program: &Path| -> Result<PathBuf, Box<dyn Error>> {
            let copy = top.path().join(program.file_name().ok_or("a program has a name")?);
            fs::copy(program, &copy)?;
            Ok(copy)
        };
        let (newroot, proot) = (adopt(newroot)?, proot.map(adopt).transpose()?);
        let place = Self { top, newroot, proot, archive, user: User::ordinary() };
        let full = place.top.path().join("full");
        place.unpack(&full)?;
        finish(
            &mut place
                .in_chroot(&full, "apt-get update -qq && apt-get install -qq --download-only -y \"$@\""),
        )?;
        // With the downloaded files a root is complete before the time starts.
        let archive = place.top.path().join("full.tar");
        finish(
            Command::new("tar")
                .arg("-C")
                .arg(&full)
                .arg("--one-file-system")
                .arg("-cf")
                .args([&archive])
                .arg("."),
        )?;
        fs::remove_dir_all(&full)?;
        Ok(Self { archive, ..place })
    }

    fn unpack(&self, root: &Path) -> Outcome {
        fs::create_dir(root)?;
        finish(Command::new("tar").arg("-C").arg(root).arg("-xpf").arg(&self.archive))?;
        for file in ["etc/resolv.conf", "etc/hosts"] {
            fs::copy(Path::new("/").join(file), root.join(file))?;
        }
        Ok(())
    }

    /// Measures one installation in each way.
    pub(super) fn measure(&self, report: &mut Report) -> Outcome {
        for (index, name) in PEERS.iter().enumerate() {
            let root = self.top.path().join("root");
            let time = match index {
                0 => {
                    self.unpack(&root)?;
                    Meter::Time.take(self.in_chroot(&root, INSTALL))
                }
                1 => {
                    self.unpack_as_user(&root)?;
                    let mut command = self.by_user(&self.newroot);
                    command
                        .args(["run", "--root", "-w", "/"])
                        .arg(&root)
                        .args(["--", "sh", "-euc", INSTALL, "sh"]);
                    Meter::Time.take(with_packages(command))
                }
                _ => {
                    let Some(proot) = &self.proot else { continue };
                    self.unpack_as_user(&root)?;
                    let mut command = self.by_user(proot);
                    command.args(["-0", "-w", "/", "-b", "/proc", "-b", "/sys", "-b", "/dev"]);
                    command
                        .args(["-b", "/etc/resolv.conf", "-r"])
                        .arg(&root)
                        .args(["sh", "-euc", INSTALL, "sh"]);
                    Meter::Time.take(with_packages(command))
                }
            };
            match time {
                Ok((time, _)) => {
                    report.add(ROW, Unit::Seconds { path_heavy: false }, index, time.as_secs_f64());
                }
                Err(error) => eprintln!("{name}: {ROW}: {error}"),
            }
            fs::remove_dir_all(&root)?;
        }
        Ok(())
    }

    fn in_chroot(&self, root: &Path, script: &str) -> Command {
        // The mounts are private and end with the command.
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "--", "sh", "-euc", IN_CHROOT, "sh"]);
        command.arg(root).arg(script);
        with_packages(furnished(command))
    }

    fn unpack_as_user(&self, root: &Path) -> Outcome {
        fs::create_dir(root)?;
        finish(Command::new("chown").arg(format!("{}:{}", self.user.uid, self.user.gid)).arg(root))?;
        let mut command = self.by_user(&self.newroot);
        command.env("XDG_STATE_HOME", root.join(".state"));
        finish(command.args(["proot", "-0", "tar", "-C"]).arg(root).arg("-xpf").arg(&self.archive))
    }

    fn by_user(&self, program: &Path) -> Command {
        let mut command = furnished(Command::new(program));
        command.uid(self.user.uid).gid(self.user.gid).current_dir("/");
        command
    }
}

const IN_CHROOT: &str = "root=$1 script=$2; shift 2
    for shared in proc sys dev; do mount --rbind /$shared $root/$shared; done
    exec chroot $root sh -euc \"$script\" sh \"$@\"";
const INSTALL: &str =
    "apt-get install -qq -y --no-download \"$@\" > /root/log 2>&1 || { tail -20 /root/log >&2; exit 1; }";

fn with_packages(mut command: Command) -> Command {
    command.args(PACKAGES);
    command
}

fn furnished(mut command: Command) -> Command {
    command
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/root")
        .env("LC_ALL", "C.UTF-8")
        .env("DEBIAN_FRONTEND", "noninteractive");
    command
}
