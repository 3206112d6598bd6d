//! Hiding what is newroot's own in a root.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use newroot_abi::plan::MountFlags;

use crate::guest::{Guest, OwnedMount};

/// Hides a store wherever the guest would see it.
pub(super) fn hide(guest: &mut Guest, store: &Path) {
    let store = store.as_os_str().as_bytes();
    for place in guest.places_of(store) {
        let host = [store, newroot_abi::ABSENT].concat();
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

/// Hides the root's store, which a session with fake root or with hard links of newroot's own has left there.
pub(super) fn hide_left_behind(guest: &mut Guest) {
    if let Some(store) = guest.store() {
        hide(guest, &store);
    }
}
