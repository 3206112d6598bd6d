//! Hard links that the host refuses: what a session needs to have its own. `newroot_abi::links` says how they lie
//! on the disk.

use std::path::PathBuf;

use newroot_records::store;

use super::hidden;
use crate::error::{Error, Result};
use crate::guest::{Guest, shown};
use crate::spec::{HardLinks, Warning};

/// Provides the store of links where it is wanted, and hides it. The result is the root whose links the session has:
/// none, unless they are wanted or there are some already.
///
/// A root that can't be written to gets no links, with a warning: nobody could give a file in it another name, and
/// what it has already is seen all the same. A store elsewhere would be no help, for names and files must stay in one tree.
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
