//! The root's store: a directory in the root for what the file system can't keep in an attribute.
//!
//! | in the store | contents |
//! |---|---|
//! | `owners/` | records of files that can't have attributes ([`sidecar`](crate::sidecar)) |
//! | `sessions/` | session files (`newroot_fakeroot::session`) |
//! | `links/` | files with several names that the host doesn't know ([`links`](crate::links)) |
//! | `near/` | links to the stores of the roots around this one, the outermost at `0` |
//! | `inner/` | links to the stores of roots in this root's tree, by device and inode number |

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::io::Errno;

/// Name of the store in the root.
pub const NAME: &str = newroot_abi::STORE;
/// Name of its directory of records.
pub const OWNERS: &str = "owners";
/// Name of its directory of sessions.
pub const SESSIONS: &str = "sessions";

/// Name of its directory of files with several names (`newroot_abi::links`).
pub const LINKS: &str = "links";

/// Name of its directory of links to outer stores.
pub const NEAR: &str = "near";
/// Name of its directory of links to inner stores.
pub const INNER: &str = "inner";

/// A store that exists.
#[derive(Debug)]
pub struct Store {
    /// Host path of the store.
    pub path: PathBuf,
    /// Whether the store lies in the root. If not, it lies among the user's own files.
    pub inside: bool,
    /// Host paths of the outer stores, the outermost first.
    pub outer: Vec<PathBuf>,
}

/// A failure to make a store.
#[derive(Debug)]
pub struct NotMade {
    /// Host path at which the store was to be made.
    pub path: PathBuf,
    /// The I/O error.
    pub cause: io::Error,
}

/// Makes the store if it is missing. If nothing can be made in the root, the store goes into the
/// user's state directory; its records then don't move with the root.
///
/// # Errors
/// The error of making it in the root, if it can't be made in the state directory either.
pub fn provide(root: &Path) -> Result<Store, NotMade> {
    let inside = inside(root);
    let mut is_new = !is_there(&inside);
    let cause = match make(&inside) {
        Ok(()) => {
            return Ok(join_outer(Store { path: inside, inside: true, outer: Vec::new() }, root, is_new));
        }
        Err(cause) => cause,
    };
    for base in state_directories() {
        let Ok(path) = in_state(&base, root) else { continue };
        is_new = !is_there(&path);
        if let Ok(path) = make(&path).and_then(|()| fs::canonicalize(path)) {
            return Ok(join_outer(Store { path, inside: false, outer: Vec::new() }, root, is_new));
        }
    }
    Err(NotMade { path: inside, cause })
}

/// Returns the host path at which a root's store lies or would be made, provided that it can be in
/// the root. A session that hides the store shows it to a newroot inside the root by another name.
#[must_use]
pub fn inside(root: &Path) -> PathBuf {
    let store = root.join(NAME);
    let within = root.join(newroot_abi::STORE_WITHIN);
    let is_directory = |path: &Path| fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    if !is_directory(&store) && is_directory(&within) { within } else { store }
}

fn is_there(store: &Path) -> bool {
    fs::symlink_metadata(store.join(OWNERS)).is_ok_and(|owners| owners.is_dir())
}

/// Returns the stores of the roots in whose trees a directory lies, the outermost first. Only
/// stores of the given user that have records count.
#[must_use]
pub fn outer(root: &Path, uid: u32) -> Vec<PathBuf> {
    let Ok(root) = fs::canonicalize(root) else { return Vec::new() };
    let has_records = |store: &PathBuf| {
        let owners = store.join(OWNERS);
        // A store that another user made above the root says nothing about the root.
        fs::symlink_metadata(&owners).is_ok_and(|owners| owners.is_dir() && owners.uid() == uid)
            && fs::read_dir(owners).is_ok_and(|mut entries| entries.next().is_some())
    };
    let mut found: Vec<PathBuf> = root
        .ancestors()
        .skip(1)
        .flat_map(|above| {
            let state = state_directories().into_iter().filter_map(|base| in_state(&base, above).ok());
            std::iter::once(inside(above)).chain(state).find(has_records)
        })
        .collect();
    found.reverse();
    found
}

/// Links the store of a root that lies in another root's tree with the outer stores, both ways.
///
/// A new store copies the outer stores' records of its files, so that the records move with the
/// root. If the outer stores have no such records, the root was made elsewhere. A step that fails
/// is left to a later launch.
fn join_outer(store: Store, root: &Path, is_new: bool) -> Store {
    let near = store.path.join(NEAR);
    if !is_new && !near.is_dir() {
        return store;
    }
    let outer = outer(root, rustix::process::geteuid().as_raw());
    if is_new && (outer.is_empty() || !crate::sidecar::take_over(root, &store.path, &outer).unwrap_or(true)) {
        return store;
    }
    let known = |index: usize| fs::read_link(near.join(index.to_string())).ok();
    if !outer.is_empty() {
        let _ = make_directory(&near);
    }
    for (index, path) in outer.iter().enumerate() {
        let _ = make_known(&path.join(INNER), root, &store.path);
        if known(index).as_ref() != Some(path) {
            let _ = put_link(&near, &index.to_string(), path);
        }
    }
    for index in (outer.len()..).take_while(|&index| known(index).is_some()) {
        let _ = fs::remove_file(near.join(index.to_string()));
    }
    Store { outer, ..store }
}

/// Adds a root's store to an outer store's links to inner ones, and removes links to stores that
/// don't exist any more.
fn make_known(inner: &Path, root: &Path, store: &Path) -> io::Result<()> {
    let name = identity(root)?;
    let store = fs::canonicalize(store)?;
    if fs::read_link(inner.join(&name)).is_ok_and(|known| known == store) {
        return Ok(());
    }
    make_directory(inner)?;
    for entry in fs::read_dir(inner)?.flatten() {
        if !entry.path().exists() {
            let _ = fs::remove_file(entry.path());
        }
    }
    put_link(inner, &name, &store)
}

fn put_link(directory: &Path, name: &str, path: &Path) -> io::Result<()> {
    let temporary = directory.join(format!("new-{}", std::process::id()));
    let _ = fs::remove_file(&temporary);
    std::os::unix::fs::symlink(path, &temporary)?;
    fs::rename(temporary, directory.join(name))
}

/// Returns a directory's device and inode number, as a name.
fn identity(directory: &Path) -> io::Result<String> {
    let metadata = fs::metadata(directory)?;
    Ok(format!("{:x}-{:x}", metadata.dev(), metadata.ino()))
}

/// Returns the store that [`provide`] would use, if it exists. Makes nothing.
#[must_use]
pub fn find(root: &Path) -> Option<Store> {
    let inside = inside(root);
    let owner = fs::symlink_metadata(&inside).map_or(u32::MAX, |inside| inside.uid());
    let own = rustix::process::geteuid();
    let was_made_elsewhere = is_there(&inside) && !inside.join(NEAR).is_dir();
    let outer = if was_made_elsewhere {
        Vec::new()
    } else {
        outer(root, if own.is_root() { owner } else { own.as_raw() })
    };
    let in_root = || Store { path: inside.clone(), inside: true, outer: outer.clone() };
    if is_there(&inside) && access(&inside, Access::WRITE_OK | Access::EXEC_OK).is_ok() {
        return Some(in_root());
    }
    let outside = state_directories().into_iter().find_map(|base| {
        let path = in_state(&base, root).ok()?;
        is_there(&path).then(|| Store { path, inside: false, outer: outer.clone() })
    });
    outside.or_else(|| is_there(&inside).then(in_root))
}

fn in_state(base: &Path, root: &Path) -> io::Result<PathBuf> {
    Ok(base.join("roots").join(identity(root)?))
}

/// Returns whether a root has files with several names that the host doesn't know.
#[must_use]
pub fn has_links(root: &Path) -> bool {
    fs::symlink_metadata(inside(root).join(LINKS)).is_ok_and(|links| links.is_dir())
}

/// Makes the directory for files with several names in a root's store, if it is missing.
///
/// # Errors
/// [`NotMade`] if mkdir(2) fails.
pub fn provide_links(root: &Path) -> Result<(), NotMade> {
    let path = inside(root).join(LINKS);
    [inside(root), path.clone()]
        .iter()
        .try_for_each(|directory| make_directory(directory))
        .map_err(|cause| NotMade { path, cause })
}

/// Returns the directories for the user's state, in order of preference.
fn state_directories() -> Vec<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = variable("XDG_STATE_HOME").map(|dir| dir.join("newroot"));
    let home = variable("HOME").map(|dir| dir.join(".local/state/newroot"));
    state.into_iter().chain(home).collect()
}

/// Makes a store at `path`, or the missing parts of one.
///
/// # Errors
/// The errno of mkdir(2), or of access(2) if a directory can't be written to.
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
