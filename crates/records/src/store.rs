//! The root's store: a directory in it for what the file system can't keep in an attribute.
//!
//! | in the store | is |
//! |---|---|
//! | `owners/` | records of files that bear no attributes ([`sidecar`](crate::sidecar)) |
//! | `sessions/` | the files of sessions (`newroot_owner::session`) |

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;

/// Its name in the root.
pub const NAME: &str = newroot_abi::STORE;
/// The directory of records in it.
pub const OWNERS: &str = "owners";
/// The directory of sessions in it.
pub const SESSIONS: &str = "sessions";

/// The directory of files with several names in it (`newroot_abi::links`).
pub const LINKS: &str = "links";

/// A store that is there.
#[derive(Debug)]
pub struct Store {
    /// Host path.
    pub path: PathBuf,
    /// Whether it lies in the root, or else among the user's own files.
    pub inside: bool,
}

/// A store that couldn't be made.
#[derive(Debug)]
pub struct NotMade {
    /// Where it should have been.
    pub path: PathBuf,
    /// Why it isn't there.
    pub cause: io::Error,
}

/// Makes the store if it is missing. Where nothing can be made in the root, it is kept with the user's own
/// state: what is recorded then doesn't move with the root.
///
/// # Errors
/// What keeps it from being made in the root, if it can't be made elsewhere either.
pub fn provide(root: &Path) -> Result<Store, NotMade> {
    let inside = root.join(NAME);
    let cause = match make(&inside) {
        Ok(()) => return Ok(Store { path: inside, inside: true }),
        Err(cause) => cause,
    };
    for base in state_directories() {
        let Ok(path) = in_state(&base, root) else { continue };
        if let Ok(path) = make(&path).and_then(|()| fs::canonicalize(path)) {
            return Ok(Store { path, inside: false });
        }
    }
    Err(NotMade { path: inside, cause })
}

/// The store that [`provide`] would use, if there is one; nothing is made.
#[must_use]
pub fn find(root: &Path) -> Option<Store> {
    let inside = root.join(NAME);
    let is_there =
        |store: &Path| fs::symlink_metadata(store.join(OWNERS)).is_ok_and(|owners| owners.is_dir());
    let in_root = || Store { path: inside.clone(), inside: true };
    if is_there(&inside) && access(&inside, Access::WRITE_OK | Access::EXEC_OK).is_ok() {
        return Some(in_root());
    }
    let outside = state_directories().into_iter().find_map(|base| {
        let path = in_state(&base, root).ok()?;
        is_there(&path).then_some(Store { path, inside: false })
    });
    outside.or_else(|| is_there(&inside).then(in_root))
}

fn in_state(base: &Path, root: &Path) -> io::Result<PathBuf> {
    let metadata = fs::metadata(root)?;
    Ok(base.join(format!("roots/{:x}-{:x}", metadata.dev(), metadata.ino())))
}

/// Whether a root has files with several names that its host doesn't know of.
#[must_use]
pub fn has_links(root: &Path) -> bool {
    fs::symlink_metadata(root.join(NAME).join(LINKS)).is_ok_and(|links| links.is_dir())
}

/// Makes the place in a root where files with several names are kept, if it is missing.
///
/// # Errors
/// What keeps it from being made.
pub fn provide_links(root: &Path) -> Result<(), NotMade> {
    let path = root.join(NAME).join(LINKS);
    [root.join(NAME), path.clone()]
        .iter()
        .try_for_each(|directory| make_directory(directory))
        .map_err(|cause| NotMade { path, cause })
}

/// Where the user's programs keep what is to outlast them.
fn state_directories() -> Vec<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = variable("XDG_STATE_HOME").map(|dir| dir.join("newroot"));
    let home = variable("HOME").map(|dir| dir.join(".local/state/newroot"));
    state.into_iter().chain(home).collect()
}

/// Makes a store at `path`, or what is missing of one.
///
/// # Errors
/// What making, or writing into, one of its directories gives.
pub fn make(path: &Path) -> io::Result<()> {
    for directory in [path.to_owned(), path.join(OWNERS), path.join(SESSIONS)] {
        make_directory(&directory)?;
    }
    Ok(())
}

fn make_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_dir() {
        return Err(Errno::NOTDIR.into());
    }
    Ok(access(path, Access::WRITE_OK | Access::EXEC_OK)?)
}
