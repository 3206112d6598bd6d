//! The Debian guest in which tests run whole programs. `cargo xtask setup` makes it.

use std::env;
use std::path::{Path, PathBuf};

use crate::enter::User;

/// The guest's user that runs the programs. The home directory is [`SCRATCH`].
pub const GUEST_USER: &str = "guest";

/// An empty directory of the guest. Tests bind one there that they may write to.
pub const SCRATCH: &str = "/scratch";

/// Returns the path of the guest, which may not exist yet: `NEWROOT_TEST_GUEST` if that is set,
/// else a path in the cache.
#[must_use]
pub fn debian_root() -> PathBuf {
    match env::var_os("NEWROOT_TEST_GUEST") {
        Some(root) => root.into(),
        None => cache().join("debian"),
    }
}

/// Returns the file that says how the guest at `root` was made. It is written last.
#[must_use]
pub fn debian_recipe(root: &Path) -> PathBuf {
    root.with_extension("recipe")
}

/// Returns the guest, if it is complete.
#[must_use]
pub fn debian() -> Option<PathBuf> {
    let root = debian_root();
    debian_recipe(&root).exists().then_some(root)
}

/// Returns the archive of a small Debian, if it exists. Tests unpack it to get a root of their own.
#[must_use]
pub fn debian_archive() -> Option<PathBuf> {
    let archive = debian_archive_path();
    archive.exists().then_some(archive)
}

/// Returns the path of that archive, which may not exist yet.
#[must_use]
pub fn debian_archive_path() -> PathBuf {
    cache().join("small-debian.tar")
}

/// Returns the unpacked C library of a newer release, if it is complete.
#[must_use]
pub fn newer_libraries() -> Option<PathBuf> {
    let path = newer_libraries_path();
    debian_recipe(&path).exists().then_some(path)
}

/// Returns its path, which may not exist yet.
#[must_use]
pub fn newer_libraries_path() -> PathBuf {
    cache().join("newer-libc")
}

/// Only root can enter root's own cache, but an unprivileged user has to run the guest.
fn cache() -> PathBuf {
    let caches = if User::we_are_root() {
        PathBuf::from("/var/cache")
    } else if let Some(caches) = env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()) {
        caches.into()
    } else {
        Path::new(&env::var_os("HOME").unwrap_or_default()).join(".cache")
    };
    caches.join("newroot")
}
