//! The files of a case, made for one run of it.

use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::case::{Case, bytes_of, path_of};
use crate::enter::User;
use crate::snapshot::snapshot;

/// A fresh tree, removed when dropped.
pub(super) struct Tree {
    top: TempDir,
    user: User,
}

impl Tree {
    /// Makes the files of `case` below `scratch`, the program and the script with them.
    pub(super) fn new(scratch: &Path, user: User, case: &Case, program: &Path, script: &str) -> Self {
        let top = tempfile::Builder::new().prefix("tree-").tempdir_in(scratch).expect("a directory");
        let tree = Self { top, user };
        chmod(tree.path(), 0o755);
        tree.directories(&tree.path().join("root/bin"));
        let bin = tree.path().join("root/bin");
        fs::hard_link(program, bin.join("guest")).expect("the program");
        fs::write(bin.join("script"), script).expect("the script");
        let mut modes = Vec::new();
        for words in case.entries() {
            // What can't be made, because a line is missing or there are two for one name, isn't: each run
            // finds the same.
            if let [kind, name, rest @ ..] = &words[..] {
                let place = tree.path().join(path_of(name));
                tree.directories(place.parent().expect("a path below the top"));
                if make(kind, &place, rest).is_some() {
                    tree.own(&place);
                    if *kind != "l"
                        && let Some(mode) = rest.first().and_then(|m| u32::from_str_radix(m, 8).ok())
                    {
                        modes.push((place, mode));
                    }
                }
            }
        }
        tree.make_mount_points(case);
        // From below, for a directory may lock what is in it.
        modes.iter().rev().for_each(|(place, mode)| chmod(place, *mode));
        tree
    }

    pub(super) fn path(&self) -> &Path {
        self.top.path()
    }

    pub(super) fn root(&self) -> PathBuf {
        self.path().join("root")
    }

    /// Makes what the bindings are mounted on, where it is missing. Such a place, and what is above it, may be
    /// in a directory that was bound before.
    fn make_mount_points(&self, case: &Case) {
        let bindings = case.bindings();
        for (at, binding) in bindings.iter().enumerate() {
            let earlier = bindings[..at].iter().rev();
            let below = earlier.filter_map(|b| Some((b, binding.guest.strip_prefix(&b.guest).ok()?))).next();
            let place = match below {
                Some((b, rest)) => self.path().join(&b.host).join(rest).components().collect(),
                None => self.root().join(binding.guest.strip_prefix("/").unwrap_or(&binding.guest)),
            };
            if fs::symlink_metadata(&place).is_ok() {
                continue;
            }
            if self.path().join(&binding.host).is_dir() {
                self.directories(&place);
            } else if let Some(parent) = place.parent() {
                self.directories(parent);
                if File::create(&place).is_ok() {
                    self.own(&place);
                }
            }
        }
    }

    /// Makes a directory and those above that are missing.
    fn directories(&self, path: &Path) {
        if path.is_dir() {
            return;
        }
        if let Some(parent) = path.parent() {
            self.directories(parent);
        }
        if fs::create_dir(path).is_ok() {
            self.own(path);
        }
    }

    /// What is left after a run.
    pub(super) fn remains(&self) -> String {
        let _ = fs::remove_dir_all(self.root().join("bin"));
        snapshot(self.path())
    }

    fn own(&self, path: &Path) {
        if User::we_are_root() {
            lchown(path, Some(self.user.uid), Some(self.user.gid)).expect("ownership of the tree");
        }
    }
}

/// Makes one file, if it can be made.
fn make(kind: &str, place: &Path, rest: &[&str]) -> Option<()> {
    match (kind, rest) {
        ("d", _) => fs::create_dir(place).ok(),
        ("f", [_, text]) => {
            let bytes = bytes_of(text);
            (fs::symlink_metadata(place).is_err() && fs::write(place, bytes).is_ok()).then_some(())
        }
        ("l", [target]) => symlink(std::ffi::OsStr::from_bytes(&bytes_of(target)), place).ok(),
        ("p", _) => mknodat(CWD, place, FileType::Fifo, Mode::from_raw_mode(0o644), 0).ok(),
        _ => None,
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("permissions of the tree");
}
