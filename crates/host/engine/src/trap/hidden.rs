//! Hides newroot's own files in a root.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use newroot_abi::plan::MountFlags;

use crate::guest::{Guest, OwnedMount, Source};

/// Hides a store at each guest path where the guest would see it.
pub(super) fn hide(guest: &mut Guest, store: &Path) {
    let store = store.as_os_str().as_bytes();
    for place in guest.guest_paths_of(store) {
        let host = [store, newroot_abi::ABSENT].concat();
        guest.insert(OwnedMount {
            guest: place,
            host,
            flags: MountFlags::HIDDEN,
            parent: (0, 0),
            recommended: false,
            source: Source::Host,
        });
    }
    guest.settle();
}

/// Gives each hidden store its other name, for a newroot that runs inside the guest
/// (`newroot_abi::STORE_WITHIN`). Listings must not show names below a store, so this comes after
/// [`crate::mounts::provide_mount_points`].
pub(super) fn name_for_nested_newroots(guest: &mut Guest) {
    let other = |mount: &OwnedMount| {
        let place = mount.guest.strip_suffix(newroot_abi::STORE.as_bytes())?;
        Some(OwnedMount {
            guest: [place, newroot_abi::STORE_WITHIN.as_bytes()].concat(),
            host: mount.host.strip_suffix(newroot_abi::ABSENT)?.to_vec(),
            flags: MountFlags::DIRECTORY,
            parent: (0, 0),
            recommended: false,
            source: Source::Host,
        })
    };
    let hidden = guest.mounts().iter().filter(|mount| mount.flags.has(MountFlags::HIDDEN));
    let others: Vec<OwnedMount> = hidden.filter_map(other).collect();
    for mount in others {
        guest.insert(mount);
    }
    guest.settle();
}

/// Hides the root's store if an earlier session, with fake root or with hard links of newroot's
/// own, has left one.
pub(super) fn hide_leftover_store(guest: &mut Guest) {
    if let Some(store) = guest.store() {
        hide_from_guest(guest, &store);
    }
}

/// Hides a store for a session without fake root. If newroot itself runs in a guest, the session
/// around it has hidden the store. The store's other name must then stay visible for any newroot
/// further inside.
pub(super) fn hide_from_guest(guest: &mut Guest, store: &Path) {
    if !store.ends_with(newroot_abi::STORE_WITHIN) {
        hide(guest, store);
    }
}
