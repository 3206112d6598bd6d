//! Records of files that can't have attributes: symlinks, FIFOs, sockets, stand-ins for devices,
//! and all files of a file system without `user.` attributes.
//!
//! Each record is a symlink in the store's `owners` directory. Its name is the file's inode number,
//! its target the record's text. A symlink is made and replaced in one step, so that neither
//! another process nor a full disk nor SIGKILL leaves half a record. The time of birth
//! distinguishes a later file with the same inode number.
//!
//! A root may lie in the tree of another root, whose sessions record its files in the outer root's
//! store. So the inner root's sessions read the outer stores first, which the launcher has linked
//! in `near`, the outermost at `0`. They write to their own store and then to the outer ones. The
//! outer root's sessions also change the records of inner stores, which they find in `inner`. So
//! the outermost store's record of a file counts, and the own store has what still holds when the
//! root is moved away.

use newroot_abi::Errno;
use newroot_fakeroot::Record;
use newroot_fakeroot::record::TEXT_MAX;
use newroot_procfs::Decimal;
use newroot_sys::raw;

use super::file::File;
use super::marks;
use crate::identity::stores::{Store, StorePath, in_store, stores};
use crate::kernel::entries::{Entry, is_at};
use crate::kernel::{self, AT_FDCWD, Listing, Path, Stat};

/// Name of the store in the root.
pub(super) const NAME: &[u8] = newroot_abi::STORE.as_bytes();

/// Returns whether a directory entry is the store, under whichever path it shows.
#[must_use]
pub(super) fn is_store(entry: &Entry<'_>, directory: i32) -> bool {
    let mut path = StorePath::new();
    in_store(b"", b"", &mut path).is_ok() && is_at(entry, directory, &mut path)
}

/// Returns whether a file with this inode number may have a record here. False is certain.
#[must_use]
pub(crate) fn may_have(inode: u64) -> bool {
    let mut path = StorePath::new();
    let mut text = [0u8; 1];
    stores().any(|store| {
        store.record(inode, &mut path).is_err()
            || kernel::readlinkat(AT_FDCWD, Path::new(path.with_nul()), &mut text) != Err(Errno::NOENT)
    })
}

/// Returns the recorded mode of an inode in a listing. It can hardly belong to a later file,
/// because a file's record goes with its last name.
///
/// # Errors
/// EMFILE, ENFILE or ENOMEM.
pub(super) fn mode_of(inode: u64) -> Result<Option<u32>, Errno> {
    for store in stores() {
        if let Some(record) = recorded(store, inode)? {
            return Ok(record.mode);
        }
    }
    Ok(None)
}

/// Returns a store's record for an inode number, of whichever file had the number.
fn recorded(store: Store, inode: u64) -> Result<Option<Record>, Errno> {
    let mut path = StorePath::new();
    store.record(inode, &mut path)?;
    let mut text = [0u8; TEXT_MAX];
    match kernel::readlinkat(AT_FDCWD, Path::new(path.with_nul()), &mut text) {
        Ok(len) => Ok(text.get(..len).and_then(|text| Record::decode_text(text).ok())),
        // Taking it for a missing record would lose it with the next change.
        Err(error) if error.is_shortage() => Err(error),
        Err(_) => Ok(None),
    }
}

/// Returns the record of a file.
///
/// # Errors
/// EMFILE, ENFILE or ENOMEM.
pub(super) fn read(file: File<'_>, stat: &Stat) -> Result<Record, Errno> {
    for store in stores() {
        let Some(record) = recorded(store, stat.st_ino)? else { continue };
        match (record.birth, file.birth()) {
            (Some(recorded), Ok(Some(birth))) if recorded != birth => {}
            (_, Ok(_)) => return Ok(record),
            (_, Err(error)) if error.is_shortage() => return Err(error),
            (_, Err(_)) => return Ok(Record::NONE),
        }
    }
    Ok(Record::NONE)
}

/// Writes the record of a file.
///
/// # Errors
/// The errnos of symlink(2) and rename(2).
pub(super) fn write(file: File<'_>, stat: &Stat, record: &Record) -> Result<(), Errno> {
    let record = Record { birth: file.birth()?, ..*record };
    let mut text = [0u8; TEXT_MAX + 1];
    let len = text.first_chunk_mut().map_or(0, |room| record.encode_text(room));
    let text = Path::new(text.get(..=len).ok_or(Errno::NAMETOOLONG)?);
    let mut had = false;
    // The outermost record counts, so it is written last.
    for store in stores().rev() {
        match write_in(store, stat.st_ino, text) {
            // An outer store that is gone or closed has no record.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCES | Errno::ROFS)
                if store.is_outer() => {}
            other => had |= other?,
        }
    }
    if had {
        let mut temporary = StorePath::new();
        each_inner(stat.st_ino, |record| {
            let is_there = kernel::readlinkat(AT_FDCWD, record, &mut [0u8; 1]).is_ok();
            if is_there && temporary_name(&mut temporary).is_ok() {
                let _ = replace(Path::new(temporary.with_nul()), record, text);
            }
        });
    }
    Ok(())
}

/// Writes a record to one store. Returns whether there was one before.
fn write_in(store: Store, inode: u64, text: Path<'_>) -> Result<bool, Errno> {
    let mut path = StorePath::new();
    store.record(inode, &mut path)?;
    match kernel::symlinkat(text, AT_FDCWD, Path::new(path.with_nul())) {
        Err(Errno::EXIST) => {}
        other => return other.map(|()| false),
    }
    let mut temporary = StorePath::new();
    temporary_in(store, &mut temporary)?;
    replace(Path::new(temporary.with_nul()), Path::new(path.with_nul()), text).map(|()| true)
}

/// Makes a symlink in the store, or replaces the text of an existing one.
///
/// # Errors
/// The errnos of symlink(2) and rename(2).
pub(super) fn link(text: Path<'_>, path: &mut StorePath) -> Result<(), Errno> {
    match kernel::symlinkat(text, AT_FDCWD, Path::new(path.with_nul())) {
        Err(Errno::EXIST) => {}
        other => return other,
    }
    let mut temporary = StorePath::new();
    temporary_name(&mut temporary)?;
    replace(Path::new(temporary.with_nul()), Path::new(path.with_nul()), text)
}

/// Replaces a record by another in one step.
fn replace(temporary: Path<'_>, record: Path<'_>, text: Path<'_>) -> Result<(), Errno> {
    kernel::symlinkat(text, AT_FDCWD, temporary)?;
    let moved = kernel::rename((AT_FDCWD, temporary), (AT_FDCWD, record), 0);
    moved.inspect_err(|_| {
        let _ = kernel::unlinkat(AT_FDCWD, temporary, 0);
    })
}

/// Writes a host path in the store that no other thread uses now. Removes a file that a killed
/// thread left there.
///
/// # Errors
/// ENAMETOOLONG.
pub(super) fn temporary_name(out: &mut StorePath) -> Result<(), Errno> {
    temporary_in(Store::OWN, out)
}

fn temporary_in(store: Store, out: &mut StorePath) -> Result<(), Errno> {
    store.directory(out)?;
    out.extend(b"/new-")?;
    out.extend(Decimal::new(kernel::gettid().into()).bytes())?;
    let _ = kernel::unlinkat(AT_FDCWD, Path::new(out.with_nul()), 0);
    Ok(())
}

/// Removes the record of a file that was removed, or that needs none.
pub(super) fn forget(stat: &Stat) {
    let mut path = StorePath::new();
    let mut had = false;
    for store in stores().rev() {
        if store.record(stat.st_ino, &mut path).is_ok() {
            had |= kernel::unlinkat(AT_FDCWD, Path::new(path.with_nul()), 0).is_ok();
        }
    }
    if had {
        each_inner(stat.st_ino, |record| {
            let _ = kernel::unlinkat(AT_FDCWD, record, 0);
        });
    }
    if stat.st_mode & raw::S_IFMT == raw::S_IFSOCK {
        marks::forget(stat);
    }
}

/// Visits the paths of an inode's records in the stores of roots in this root's tree. They have no
/// records that this store lacks.
fn each_inner(inode: u64, mut visit: impl FnMut(Path<'_>)) {
    let mut path = StorePath::new();
    let flags = raw::O_RDONLY | raw::O_DIRECTORY | raw::O_NOFOLLOW | raw::O_CLOEXEC;
    let Ok(()) = in_store(b"/inner/", b"", &mut path) else { return };
    let len = path.len();
    let Ok(all) = kernel::openat(AT_FDCWD, Path::new(path.with_nul()), flags, 0) else { return };
    let mut listing = Listing::<1024>::new();
    while let Ok(Some((_, name))) = listing.next(all.number()) {
        path.truncate(len);
        let place = [Path::new(name).bytes(), b"/owners/", Decimal::new(inode).bytes()]
            .iter()
            .try_for_each(|part| path.extend(part));
        if place.is_ok() {
            visit(Path::new(path.with_nul()));
        }
    }
}
