//! Hard links that the host refuses: what a session needs to have its own. `newroot_abi::links` says how they lie
//! on the disk.

use std::path::PathBuf;

use newroot_records::store;

use super::hidden;
use crate::error::{Error, Result};
use crate::guest::{Guest, shown};
use crate::spec::HardLinks;

/// Provides the store of links where it is wanted, and hides it. The result is the root whose links the session has:
/// none, unless they are wanted or there are some already.
pub(super) fn prepare(guest: &mut Guest, wanted: HardLinks) -> Result<Option<PathBuf>> {
    let root = shown(guest.root());
    match wanted {
        HardLinks::OfTheHost if !store::has_links(&root) => return Ok(None),
        HardLinks::OfTheHost => {}
        HardLinks::Emulated => store::provide_links(&root).map_err(|not_made| Error::System {
            operation: format!("make hard links: cannot make '{}'", not_made.path.display()),
            cause: not_made.cause,
        })?,
    }
    hidden::hide(guest, &root.join(store::NAME));
    Ok(Some(root))
}
