//! The root's store: a directory in it for what the file system can't keep in an attribute.
//!
//! | in the store | is |
//! |---|---|
//! | `owners/` | records of files that bear no attributes ([`sidecar`](crate::sidecar)) |
//! | `sessions/` | the files of sessions (`newroot_fakeroot::session`) |
//! | `near/` | links to the stores of the roots in whose trees this one lies, the outermost one's at `0` |
//! | `inner/` | links to the stores of roots that lie in this one's tree, by device and inode number |

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

/// The directory of links to outer stores in it.
pub const NEAR: &str = "near";
/// The directory of links to inner stores in it.
pub const INNER: &str = "inner";

/// A store that is there.
#[derive(Debug)]
pub struct Store {
    /// Host path.
    pub path: PathBuf,
    /// Whether it lies in the root, or else among the user's own files.
    pub inside: bool,
    /// Host paths of the outer stores, the outermost first.
    pub outer: Vec<PathBuf>,
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

/// Returns where the store of a root lies, or is to lie, if it can be in the root. A session that hides the store shows it to
/// the newroots within by another name.
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

/// The stores of the roots in whose trees a directory lies, as far as they are a user's and have records; the
/// outermost first.
#[must_use]
pub fn outer(root: &Path, uid: u32) -> Vec<PathBuf> {
    let Ok(root) = fs::canonicalize(root) else { return Vec::new() };
    let has_records = |store: &PathBuf| {
        let owners = store.join(OWNERS);
        // What another user has put above the root says nothing about it.
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

/// Has the store of a root that was made in another one know of the outer stores, and these of it. A new store takes over
/// what they know of the root's files, so that it goes with the root when that is moved away. If they know nothing,
/// the root was made elsewhere. What fails is done by a later launch, or isn't to be had.
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

/// Has an outer store's directory of inner ones name a root's store, and none that aren't there any more.
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

/// A directory's device and inode number.
fn identity(directory: &Path) -> io::Result<String> {
    let metadata = fs::metadata(directory)?;
    Ok(format!("{:x}-{:x}", metadata.dev(), metadata.ino()))
}

/// The store that [`provide`] would use, if there is one; nothing is made.
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

/// Whether a root has files with several names that its host doesn't know of.
#[must_use]
pub fn has_links(root: &Path) -> bool {
    fs::symlink_metadata(inside(root).join(LINKS)).is_ok_and(|links| links.is_dir())
}

/// Makes the place in a root where files with several names are kept, if it is missing.
///
/// # Errors
/// What keeps it from being made.
pub fn provide_links(root: &Path) -> Result<(), NotMade> {
    let path = inside(root).join(LINKS);
    [inside(root), path.clone()]
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
