//! What the guest sees of a file with several names: how many, and one of them wherever a path is shown.

use core::mem::offset_of;

use newroot_abi::links::{FILE, Id};
use newroot_abi::{Errno, STORE};
use newroot_paths::{Buffer, HostBuf};
use newroot_sys::raw;

use super::{StorePath, in_store, of_name, of_path, root, tokens, unless_short};
use crate::calls::list::entries::{self, Entry, Layout};
use crate::calls::stat::Request;
use crate::host::{self, AT_FDCWD, Path};
use crate::limits::with_descriptors;
use crate::memory;
use crate::resolve::raw_host_path;

/// The file behind a descriptor, if it lies in the store.
///
/// # Errors
/// What has run out, where that couldn't be found out.
pub fn of_descriptor(descriptor: i32) -> Result<Option<Id>, Errno> {
    if super::on() { at_descriptor(descriptor) } else { Ok(None) }
}

// Its room is not to be every call's.
#[inline(never)]
fn at_descriptor(descriptor: i32) -> Result<Option<Id>, Errno> {
    let mut path = HostBuf::new();
    let known = unless_short(raw_host_path(descriptor, &mut path))?;
    Ok(known.and_then(|()| of_path(path.bytes())))
}

/// Puts the number of a file's names into the structure that the kernel has just written for the guest.
///
/// # Errors
/// EMFILE.
pub(crate) fn amend_count(id: Id, request: &Request) -> Result<(), Errno> {
    let count = with_descriptors([-1, -1], || tokens::count(id))?;
    match request.mask {
        None => {
            let mut stat = memory::zeroed_stat();
            stat.st_nlink = count.into();
            memory::store_owned(request.out + offset_of!(host::Stat, st_nlink), &stat.st_nlink);
        }
        Some(_) => memory::store_owned(request.out + offset_of!(raw::statx, stx_nlink), &count),
    }
    Ok(())
}

/// Amends a listing that the kernel has just written: the store isn't in it, and a name of a file that lies there is
/// of the file's type and inode. The result is how many bytes are left.
pub fn amend_listing(directory: i32, out: usize, len: usize, layout: Layout) -> usize {
    entries::amend(memory::written_bytes(out, len), layout, |entry| {
        if entry.kind() == raw::DT_LNK {
            match stands_for(directory, entry) {
                Ok(Some(stat)) => {
                    entry.set_kind(stat.st_mode);
                    entry.set_inode(stat.st_ino);
                }
                Ok(None) => {}
                // DT_UNKNOWN: who wants to know looks at the file.
                Err(_) => entry.set_kind(0),
            }
        }
        entry.name().bytes() != STORE.as_bytes() || !is_store(entry, directory)
    })
}

/// The file that an entry is one of several names of.
fn stands_for(directory: i32, entry: &Entry<'_>) -> Result<Option<host::Stat>, Errno> {
    let Some(id) = of_name(directory, entry.name())? else { return Ok(None) };
    let mut path = StorePath::new();
    in_store(id, FILE, &mut path)?;
    unless_short(host::fstatat(AT_FDCWD, Path::new(path.with_nul()), raw::AT_SYMLINK_NOFOLLOW))
}

fn is_store(entry: &Entry<'_>, directory: i32) -> bool {
    let mut path = StorePath::new();
    let written =
        path.assign(root()).and_then(|()| path.extend(b"/")).and_then(|()| path.extend(STORE.as_bytes()));
    written.is_ok() && entries::is_at(entry, directory, &mut path)
}

/// Puts one of a file's names in the place of the path where it lies, if that is what the buffer holds.
pub fn to_a_name<Side, const N: usize>(path: &mut Buffer<Side, N>) {
    let Some(id) = of_path(path.bytes()) else { return };
    let mut name = StorePath::new();
    if tokens::any_name(id, &mut name) {
        let _ = path.assign(name.bytes());
    }
}
