//! The files of a case, made for one run.

use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, lchown, symlink};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::case::{Case, bytes_of, path_of};
use crate::compile::copy_program;
use crate::enter::User;
use crate::snapshot::snapshot;

/// A new tree. Dropping it removes it.
///
/// Root makes it, and its symlinks lead anywhere on the host. So no file is made through one of
/// them.
pub(super) struct Tree {
    top: TempDir,
    user: User,
}

impl Tree {
    /// Makes the files of `case` below `scratch`, and adds the program and the script.
    pub(super) fn new(scratch: &Path, user: User, case: &Case, program: &Path, script: &str) -> Self {
        let top = tempfile::Builder::new().prefix("tree-").tempdir_in(scratch).expect("a directory");
        let tree = Self { top, user };
        chmod(tree.path(), 0o755);
        tree.directories(&tree.path().join("root/bin"));
        let bin = tree.path().join("root/bin");
        if user == User::ROOT {
            // A copy, because a case may change its own program.
            copy_program(program, &bin.join("guest"));
        } else {
            fs::hard_link(program, bin.join("guest")).expect("the program");
        }
        fs::write(bin.join("script"), script).expect("the script");
        tree.own(&bin.join("script"));
        let mut modes = Vec::new();
        for words in case.entries() {
            // A file that can't be made, because its directory's line is missing or another line
            // has its name, is skipped. Each run skips the same.
            if let [kind, name, rest @ ..] = &words[..] {
                let Some(place) = tree.place(&path_of(name)) else { continue };
                if tree.directories(place.parent().expect("a path below the top"))
                    && make(kind, &place, rest).is_some()
                {
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
        // From the bottom, because a directory's mode can forbid access to its files.
        modes.iter().rev().for_each(|(place, mode)| chmod(place, *mode));
        tree
    }

    pub(super) fn path(&self) -> &Path {
        self.top.path()
    }

    pub(super) fn root(&self) -> PathBuf {
        self.path().join("root")
    }

    /// Makes the missing mount points of bindings. A mount point, or a directory above it, may be
    /// in an earlier binding.
    fn make_mount_points(&self, case: &Case) {
        let bindings = case.bindings();
        for (at, binding) in bindings.iter().enumerate() {
            let earlier = bindings[..at].iter().rev();
            let below = earlier.filter_map(|b| Some((b, binding.guest.strip_prefix(&b.guest).ok()?))).next();
            let name: PathBuf = match below {
                Some((b, rest)) => b.host.join(rest).components().collect(),
                None => Path::new("root").join(binding.guest.strip_prefix("/").unwrap_or(&binding.guest)),
            };
            let Some(place) = self.place(&name) else { continue };
            if fs::symlink_metadata(&place).is_ok() {
                continue;
            }
            if self.path().join(&binding.host).is_dir() {
                self.directories(&place);
            } else if let Some(parent) = place.parent()
                && self.directories(parent)
                && File::create_new(&place).is_ok()
            {
                self.own(&place);
            }
        }
    }

    /// Returns the path of a case's name in the tree. `None` if it would lead elsewhere.
    fn place(&self, name: &Path) -> Option<PathBuf> {
        let below = name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        below.then(|| self.path().join(name))
    }

    /// Makes a directory and its missing parents. Returns whether it exists, without a symlink on
    /// the way.
    fn directories(&self, path: &Path) -> bool {
        if path == self.path() {
            return true;
        }
        if !path.starts_with(self.path()) || !path.parent().is_some_and(|parent| self.directories(parent)) {
            return false;
        }
        if let Ok(there) = fs::symlink_metadata(path) {
            return there.is_dir();
        }
        let made = fs::create_dir(path).is_ok();
        if made {
            self.own(path);
        }
        made
    }

    /// Lists the files after a run.
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

#[cfg(test)]
mod tests {
    use super::Tree;
    use crate::enter::User;
    use crate::oracle::Case;

    #[test]
    fn nothing_is_made_outside() {
        let scratch = tempfile::tempdir().expect("a directory");
        let program = scratch.path().join("program");
        std::fs::write(&program, "").expect("a file");
        let outside = scratch.path().join("outside");
        std::fs::create_dir(&outside).expect("a directory");
        let target = outside.to_str().expect("a plain path");
        let case = Case::parse(&format!(
            "l root/a {target}\nd root/a/b 755\nf root/a/c 644 text\nf root/../../outside/d 644 text\n\
             f {target}/e 644 text\nl h0/a {target}\nbind h0 /h\nbind h1 /a/f\nbind h1 /h/a/g\nbind h1 /../../outside/i\nd h1 755\n"
        ));
        let tree = Tree::new(scratch.path(), User::ordinary(), &case, &program, "");
        assert!(tree.root().join("a").is_symlink());
        assert_eq!(std::fs::read_dir(&outside).expect("a directory").count(), 0);
    }
}
