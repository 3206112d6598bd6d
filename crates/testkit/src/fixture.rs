//! The files of every guest program: one root, and some host files bound into it.
//!
//! `tests/guests/README.md` draws the tree for authors of programs. This file makes it.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::compile::{copy_program, copy_programs};
use crate::enter::User;
use crate::snapshot::snapshot;

/// A host path seen at a guest path.
#[derive(Clone, Debug)]
pub struct Binding {
    /// Host path.
    pub host: PathBuf,
    /// Guest path.
    pub guest: PathBuf,
    /// Whether writing gives EROFS.
    pub read_only: bool,
}

/// A new copy of the tree. Dropping it removes it, unless `NEWROOT_TEST_KEEP` is set: then it
/// stays, and its path is printed.
pub struct Fixture {
    top: TempDir,
    /// The directory that holds the root and the host files.
    base: PathBuf,
    user: User,
    bindings: Vec<Binding>,
    /// Mount points that were made, in this order.
    mount_points: Vec<PathBuf>,
}

/// Length of a long root's path, in bytes.
const LONG: usize = 3900;

/// Directories: name and mode.
const DIRECTORIES: [(&str, u32); 18] = [
    ("root", 0o755),
    ("root/bin", 0o755),
    ("root/bound", 0o755),
    ("root/data", 0o755),
    ("root/data/dir", 0o755),
    ("root/data/dir/deep", 0o755),
    ("root/data/empty", 0o755),
    ("root/data/locked", 0o755),
    ("root/etc", 0o755),
    ("root/tmp", 0o1777),
    ("root/here", 0o755),
    ("host", 0o755),
    ("host/bound", 0o755),
    ("host/bound/dir", 0o755),
    ("host/made", 0o755),
    ("host/nested", 0o755),
    ("host/readonly", 0o755),
    ("host/readonly/dir", 0o755),
];

/// Plain files: name, mode, contents.
const FILES: [(&str, u32, &str); 15] = [
    ("root/bound/hidden", 0o644, "hidden by a binding\n"),
    ("root/boundfile", 0o644, "hidden by a binding\n"),
    ("root/data/file", 0o644, "data\n"),
    ("root/data/unreadable", 0o000, "unreadable\n"),
    ("root/data/locked/file", 0o644, "locked\n"),
    ("root/data/dir/inner", 0o644, "inner\n"),
    ("root/data/dir/deep/leaf", 0o644, "leaf\n"),
    ("root/etc/passwd", 0o644, "root:x:0:0:root:/:/bin/sh\n"),
    ("root/etc/group", 0o644, "root:x:0:\n"),
    ("host/bound/file", 0o644, "bound\n"),
    ("host/bound/dir/inner", 0o644, "bound inner\n"),
    ("host/file", 0o644, "bound file\n"),
    ("host/made/file", 0o644, "made\n"),
    ("host/nested/file", 0o644, "nested\n"),
    ("host/readonly/file", 0o644, "read-only\n"),
];

/// Symlinks: name, and target as a guest path.
const LINKS: [(&str, &str); 15] = [
    ("root/data/link", "file"),
    ("root/data/dirlink", "dir"),
    ("root/data/abs", "/data/file"),
    ("root/data/absdir", "/data/dir"),
    ("root/data/dangling", "nowhere"),
    ("root/data/loop", "loop"),
    ("root/data/outwards", "../../../../data/file"),
    ("root/data/slash", "dir/"),
    ("root/data/tobound", "/bound"),
    ("host/bound/link", "file"),
    ("host/bound/dirlink", "dir"),
    ("host/bound/up", ".."),
    ("host/bound/abs", "/data/file"),
    ("host/bound/totmp", "../tmp"),
    ("host/readonly/link", "file"),
];

/// Bindings of every guest: host name below `host`, guest path, read-only.
const BINDINGS: [(&str, &str, bool); 7] = [
    ("/proc", "/proc", false),
    ("/dev", "/dev", false),
    ("bound", "/bound", false),
    ("nested", "/bound/nested", false),
    ("file", "/boundfile", false),
    ("readonly", "/readonly", true),
    ("made", "/made/by/binding", false),
];

impl Fixture {
    /// Makes the tree below `scratch`, owned by `user`. With `long` its path is so long that guest
    /// paths hardly fit behind it.
    #[must_use]
    pub fn new(scratch: &Path, user: User, long: bool) -> Self {
        let top = tempfile::Builder::new().prefix("tree-").tempdir_in(scratch).expect("a directory");
        let mut base = top.path().to_owned();
        while long && base.as_os_str().len() < LONG {
            let left = LONG - base.as_os_str().len();
            base.push("long".repeat(left.min(240).div_ceil(4)));
        }
        fs::create_dir_all(&base).expect("a directory for the tree");
        for made in base.ancestors().take_while(|path| path.starts_with(&top)) {
            chmod(made, 0o755);
        }
        let mut fixture = Self { top, base, user, bindings: Vec::new(), mount_points: Vec::new() };
        for (name, mode) in DIRECTORIES {
            let path = fixture.base.join(name);
            fs::create_dir(&path).expect("a directory of the tree");
            chmod(&path, mode);
            fixture.own(&path);
        }
        for (name, mode, contents) in FILES {
            let path = fixture.base.join(name);
            fs::write(&path, contents).expect("a file of the tree");
            chmod(&path, mode);
            fixture.own(&path);
        }
        for (name, target) in LINKS {
            let path = fixture.base.join(name);
            symlink(target, &path).expect("a link of the tree");
            fixture.own(&path);
        }
        chmod(&fixture.root().join("data/locked"), 0o000);
        for (host, guest, read_only) in BINDINGS {
            fixture.bind(Path::new(host), Path::new(guest), read_only);
        }
        fixture
    }

    /// Returns the host directory that is the guest's `/`.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.base.join("root")
    }

    /// Returns the host directory with the sources of the bindings.
    #[must_use]
    pub fn host(&self) -> PathBuf {
        self.base.join("host")
    }

    /// Returns all bindings, in the order in which they are made.
    #[must_use]
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// Adds a binding. A relative `host` is below [`Fixture::host`].
    pub fn bind(&mut self, host: &Path, guest: &Path, read_only: bool) {
        self.bindings.push(Binding { host: self.host().join(host), guest: guest.to_owned(), read_only });
    }

    /// Copies a host program or library to `guest`, and makes the parent directories.
    pub fn install(&self, file: &Path, guest: &Path) {
        let place = self.place(guest, &[]);
        let parent = place.parent().expect("a file is in a directory");
        fs::create_dir_all(parent).expect("a directory of the root");
        copy_program(file, &place);
        chmod(&place, 0o755);
        self.own(&place);
    }

    /// Copies all programs of a host directory to the existing directory `guest`.
    ///
    /// # Panics
    /// If they can't be copied.
    pub fn install_all(&self, programs: &Path, guest: &Path) {
        let place = self.place(guest, &[]);
        copy_programs(programs, &place);
        for program in fs::read_dir(programs).expect("a readable directory") {
            let copy = place.join(program.expect("an entry").file_name());
            chmod(&copy, 0o755);
            self.own(&copy);
        }
    }

    /// Makes the mount points that the root lacks. The real kernel needs them.
    pub fn make_mount_points(&mut self) {
        for done in 0..self.bindings.len() {
            let binding = self.bindings[done].clone();
            let place = self.place(&binding.guest, &self.bindings[..done]);
            let missing: Vec<PathBuf> = place
                .ancestors()
                .take_while(|path| fs::symlink_metadata(path).is_err())
                .map(Path::to_owned)
                .collect();
            for path in missing.iter().rev() {
                if *path == place && !binding.host.is_dir() {
                    File::create(path).expect("a file to mount on");
                } else {
                    fs::create_dir(path).expect("a directory to mount on");
                }
                self.own(path);
                self.mount_points.push(path.clone());
            }
        }
    }

    /// Returns the host path of a guest path, without following symlinks.
    fn place(&self, guest: &Path, bindings: &[Binding]) -> PathBuf {
        for binding in bindings.iter().rev() {
            if let Ok(below) = guest.strip_prefix(&binding.guest) {
                // Joining an empty path would add a slash, and a file's path can't end in one.
                return binding.host.join(below).components().collect();
            }
        }
        self.root().join(guest.strip_prefix("/").expect("a guest path is absolute"))
    }

    /// Lists the files of the tree after a run, as text. Removes the mount points first.
    #[must_use]
    pub fn remains(&mut self) -> String {
        self.remove_mount_points();
        format!("root\n{}host\n{}", snapshot(&self.root()), snapshot(&self.host()))
    }

    /// Removes the mount points that [`Self::make_mount_points`] made.
    pub(crate) fn remove_mount_points(&mut self) {
        for path in self.mount_points.drain(..).rev() {
            let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir(&path));
        }
    }

    /// Returns whether the tree stays for the developer to look at.
    pub(crate) fn is_kept(&self) -> bool {
        std::env::var_os("NEWROOT_TEST_KEEP").is_some()
    }

    fn own(&self, path: &Path) {
        if User::we_are_root() {
            lchown(path, Some(self.user.uid), Some(self.user.gid)).expect("ownership of the tree");
        }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        if self.is_kept() {
            self.top.disable_cleanup(true);
            eprintln!("tree kept in {}", self.top.path().display());
        } else {
            unlock(self.top.path());
        }
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("permissions of the tree");
}

/// Gives every directory a mode that lets it be emptied.
fn unlock(directory: &Path) {
    let _ = fs::set_permissions(directory, Permissions::from_mode(0o755));
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.filter_map(Result::ok) {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            unlock(&entry.path());
        }
    }
}
