//! Prepares a session to keep hard links that the host refuses. `newroot_abi::links` has the layout
//! on disk.

use std::path::PathBuf;

use newroot_records::store;

use super::hidden;
use crate::error::{Error, Result};
use crate::guest::{Guest, shown};
use crate::spec::{HardLinks, Warning};

/// Makes the store of links if the user asks for it, and hides it. Returns the root, if the session
/// has links: because the user asks for them, or because the root has some already.
///
/// A root that can't be written to gets no store, with a warning. No process can give a file in it
/// another name, and its existing links are shown anyway. A store elsewhere wouldn't help, because
/// names and files must be in one tree.
pub(super) fn prepare(
    guest: &mut Guest,
    wanted: HardLinks,
    warn: &mut dyn FnMut(Warning),
) -> Result<Option<PathBuf>> {
    let root = shown(guest.root());
    if wanted == HardLinks::Emulated
        && let Err(not_made) = store::provide_links(&root)
    {
        let cannot_be_written = [libc::EACCES, libc::EPERM, libc::EROFS].map(Some);
        if !cannot_be_written.contains(&not_made.cause.raw_os_error()) {
            return Err(Error::System {
                operation: format!("make hard links: cannot make '{}'", not_made.path.display()),
                cause: not_made.cause,
            });
        }
        warn(Warning::NoHardLinks { path: not_made.path, cause: not_made.cause });
    }
    if !store::has_links(&root) {
        return Ok(None);
    }
    hidden::hide_from_guest(guest, &store::inside(&root));
    Ok(Some(root))
}
