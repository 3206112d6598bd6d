//! Records of files that bear no attributes: symbolic links, FIFOs, sockets, stand-ins for devices, and
//! everything on a file system that has no `user.` attributes.
//!
//! Each is a symbolic link in the store's `owners` directory, named after the file's inode number, whose
//! target is the record's text. A symbolic link is made and replaced in one step, so that neither another
//! process nor a full disk nor SIGKILL ever leaves half a record. An inode number that was given to another
//! file is told by when the file was made.

use newroot_abi::Errno;
use newroot_owner::Record;
use newroot_owner::record::TEXT_MAX;
use newroot_paths::{Buffer, Host};
use newroot_procfs::Decimal;
use newroot_sys::raw;

use super::file::File;
use super::stand_in;
use crate::calls::list::entries::{Entry, is_at};
use crate::host::{self, AT_FDCWD, Path, Stat};
use crate::session::session;

/// Room for a host path in the store.
pub(crate) type StorePath = Buffer<Host, { newroot_abi::PATH_MAX }>;

/// Writes the host path of the directory that has the records.
///
/// # Errors
/// ENAMETOOLONG.
pub(crate) fn directory(out: &mut StorePath) -> Result<(), Errno> {
    in_store(b"/owners", b"", out)
}

/// Host path of the store: the session's file lies in its `sessions`.
fn store() -> &'static [u8] {
    let parent = |path: &'static [u8]| {
        let slash = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
        path.get(..slash).unwrap_or(&[])
    };
    parent(parent(session().file().bytes()))
}

/// Writes the host path of something in the store.
///
/// # Errors
/// ENAMETOOLONG.
pub(super) fn in_store(directory: &[u8], name: &[u8], out: &mut StorePath) -> Result<(), Errno> {
    out.assign(store())?;
    out.extend(directory)?;
    out.extend(name)
}

/// The store's name in the root.
pub(super) const NAME: &[u8] = newroot_abi::STORE.as_bytes();

/// Whether an entry of a directory's listing is the store, wherever it is seen.
#[must_use]
pub(super) fn is_store(entry: &Entry<'_>, directory: i32) -> bool {
    let mut path = StorePath::new();
    in_store(b"", b"", &mut path).is_ok() && is_at(entry, directory, &mut path)
}

/// Whether a file of this inode number may have a record here; false is certain.
#[must_use]
pub(crate) fn may_have(inode: u64) -> bool {
    let mut path = StorePath::new();
    let mut text = [0u8; 1];
    path_of(inode, &mut path).is_err()
        || host::readlinkat(AT_FDCWD, Path::new(path.with_nul()), &mut text) != Err(Errno::NOENT)
}

/// The mode recorded for an inode that a listing shows; that it is of another file by now is as good as excluded,
/// for a file's record goes with its last name.
///
/// # Errors
/// What has run out.
pub(super) fn mode_of(inode: u64) -> Result<Option<u32>, Errno> {
    Ok(recorded(inode)?.and_then(|record| record.mode))
}

/// The record that lies here for an inode, of whatever file that had its number.
fn recorded(inode: u64) -> Result<Option<Record>, Errno> {
    let mut path = StorePath::new();
    path_of(inode, &mut path)?;
    let mut text = [0u8; TEXT_MAX];
    match host::readlinkat(AT_FDCWD, Path::new(path.with_nul()), &mut text) {
        Ok(len) => Ok(text.get(..len).and_then(|text| Record::decode_text(text).ok())),
        // To take it for nothing would be to forget it with the next change.
        Err(error) if error.is_shortage() => Err(error),
        Err(_) => Ok(None),
    }
}

fn path_of(inode: u64, out: &mut StorePath) -> Result<(), Errno> {
    in_store(b"/owners/", Decimal::new(inode).bytes(), out)
}

/// What is recorded of a file.
///
/// # Errors
/// What has run out.
pub(super) fn read(file: File<'_>, stat: &Stat) -> Result<Record, Errno> {
    let Some(record) = recorded(stat.st_ino)? else { return Ok(Record::NONE) };
    match (record.birth, file.birth()) {
        (Some(recorded), Ok(Some(birth))) if recorded != birth => Ok(Record::NONE),
        (_, Ok(_)) => Ok(record),
        (_, Err(error)) if error.is_shortage() => Err(error),
        (_, Err(_)) => Ok(Record::NONE),
    }
}

/// Records what there is to remember of a file.
///
/// # Errors
/// Those of symlink(2) and rename(2).
pub(super) fn write(file: File<'_>, stat: &Stat, record: &Record) -> Result<(), Errno> {
    let record = Record { birth: file.birth()?, ..*record };
    let mut text = [0u8; TEXT_MAX + 1];
    let len = text.first_chunk_mut().map_or(0, |room| record.encode_text(room));
    let text = Path::new(text.get(..=len).ok_or(Errno::NAMETOOLONG)?);
    let mut path = StorePath::new();
    path_of(stat.st_ino, &mut path)?;
    link(text, &mut path)
}

/// Writes the host path of the link that says where a stand-in lies; see [`stand_in`].
///
/// # Errors
/// ENAMETOOLONG.
pub(super) fn path_of_name(inode: u64, out: &mut StorePath) -> Result<(), Errno> {
    in_store(b"/owners/", b"at-", out)?;
    out.extend(Decimal::new(inode).bytes())
}

/// Makes a symbolic link in the store, or gives one that is there another text.
///
/// # Errors
/// Those of symlink(2) and rename(2).
pub(super) fn link(text: Path<'_>, path: &mut StorePath) -> Result<(), Errno> {
    match host::symlinkat(text, AT_FDCWD, Path::new(path.with_nul())) {
        Err(Errno::EXIST) => {}
        other => return other,
    }
    let mut temporary = StorePath::new();
    temporary_name(&mut temporary)?;
    host::symlinkat(text, AT_FDCWD, Path::new(temporary.with_nul()))?;
    let from = (AT_FDCWD, Path::new(temporary.with_nul()));
    let moved = host::rename(from, (AT_FDCWD, Path::new(path.with_nul())), 0);
    moved.inspect_err(|_| {
        let _ = host::unlinkat(from.0, from.1, 0);
    })
}

/// Writes a host path in the store that no other thread uses now. What a killed one left there goes.
///
/// # Errors
/// ENAMETOOLONG.
pub(super) fn temporary_name(out: &mut StorePath) -> Result<(), Errno> {
    in_store(b"/owners/", b"new-", out)?;
    out.extend(Decimal::new(host::gettid().into()).bytes())?;
    let _ = host::unlinkat(AT_FDCWD, Path::new(out.with_nul()), 0);
    Ok(())
}

/// Forgets a file that is no more, or of which there is nothing to remember.
pub(super) fn forget(stat: &Stat) {
    let mut path = StorePath::new();
    if path_of(stat.st_ino, &mut path).is_ok() {
        let _ = host::unlinkat(AT_FDCWD, Path::new(path.with_nul()), 0);
    }
    if stat.st_mode & raw::S_IFMT == raw::S_IFSOCK {
        stand_in::forget(stat);
    }
}
