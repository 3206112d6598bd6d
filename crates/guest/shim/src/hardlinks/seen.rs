//! Files with several names, found from a descriptor or from a path in the store.

use newroot_abi::Errno;
use newroot_abi::links::Id;
use newroot_paths::{Buffer, HostBuf};

use super::{StorePath, name_refs, of_path, unless_short};
use crate::host_path::raw_host_path;

/// Returns the file of a descriptor, if it lies in the store.
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM if the kernel can't answer.
pub fn of_descriptor(descriptor: i32) -> Result<Option<Id>, Errno> {
    if super::on() { at_descriptor(descriptor) } else { Ok(None) }
}

// Out of line: keeps this large frame off each call's stack.
#[inline(never)]
fn at_descriptor(descriptor: i32) -> Result<Option<Id>, Errno> {
    let mut path = HostBuf::new();
    let known = unless_short(raw_host_path(descriptor, &mut path))?;
    Ok(known.and_then(|()| of_path(path.bytes())))
}

/// Replaces the path of a file in the store by one of the file's names. Leaves any other path
/// unchanged.
pub fn to_a_name<Side, const N: usize>(path: &mut Buffer<Side, N>) {
    let Some(id) = of_path(path.bytes()) else { return };
    let mut name = StorePath::new();
    if name_refs::any_name(id, &mut name) {
        let _ = path.assign(name.bytes());
    }
}
