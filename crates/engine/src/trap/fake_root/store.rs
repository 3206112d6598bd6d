//! The root's store: a directory in it for what the file system can't keep in an attribute.
//!
//! | in the store | is |
//! |---|---|
//! | `owners/` | records of files that bear no attributes (`shim/src/owner/sidecar.rs`) |
//! | `sessions/` | the files of sessions (`newroot_owner::session`) |

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Its name in the root.
pub(super) const NAME: &str = ".newroot";

/// A store that is there.
#[derive(Debug)]
pub(super) struct Store {
    /// Host path.
    pub(super) path: PathBuf,
    /// Whether it lies in the root, or else among the user's own files.
    pub(super) inside: bool,
}

/// Makes the store if it is missing. Where nothing can be made in the root, it is kept with the user's own
/// state: what is recorded then doesn't move with the root.
pub(super) fn provide(root: &Path) -> Result<Store> {
    let inside = root.join(NAME);
    let cause = match make(&inside) {
        Ok(()) => return Ok(Store { path: inside, inside: true }),
        Err(cause) => cause,
    };
    for base in state_directories() {
        if let Ok(path) = in_state(&base, root) {
            return Ok(Store { path, inside: false });
        }
    }
    Err(Error::System {
        operation: format!("remember owners and modes: cannot make '{}'", inside.display()),
        cause,
    })
}

fn in_state(base: &Path, root: &Path) -> io::Result<PathBuf> {
    let metadata = fs::metadata(root)?;
    let path = base.join(format!("roots/{:x}-{:x}", metadata.dev(), metadata.ino()));
    make(&path)?;
    fs::canonicalize(path)
}

/// Where the user's programs keep what is to outlast them.
fn state_directories() -> Vec<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let state = variable("XDG_STATE_HOME").map(|dir| dir.join("newroot"));
    let home = variable("HOME").map(|dir| dir.join(".local/state/newroot"));
    state.into_iter().chain(home).collect()
}

fn make(store: &Path) -> io::Result<()> {
    for directory in [store.to_owned(), store.join("owners"), store.join("sessions")] {
        DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        let metadata = fs::symlink_metadata(&directory)?;
        if !metadata.is_dir() {
            return Err(io::Error::from_raw_os_error(libc::ENOTDIR));
        }
        rustix::fs::access(&directory, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK)?;
    }
    Ok(())
}
