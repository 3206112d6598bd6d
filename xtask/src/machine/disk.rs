//! The disk of an emulated machine: busybox, and programs and files of this machine at the same
//! paths.

use std::error::Error;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use newroot_testkit::static_busybox;
use tempfile::TempDir;

use crate::{Outcome, finish};

/// Directories; the links make a merged /usr.
const DIRECTORIES: [&str; 12] = [
    "dev",
    "etc",
    "proc",
    "root",
    "run",
    "sys",
    "tmp",
    "usr/bin",
    "usr/lib",
    "usr/lib64",
    "usr/sbin",
    "var/tmp",
];
const LINKS: [(&str, &str); 4] =
    [("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")];

/// The machine's first process on the disk.
const START: &str = r#"#!/bin/sh
export PATH=/usr/sbin:/usr/bin HOME=/root LC_ALL=C
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run
ln -sf /proc/self/fd /dev/fd
chmod 1777 /tmp /var/tmp /dev/shm
hostname machine
ip link set lo up
sh /job
poweroff -f
"#;

/// The root of the machine, under construction.
pub(crate) struct Disk {
    root: TempDir,
    image: PathBuf,
}

impl Disk {
    /// Makes everything but the job: busybox, and these programs of this machine, which busybox
    /// can't replace. The files are gathered beside the future image.
    pub(crate) fn new(image: &Path, programs: &[PathBuf]) -> Result<Self, Box<dyn Error>> {
        let disk =
            Self { root: tempfile::tempdir_in(image.parent().unwrap_or(image))?, image: image.to_owned() };
        let root = disk.root.path();
        fs::set_permissions(root, fs::Permissions::from_mode(0o755))?;
        for directory in DIRECTORIES {
            fs::create_dir_all(root.join(directory))?;
        }
        for (name, target) in LINKS {
            symlink(target, root.join(name))?;
        }
        for program in programs {
            disk.take_program(program)?;
        }
        disk.busybox(programs)?;
        disk.script("sbin/start", START)?;
        fs::write(root.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n")?;
        fs::write(root.join("etc/group"), "root:x:0:\n")?;
        Ok(disk)
    }

    /// Writes the image of a machine that runs `job`, a shell script, and powers itself off.
    pub(crate) fn write(self, size: &str, job: &str) -> Outcome {
        fs::write(self.root.path().join("job"), job)?;
        write(&self.image, size, self.root.path())
    }

    /// Copies a file or a directory to the same path.
    pub(crate) fn take(&self, path: &Path) -> Outcome {
        let place = self.root.path().join(path.strip_prefix("/").unwrap_or(path));
        fs::create_dir_all(place.parent().ok_or("not in a directory")?)?;
        if place.exists() {
            return Ok(());
        }
        finish(Command::new("cp").args(["--recursive", "--dereference", "--"]).arg(path).arg(&place))
    }

    /// Copies a program and its libraries.
    pub(crate) fn take_program(&self, program: &Path) -> Outcome {
        self.take(program)?;
        let list = Command::new("ldd").arg(program).output()?;
        for library in String::from_utf8(list.stdout)?.split_whitespace().filter(|word| word.starts_with('/'))
        {
            self.take(Path::new(library))?;
        }
        Ok(())
    }

    /// Writes an executable file.
    pub(crate) fn script(&self, path: &str, text: &str) -> Outcome {
        let path = self.root.path().join(path);
        fs::write(&path, text)?;
        Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
    }

    fn busybox(&self, programs: &[PathBuf]) -> Outcome {
        let busybox = static_busybox().ok_or("needs a static busybox: apt-get install busybox-static")?;
        let directory = self.root.path().join("usr/bin");
        fs::copy(&busybox, directory.join("busybox"))?;
        let applets = Command::new(&busybox).arg("--list").output()?;
        for applet in String::from_utf8(applets.stdout)?.lines() {
            let is_taken = programs.iter().any(|program| program.ends_with(applet));
            // A program of this machine is recognized by being no link.
            if applet != "busybox" && !is_taken {
                symlink("busybox", directory.join(applet))?;
            }
        }
        // The tests look for busybox there.
        self.take(&busybox)
    }
}

/// Writes the image of a file system with everything below `root`. Unused parts of its size take no
/// space.
pub(crate) fn write(image: &Path, size: &str, root: &Path) -> Outcome {
    finish(Command::new("truncate").args(["--size", size]).arg(image))?;
    let mke2fs = ["/usr/sbin/mke2fs", "/sbin/mke2fs"].into_iter().find(|path| Path::new(path).exists());
    let mut mke2fs = Command::new(mke2fs.ok_or("needs mke2fs: apt-get install e2fsprogs")?);
    finish(
        mke2fs
            .args(["-q", "-t", "ext4", "-O", "^has_journal", "-E", "root_owner=0:0", "-d"])
            .arg(root)
            .arg(image),
    )
}
