//! Marks on descriptors of devices that mknod(2) made; [`stand_in`](crate::resolve::stand_in) reads
//! them.

use newroot_abi::Errno;
use newroot_paths::HostBuf;
use newroot_sys::raw;

use super::file::File;
use super::sidecar;
use crate::host_path::raw_host_path;
use crate::identity::stores::{self, StorePath};
use crate::kernel::{self, AT_FDCWD, Descriptor, Path, Stat};
use crate::resolve::stand_in::{COPY_BITS, FIRST, lock, short};

/// Marks a device that was opened through a stand-in, if it can be marked.
///
/// # Errors
/// EMFILE, ENFILE or ENOMEM. A full disk is no error, because another process's open needs no space
/// either.
pub(super) fn mark(opened: &Descriptor, flags: u64, file: File<'_>, stat: &Stat) -> Result<(), Errno> {
    match try_to_mark(opened, flags, file, stat) {
        Err(error @ (Errno::NOMEM | Errno::MFILE | Errno::NFILE)) => Err(error),
        _ => Ok(()),
    }
}

fn try_to_mark(opened: &Descriptor, flags: u64, file: File<'_>, stat: &Stat) -> Result<(), Errno> {
    let mut path = HostBuf::new();
    match file {
        File::Descriptor(descriptor) | File::Found(descriptor) => raw_host_path(descriptor, &mut path)?,
        File::Host(host) => path.assign(host.bytes())?,
    }
    note_path(stat, &mut path)?;
    const COPIES: u64 = 1 << COPY_BITS;
    const TRIES: u64 = 64;
    let first = FIRST | short(stat.st_ino) << COPY_BITS;
    if flags as u32 & raw::O_ACCMODE != raw::O_WRONLY {
        return lock(opened.number(), raw::F_OFD_SETLK, raw::F_RDLCK, first, 1).map(|_| ());
    }
    // A read lock needs a descriptor that can read. A write lock has its byte for itself.
    let start = kernel::nanoseconds();
    for copy in 0..TRIES {
        let at = first | (1 + start.wrapping_add(copy) % (COPIES - 1));
        match lock(opened.number(), raw::F_OFD_SETLK, raw::F_WRLCK, at, 1) {
            Err(Errno::AGAIN | Errno::ACCES) => {}
            other => return other.map(|_| ()),
        }
    }
    Ok(())
}

/// Notes the path of a stand-in, for processes that find its inode number in a mark.
fn note_path(stat: &Stat, path: &mut HostBuf) -> Result<(), Errno> {
    let mut note = StorePath::new();
    stores::path_of_name(short(stat.st_ino), &mut note)?;
    let mut known = HostBuf::new();
    match kernel::readlinkat(AT_FDCWD, Path::new(note.with_nul()), known.space()) {
        Ok(len) => {
            known.set_len(len);
            if known.bytes() == path.bytes() {
                return Ok(());
            }
        }
        Err(error) if error.is_shortage() => return Err(error),
        Err(_) => {}
    }
    sidecar::link(Path::new(path.with_nul()), &mut note)
}

/// Notes the new name of a renamed file, if it is a stand-in that a process has open.
pub(super) fn renamed(file: &Descriptor, stat: &Stat) {
    let (mut note, mut path) = (StorePath::new(), HostBuf::new());
    let noted = stores::path_of_name(short(stat.st_ino), &mut note)
        .and_then(|()| kernel::readlinkat(AT_FDCWD, Path::new(note.with_nul()), &mut [0u8; 1]));
    if noted.is_ok() && raw_host_path(file.number(), &mut path).is_ok() {
        let _ = note_path(stat, &mut path);
    }
}

/// Removes the note about a stand-in that was removed.
pub(super) fn forget(stat: &Stat) {
    let mut note = StorePath::new();
    if stores::path_of_name(short(stat.st_ino), &mut note).is_ok() {
        let _ = kernel::unlinkat(AT_FDCWD, Path::new(note.with_nul()), 0);
    }
}
