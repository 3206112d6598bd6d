//! Records of files that bear no attributes: symbolic links, FIFOs, sockets, stand-ins for devices, and
//! everything on a file system that has no `user.` attributes.
//!
//! Each is a symbolic link in the store's `owners` directory, named after the file's inode number, whose
//! target is the record's text. A symbolic link is made and replaced in one step, so that neither another
//! process nor a full disk nor SIGKILL ever leaves half a record. An inode number that was given to another
//! file is told by when the file was made.
//!
//! A root may lie in the tree of another one, whose sessions record files of it in the outer root's store. So the inner
//! root's sessions look into the outer stores first, which the launcher has put into `near`, the outermost one at `0`; and
//! they write into their own store and then into those. The outer root's sessions change what an inner store has, which
//! they find in `inner`. So what the outermost store says of a file is true, and the own one has what is still true when
//! the root is moved away.

use core::sync::atomic::{AtomicUsize, Ordering};

use newroot_abi::Errno;
use newroot_fakeroot::Record;
use newroot_fakeroot::record::TEXT_MAX;
use newroot_paths::{Buffer, Host};
use newroot_procfs::Decimal;
use newroot_sys::raw;

use super::file::File;
use super::stand_in;
use crate::calls::list::entries::{Entry, is_at};
use crate::host::{self, AT_FDCWD, Listing, Path, Stat};
use crate::session::session;

/// Room for a host path in the store.
pub(crate) type StorePath = Buffer<Host, { newroot_abi::PATH_MAX }>;

/// How many outer stores there are.
static OUTER: AtomicUsize = AtomicUsize::new(0);

/// Finds out how many outer stores there are. Once, at the start of a program.
pub(super) fn start() {
    const MOST: usize = 64;
    let mut path = StorePath::new();
    let is_there = |index: &usize| {
        in_store(b"/near/", Decimal::new(*index as u64).bytes(), &mut path).is_ok()
            && host::readlinkat(AT_FDCWD, Path::new(path.with_nul()), &mut [0u8; 1]).is_ok()
    };
    OUTER.store((0..MOST).take_while(is_there).count(), Ordering::Relaxed);
}

/// The stores, outermost first, the own one last.
pub(crate) fn stores() -> impl DoubleEndedIterator<Item = Store> {
    let outer = OUTER.load(Ordering::Relaxed);
    (0..=outer).map(move |index| Store(if index < outer { Some(index) } else { None }))
}

/// An outer store by its number, or the root's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Store(Option<usize>);

impl Store {
    /// Writes the host path of its directory with the records.
    ///
    /// # Errors
    /// ENAMETOOLONG.
    pub(crate) fn directory(self, out: &mut StorePath) -> Result<(), Errno> {
        match self.0 {
            None => in_store(b"/owners", b"", out),
            Some(index) => {
                in_store(b"/near/", Decimal::new(index as u64).bytes(), out)?;
                out.extend(b"/owners")
            }
        }
    }

    fn record(self, inode: u64, out: &mut StorePath) -> Result<(), Errno> {
        self.directory(out)?;
        out.extend(b"/")?;
        out.extend(Decimal::new(inode).bytes())
    }
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
    stores().any(|store| {
        store.record(inode, &mut path).is_err()
            || host::readlinkat(AT_FDCWD, Path::new(path.with_nul()), &mut text) != Err(Errno::NOENT)
    })
}

/// The mode recorded for an inode that a listing shows; that it is of another file by now is as good as excluded,
/// for a file's record goes with its last name.
///
/// # Errors
/// What has run out.
pub(super) fn mode_of(inode: u64) -> Result<Option<u32>, Errno> {
    for store in stores() {
        if let Some(record) = recorded(store, inode)? {
            return Ok(record.mode);
        }
    }
    Ok(None)
}

/// The record that lies in a store for an inode, of whatever file that had its number.
fn recorded(store: Store, inode: u64) -> Result<Option<Record>, Errno> {
    let mut path = StorePath::new();
    store.record(inode, &mut path)?;
    let mut text = [0u8; TEXT_MAX];
    match host::readlinkat(AT_FDCWD, Path::new(path.with_nul()), &mut text) {
        Ok(len) => Ok(text.get(..len).and_then(|text| Record::decode_text(text).ok())),
        // To take it for nothing would be to forget it with the next change.
        Err(error) if error.is_shortage() => Err(error),
        Err(_) => Ok(None),
    }
}

/// What is recorded of a file.
///
/// # Errors
/// What has run out.
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

/// Records what there is to remember of a file.
///
/// # Errors
/// Those of symlink(2) and rename(2).
pub(super) fn write(file: File<'_>, stat: &Stat, record: &Record) -> Result<(), Errno> {
    let record = Record { birth: file.birth()?, ..*record };
    let mut text = [0u8; TEXT_MAX + 1];
    let len = text.first_chunk_mut().map_or(0, |room| record.encode_text(room));
    let text = Path::new(text.get(..=len).ok_or(Errno::NAMETOOLONG)?);
    let mut had = false;
    // What the outermost says counts: it comes last.
    for store in stores().rev() {
        match write_in(store, stat.st_ino, text) {
            // An outer store that is gone, or locked, tells nothing.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCES | Errno::ROFS)
                if store.0.is_some() => {}
            other => had |= other?,
        }
    }
    if had {
        let mut temporary = StorePath::new();
        each_inner(stat.st_ino, |record| {
            let is_there = host::readlinkat(AT_FDCWD, record, &mut [0u8; 1]).is_ok();
            if is_there && temporary_name(&mut temporary).is_ok() {
                let _ = replace(Path::new(temporary.with_nul()), record, text);
            }
        });
    }
    Ok(())
}

/// Whether there was a record.
fn write_in(store: Store, inode: u64, text: Path<'_>) -> Result<bool, Errno> {
    let mut path = StorePath::new();
    store.record(inode, &mut path)?;
    match host::symlinkat(text, AT_FDCWD, Path::new(path.with_nul())) {
        Err(Errno::EXIST) => {}
        other => return other.map(|()| false),
    }
    let mut temporary = StorePath::new();
    temporary_in(store, &mut temporary)?;
    replace(Path::new(temporary.with_nul()), Path::new(path.with_nul()), text).map(|()| true)
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
    replace(Path::new(temporary.with_nul()), Path::new(path.with_nul()), text)
}

/// Replaces a record by another, in one step.
fn replace(temporary: Path<'_>, record: Path<'_>, text: Path<'_>) -> Result<(), Errno> {
    host::symlinkat(text, AT_FDCWD, temporary)?;
    let moved = host::rename((AT_FDCWD, temporary), (AT_FDCWD, record), 0);
    moved.inspect_err(|_| {
        let _ = host::unlinkat(AT_FDCWD, temporary, 0);
    })
}

/// Writes a host path in the store that no other thread uses now. What a killed one left there goes.
///
/// # Errors
/// ENAMETOOLONG.
pub(super) fn temporary_name(out: &mut StorePath) -> Result<(), Errno> {
    temporary_in(Store(None), out)
}

fn temporary_in(store: Store, out: &mut StorePath) -> Result<(), Errno> {
    store.directory(out)?;
    out.extend(b"/new-")?;
    out.extend(Decimal::new(host::gettid().into()).bytes())?;
    let _ = host::unlinkat(AT_FDCWD, Path::new(out.with_nul()), 0);
    Ok(())
}

/// Forgets a file that is no more, or of which there is nothing to remember.
pub(super) fn forget(stat: &Stat) {
    let mut path = StorePath::new();
    let mut had = false;
    for store in stores().rev() {
        if store.record(stat.st_ino, &mut path).is_ok() {
            had |= host::unlinkat(AT_FDCWD, Path::new(path.with_nul()), 0).is_ok();
        }
    }
    if had {
        each_inner(stat.st_ino, |record| {
            let _ = host::unlinkat(AT_FDCWD, record, 0);
        });
    }
    if stat.st_mode & raw::S_IFMT == raw::S_IFSOCK {
        stand_in::forget(stat);
    }
}

/// Visits the places where records of an inode may lie in the stores of roots in this one's tree. They have none that this
/// one doesn't have.
fn each_inner(inode: u64, mut visit: impl FnMut(Path<'_>)) {
    let mut path = StorePath::new();
    let flags = raw::O_RDONLY | raw::O_DIRECTORY | raw::O_NOFOLLOW | raw::O_CLOEXEC;
    let Ok(()) = in_store(b"/inner/", b"", &mut path) else { return };
    let len = path.len();
    let Ok(all) = host::openat(AT_FDCWD, Path::new(path.with_nul()), flags, 0) else { return };
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
