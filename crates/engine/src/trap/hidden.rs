//! Hiding what is newroot's own in a root.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use newroot_abi::plan::MountFlags;
use newroot_paths::{Mounts as _, strip_prefix};

use crate::guest::{Guest, OwnedMount};

/// Hides a store wherever the guest would see it.
pub(super) fn hide(guest: &mut Guest, store: &Path) {
    let store = store.as_os_str().as_bytes();
    let seen_at = |mount: &OwnedMount| {
        let rest = strip_prefix(store, &mount.host)?;
        let place = [&mount.guest[..], rest].concat();
        let owner = guest.mounts().get(guest.owner(&place))?;
        (owner.guest == mount.guest).then_some(place)
    };
    let places: Vec<Vec<u8>> = guest.mounts().iter().filter_map(seen_at).collect();
    for place in places {
        let host = [store, b"/absent"].concat();
        guest.insert(OwnedMount {
            guest: place,
            host,
            flags: MountFlags::HIDDEN,
            parent: (0, 0),
            recommended: false,
        });
    }
    guest.settle();
}
