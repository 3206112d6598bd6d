//! A root with busybox and nothing else.

use std::fs;
use std::os::unix::fs::{lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bed::Bed;
use crate::compile::copy_program;
use crate::enter::User;
use crate::skip::skip;

/// Finds the host's busybox, if it is a static one.
#[must_use]
pub fn static_busybox() -> Option<PathBuf> {
    let candidates = ["/bin/busybox", "/usr/bin/busybox", "/usr/local/bin/busybox"];
    candidates.iter().map(PathBuf::from).find(|path| {
        // ldd succeeds for programs that have a loader.
        path.exists() && Command::new("ldd").arg(path).output().is_ok_and(|ldd| !ldd.status.success())
    })
}

impl Bed {
    /// Makes a directory `name` with `bin/busybox` and its applet links, as `busybox --install -s`
    /// makes them in a root. `None` if the host has no static busybox.
    ///
    /// # Panics
    /// If it can't be made.
    #[must_use]
    pub fn busybox_root(&self, name: &str, user: User) -> Option<PathBuf> {
        let busybox = static_busybox()?;
        let root = self.directory(name, user);
        let bin = root.join("bin");
        fs::create_dir(&bin).expect("a directory for the applets");
        copy_program(&busybox, &bin.join("busybox"));
        let list = Command::new(&busybox).arg("--list").output().expect("the list of applets");
        for applet in String::from_utf8(list.stdout).expect("plain names").lines() {
            if applet != "busybox" {
                symlink("/bin/busybox", bin.join(applet)).expect("an applet's link");
            }
        }
        own(&root, user);
        Some(root)
    }

    /// Does the same for a test that needs the root. If the host has no busybox, the test counts as
    /// skipped.
    ///
    /// # Panics
    /// If it can't be made. In CI also for a skip, which is a failure there.
    #[must_use]
    pub fn busybox_root_or_skip(&self, test: &str, name: &str, user: User) -> Option<PathBuf> {
        let root = self.busybox_root(name, user);
        if root.is_none() {
            skip(test, "busybox is not installed, or not a static one");
        }
        root
    }
}

/// Changes the owner of everything below `path` to `user`, if root runs the tests.
///
/// # Panics
/// If an owner can't be changed.
pub fn own(path: &Path, user: User) {
    if !User::we_are_root() {
        return;
    }
    lchown(path, Some(user.uid), Some(user.gid)).expect("ownership");
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).expect("our own directory") {
            own(&entry.expect("its entry").path(), user);
        }
    }
}
