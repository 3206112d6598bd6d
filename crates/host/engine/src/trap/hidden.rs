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

/// Gives each hidden store its other name, for newroots within (`newroot_abi::STORE_WITHIN`). What lies below a store isn't
/// to be listed, so this comes after [`crate::mounts::provide_places`].
pub(super) fn leave_to_newroots_within(guest: &mut Guest) {
    let other = |mount: &OwnedMount| {
        let place = mount.guest.strip_suffix(newroot_abi::STORE.as_bytes())?;
        Some(OwnedMount {
            guest: [place, newroot_abi::STORE_WITHIN.as_bytes()].concat(),
            host: mount.host.strip_suffix(newroot_abi::ABSENT)?.to_vec(),
            flags: MountFlags::DIRECTORY,
            parent: (0, 0),
            recommended: false,
        })
    };
    let hidden = guest.mounts().iter().filter(|mount| mount.flags.has(MountFlags::HIDDEN));
    let others: Vec<OwnedMount> = hidden.filter_map(other).collect();
    for mount in others {
        guest.insert(mount);
    }
    guest.settle();
}

/// Hides the root's store, which a session with fake root or with hard links of newroot's own has left there.
pub(super) fn hide_left_behind(guest: &mut Guest) {
    if let Some(store) = guest.store() {
        hide_from_guest(guest, &store);
    }
}

/// Hides a store where there is no fake root. In a newroot within, the session around it has hidden the store, and the other
/// name is for those further within.
pub(super) fn hide_from_guest(guest: &mut Guest, store: &Path) {
    if !store.ends_with(newroot_abi::STORE_WITHIN) {
        hide(guest, store);
    }
}
