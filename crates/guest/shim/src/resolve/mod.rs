//! From a guest path to a file or name that the host's kernel accepts.
//!
//! A call asks one of two questions about a path. [`object()`] finds the file itself, as an O_PATH
//! descriptor or, where no descriptor is free, as a canonical host path. [`entry()`] finds the
//! directory of a name, for calls that make, remove or examine the name itself. Both return a
//! [`Target`]. It holds the call's buffers and answers all further questions: which file is there,
//! in which mount, whether that is read-only, and which arguments the kernel gets for it.
//!
//! Both first try the path's text alone, in one openat2(2) that refuses symlinks, and walk only if
//! it finds one. A call that opens the file in its own way uses only the walk: [`walk_text`].

mod cwd;
mod entry;
mod fs;
mod lookup;
pub mod merged;
mod object;
mod open;
pub mod procfs;
pub(crate) mod refused;
pub mod restricted;
pub(crate) mod stand_in;
mod target;
pub mod way;

use newroot_abi::Errno;
use newroot_abi::plan::MountFlags;

use crate::session::session;

pub use crate::host_path::{Anchored, NO_SYMLINKS, open_host, raw_host_path};
pub use cwd::{
    cwd_mount, directory_path, host_path, lies_read_only, listed_path, mount_of_directory,
    mount_of_directory_from, namespace_path, remember_way,
};
pub use entry::{Directory, Entry, entry, new_entry};
pub(crate) use fs::HostFs;
use lookup::without_symlink;
pub use lookup::{Walked, canonical, read_text, walk_text};
pub use object::{Object, object};
pub use open::open_for_exec;
use open::open_found;
pub use target::Target;

/// How often a path is walked again after other processes have changed something on it.
const TRIES: usize = 16;

/// Returns the result of opening a path by its text alone; `None` if a walk must follow, because of
/// a symlink or because no descriptor is free.
fn unless_walk<T>(opened: Result<T, Errno>) -> Result<Option<T>, Errno> {
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(error) if error == Errno::LOOP || out_of_descriptors(error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn out_of_descriptors(error: Errno) -> bool {
    matches!(error, Errno::MFILE | Errno::NFILE)
}

/// Returns whether a mount only stands for a binding's parent directory, which the root lacks.
#[must_use]
pub fn is_virtual(mount: usize) -> bool {
    session().mounts.get(mount).flags.has(MountFlags::VIRTUAL)
}

/// Returns whether a mount is read-only.
#[must_use]
pub fn is_read_only(mount: usize) -> bool {
    session().mounts.get(mount).flags.has(MountFlags::READ_ONLY)
}

/// Returns whether the last component of a path is `.` or `..`, or there is none.
#[must_use]
pub fn ends_in_dots(path: &[u8]) -> bool {
    let last = path.rsplit(|&byte| byte == b'/').find(|component| !component.is_empty());
    last.is_none_or(|last| last == b"." || last == b"..")
}

/// Returns whether a path is a single name that the host's kernel resolves to the same file, for a
/// call that doesn't follow it.
#[must_use]
pub fn is_plain_name(text: &[u8]) -> bool {
    !text.contains(&b'/') && text != b".." && !session().mounts.may_cross(text)
}
