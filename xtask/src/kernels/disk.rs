//! The disk of the emulated machine: busybox, the tests, all they need, at the paths where they are here.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use newroot_testkit::{Bed, Linkage, discover, static_busybox};

use crate::{Outcome, finish};

/// What the machine prints before the name of a test program that begins, and after one ended.
pub(super) const BEGUN: &str = "newroot-kernels: begun ";
pub(super) const ENDED: &str = "newroot-kernels: ended ";

/// Its size; what isn't written takes no room.
const SIZE: &str = "2G";

/// Directories; the links are a merged /usr's.
const DIRECTORIES: [&str; 11] =
    ["dev", "etc", "proc", "root", "run", "sys", "tmp", "usr/bin", "usr/lib", "usr/lib64", "var/tmp"];
const LINKS: [(&str, &str); 4] =
    [("bin", "usr/bin"), ("sbin", "usr/bin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")];

/// Programs of this machine that busybox has no equal of.
const PROGRAMS: [&str; 3] = ["prlimit", "unshare", "setpriv"];

/// The first process of the machine, once its disk is there.
const START: &str = r#"#!/bin/sh
export PATH=/usr/bin HOME=/root LC_ALL=C NEWROOT_TEST_PATIENCE=10
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
sh /tests
poweroff -f
"#;

/// Makes the image, with the test programs in it and a script that runs those tests that have one
/// of `filters` in their names.
pub(super) fn make(image: &Path, programs: &[PathBuf], filters: &[String]) -> Outcome {
    let root = tempfile::tempdir()?;
    let disk = Disk { root: root.path() };
    for directory in DIRECTORIES {
        fs::create_dir_all(disk.root.join(directory))?;
    }
    for (name, target) in LINKS {
        symlink(target, disk.root.join(name))?;
    }
    disk.busybox()?;
    disk.programs()?;
    disk.script("sbin/start", START)?;
    disk.script("usr/bin/ldd", "#!/bin/sh\nexec /lib64/ld-linux-x86-64.so.2 --list \"$1\"\n")?;
    fs::write(disk.root.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n")?;
    fs::write(disk.root.join("etc/group"), "root:x:0:\n")?;

    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/newroot").canonicalize()?;
    let mut script = format!("mkdir -p '{0}'\ncd '{0}'\n", package.display());
    for program in programs {
        disk.take(program)?;
        let name = program.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name = name.rsplit_once('-').map_or(name, |(name, _)| name);
        for filter in filters {
            script += &format!(
                "echo '{BEGUN}{name}'\n'{}' --color=never '{filter}' 2>&1\necho \"{ENDED}$?\"\n",
                program.display()
            );
        }
    }
    fs::write(disk.root.join("tests"), script)?;
    disk.what_tests_need(&programs[0])?;

    finish(Command::new("truncate").args(["--size", SIZE]).arg(image))?;
    let mke2fs = ["/usr/sbin/mke2fs", "/sbin/mke2fs"].into_iter().find(|path| Path::new(path).exists());
    let mut mke2fs = Command::new(mke2fs.ok_or("needs mke2fs: apt-get install e2fsprogs")?);
    finish(
        mke2fs
            .args(["-q", "-t", "ext4", "-O", "^has_journal", "-E", "root_owner=0:0", "-d"])
            .arg(disk.root)
            .arg(image),
    )
}

struct Disk<'a> {
    root: &'a Path,
}

impl Disk<'_> {
    /// Where a path of this machine is on the disk.
    fn place(&self, path: &Path) -> PathBuf {
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Copies a file or a directory to the same path.
    fn take(&self, path: &Path) -> Outcome {
        let place = self.place(path);
        fs::create_dir_all(place.parent().ok_or("not in a directory")?)?;
        if place.exists() {
            return Ok(());
        }
        finish(Command::new("cp").args(["--recursive", "--dereference", "--"]).arg(path).arg(&place))
    }

    fn script(&self, path: &str, text: &str) -> Outcome {
        let path = self.root.join(path);
        fs::write(&path, text)?;
        Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
    }

    fn busybox(&self) -> Outcome {
        let busybox = static_busybox().ok_or("needs a static busybox: apt-get install busybox-static")?;
        let place = self.root.join("usr/bin/busybox");
        fs::copy(&busybox, &place)?;
        let applets = Command::new(&busybox).arg("--list").output()?;
        for applet in String::from_utf8(applets.stdout)?.lines() {
            // What is taken from this machine is told apart by its being no link.
            if applet != "busybox" && !PROGRAMS.contains(&applet) {
                symlink("busybox", self.root.join("usr/bin").join(applet))?;
            }
        }
        // The tests look for it there.
        self.take(&busybox)
    }

    fn programs(&self) -> Outcome {
        for name in PROGRAMS {
            let program = Path::new("/usr/bin").join(name);
            self.take(&program)?;
            let list = Command::new("ldd").arg(&program).output()?;
            for library in
                String::from_utf8(list.stdout)?.split_whitespace().filter(|word| word.starts_with('/'))
            {
                self.take(Path::new(library))?;
            }
        }
        Ok(())
    }

    /// newroot, the guest programs and all others, compiled, and their sources, by which they are found again.
    fn what_tests_need(&self, test: &Path) -> Outcome {
        // …/release/deps/NAME-HASH, …/release/newroot, …/tmp
        let release = test.parent().and_then(Path::parent).ok_or("a test is in a directory of its own")?;
        let newroot = release.join("newroot");
        let cache = release.with_file_name("tmp");
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
        let bed = Bed::new(&newroot, &cache, &sources.join("tests/guests"));
        let mut files = vec![newroot, sources.join("crates/testkit/helpers"), sources.join("tests")];
        files.extend(bed.prepare_tools());
        for guest in discover(&sources.join("tests/guests")) {
            files.extend(bed.prepare(&guest));
            if guest.linkages.contains(&Linkage::Musl) {
                // Tests that need it ask whether it is there.
                self.script("usr/bin/musl-gcc", "#!/bin/sh\n")?;
            }
        }
        for folder in fs::read_dir(sources.join("tests"))? {
            let folder = folder?.path();
            let is_other = folder.is_dir()
                && !["guests", "programs", "oracle"].iter().any(|name| folder.ends_with(name));
            for source in is_other.then(|| fs::read_dir(&folder)).transpose()?.into_iter().flatten() {
                let source = source?.path();
                if source.extension().is_some_and(|extension| extension == "c") {
                    files.push(bed.program_of(&source));
                }
            }
        }
        files.iter().try_for_each(|file| self.take(file))
    }
}
