//! Link counts and directory entries of files with several names.

use core::mem::offset_of;

use newroot_abi::links::{FILE, Id};
use newroot_abi::{Errno, STORE};
use newroot_sys::raw;

use super::name_refs;
use crate::hardlinks::{StorePath, in_store, of_name, root, unless_short};
use crate::kernel::entries::{self, Entry, Layout};
use crate::kernel::{self, AT_FDCWD, Path};
use crate::limits::with_descriptors;
use crate::memory;

/// Writes the number of a file's names to the structure that the kernel has just written for the
/// guest at `out`. `extended` says that it is statx(2)'s.
///
/// # Errors
/// EMFILE.
pub(crate) fn amend_count(id: Id, extended: bool, out: usize) -> Result<(), Errno> {
    let count = with_descriptors([-1, -1], || name_refs::count(id))?;
    if extended {
        memory::store_owned(out + offset_of!(raw::statx, stx_nlink), &count);
    } else {
        let mut stat = memory::zeroed_stat();
        stat.st_nlink = count.into();
        memory::store_owned(out + offset_of!(kernel::Stat, st_nlink), &stat.st_nlink);
    }
    Ok(())
}

/// Changes a listing that the kernel has just written: removes the store, and gives a name of a
/// kept file the file's type and inode number. Returns the new length in bytes.
pub(crate) fn amend_listing(directory: i32, out: usize, len: usize, layout: Layout) -> usize {
    entries::amend(memory::written_bytes(out, len), layout, |entry| {
        if entry.kind() == raw::DT_LNK {
            match stands_for(directory, entry) {
                Ok(Some(stat)) => {
                    entry.set_kind(stat.st_mode);
                    entry.set_inode(stat.st_ino);
                }
                Ok(None) => {}
                // DT_UNKNOWN. A program that needs the type calls stat(2).
                Err(_) => entry.set_kind(0),
            }
        }
        entry.name().bytes() != STORE.as_bytes() || !is_store(entry, directory)
    })
}

/// Returns the kept file that an entry is a name of.
fn stands_for(directory: i32, entry: &Entry<'_>) -> Result<Option<kernel::Stat>, Errno> {
    let Some(id) = of_name(directory, entry.name())? else { return Ok(None) };
    let mut path = StorePath::new();
    in_store(id, FILE, &mut path)?;
    unless_short(kernel::fstatat(AT_FDCWD, Path::new(path.with_nul()), raw::AT_SYMLINK_NOFOLLOW))
}

fn is_store(entry: &Entry<'_>, directory: i32) -> bool {
    let mut path = StorePath::new();
    let written =
        path.assign(root()).and_then(|()| path.extend(b"/")).and_then(|()| path.extend(STORE.as_bytes()));
    written.is_ok() && entries::is_at(entry, directory, &mut path)
}
