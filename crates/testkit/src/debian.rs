//! Where the Debian guest is that whole programs are tried in. `cargo xtask setup` makes it.

use std::env;
use std::path::{Path, PathBuf};

use crate::enter::User;

/// The guest's user who runs the programs; its home is [`SCRATCH`].
pub const GUEST_USER: &str = "guest";

/// The guest's empty directory on which tests bind one they may write to.
pub const SCRATCH: &str = "/scratch";

/// The root of the guest, which may not be made yet: `NEWROOT_TEST_GUEST` if that is set, else
/// a place in the cache.
#[must_use]
pub fn debian_root() -> PathBuf {
    match env::var_os("NEWROOT_TEST_GUEST") {
        Some(root) => root.into(),
        None => cache().join("debian"),
    }
}

/// What the guest at `root` was made of; the file is written last.
#[must_use]
pub fn debian_recipe(root: &Path) -> PathBuf {
    root.with_extension("recipe")
}

/// The guest, if it is there and complete.
#[must_use]
pub fn debian() -> Option<PathBuf> {
    let root = debian_root();
    debian_recipe(&root).exists().then_some(root)
}

/// The archive of a small Debian, which tests unpack to have a root of their own, if it is there.
#[must_use]
pub fn debian_archive() -> Option<PathBuf> {
    let archive = debian_archive_path();
    archive.exists().then_some(archive)
}

/// Where it is, or will be.
#[must_use]
pub fn debian_archive_path() -> PathBuf {
    cache().join("small-debian.tar")
}

/// The unpacked C library of a newer release, if it is there and complete.
#[must_use]
pub fn newer_libraries() -> Option<PathBuf> {
    let path = newer_libraries_path();
    debian_recipe(&path).exists().then_some(path)
}

/// Where it is, or will be.
#[must_use]
pub fn newer_libraries_path() -> PathBuf {
    cache().join("newer-libc")
}

/// Root's own cache is for root alone, but an unprivileged user has to get into the guest.
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
