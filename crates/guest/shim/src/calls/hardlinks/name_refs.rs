//! Changes of a file's name references.

use newroot_abi::Errno;
use newroot_abi::links::{Id, NAMES, token_of};
use newroot_paths::{Buffer, Host, HostBuf};
use newroot_procfs::Decimal;
use newroot_sys::raw;

use super::lock::Lock;
use super::tally::{self, Tally};
use super::{removed, unlikely_number, unlinked};
use crate::hardlinks::name_refs::{NamePath, NameRefs, listed};
use crate::hardlinks::{StorePath, in_store, of_name, root, unless_short};
use crate::kernel::{self, AT_FDCWD, Path};
use crate::resolve;

/// Writes the path of a name in a directory, or nothing if it can't be found out.
pub(super) fn place_of(directory: i32, name: &[u8], out: &mut NamePath) {
    let mut host = HostBuf::new();
    // Where no descriptor can be had, the name is the whole path.
    let whole = match name.first() {
        Some(b'/') => host.assign(name),
        _ => resolve::host_path(directory, &mut host)
            .and_then(|()| host.extend(b"/"))
            .and_then(|()| host.extend(name)),
    };
    let place = whole.ok().and_then(|()| host.bytes().strip_prefix(root()));
    if out.assign(place.unwrap_or(&[])).is_err() {
        out.clear();
    }
}

/// Text of a reference to a name whose path isn't known.
const SOMEWHERE: &[u8] = b"?";

/// Adds a reference to a name that is made next. An interruption can leave one reference too many,
/// but never one too few.
///
/// # Errors
/// ENOENT if the file has lost its last name; the errnos of symlink(2).
pub(super) fn add(id: Id, place: &mut NamePath, name_ref: &mut StorePath) -> Result<(), Errno> {
    const TRIES: u64 = 64;
    if place.is_empty() {
        place.assign(SOMEWHERE)?;
    }
    for salt in 0..TRIES {
        let number = if salt == 0 { token_of(place.bytes()) } else { unlikely_number(salt ^ id.0) };
        in_store(id, NAMES, name_ref)?;
        name_ref.extend(b"/")?;
        name_ref.extend(Decimal::new(number).bytes())?;
        match kernel::symlinkat(Path::new(place.with_nul()), AT_FDCWD, Path::new(name_ref.with_nul())) {
            Err(Errno::EXIST) => {}
            other => return other,
        }
    }
    Err(Errno::EXIST)
}

/// Returns the number of a file's names; 0 if it has lost its last.
///
/// # Errors
/// EMFILE.
pub(super) fn count(id: Id) -> Result<u32, Errno> {
    match tally::noted(id) {
        Ok(Some(count)) => Ok(count),
        _ => listed(id),
    }
}

/// The reference to a name that is removed next. It is found before the name is removed, so that
/// nothing can be missing then.
pub(super) struct Departure {
    id: Id,
    refs: NameRefs,
    name_ref: Buffer<Host, 64>,
    tally: Tally,
}

impl Departure {
    /// Finds the reference to a name, or any reference if none has its path. `None` if the file has
    /// no references.
    ///
    /// # Errors
    /// EMFILE, ENFILE or ENOMEM.
    pub(super) fn prepare(lock: &Lock, id: Id, place: &[u8]) -> Result<Option<Self>, Errno> {
        let Some(mut refs) = unless_short(NameRefs::of(id))? else { return Ok(None) };
        let mut name_ref = Buffer::<Host, 64>::new();
        if place.is_empty() || !refs.find(place, &mut name_ref) {
            refs.listing.rewind(refs.directory.number())?;
            match refs.next() {
                Some(any) => name_ref.assign(any.strip_suffix(b"\0").unwrap_or(any))?,
                None => name_ref.clear(),
            }
        }
        let tally = Tally::begin(lock, id);
        refs.failed.map_or(Ok(Some(Self { id, refs, name_ref, tally })), Err)
    }

    /// Removes the reference after the name. With the last reference goes the file.
    pub(super) fn complete(mut self) {
        let directory = self.refs.directory.number();
        let mut is_gone = kernel::unlinkat(directory, Path::new(self.name_ref.with_nul()), 0).is_ok();
        if !is_gone {
            // Another process removed it first.
            let _ = self.refs.listing.rewind(directory);
            while !is_gone && let Some(name_ref) = self.refs.next() {
                is_gone = kernel::unlinkat(directory, Path::new(name_ref), 0).is_ok();
            }
        }
        let Self { id, refs, tally, .. } = self;
        drop(refs);
        let mut path = StorePath::new();
        // The directory is only removed if it is empty.
        if in_store(id, NAMES, &mut path).and_then(|()| removed(&mut path)).is_ok() {
            forget(id);
        } else if is_gone {
            tally.note(-1);
        }
    }
}

/// Removes a file without names, and its directory.
pub(super) fn forget(id: Id) {
    let mut path = StorePath::new();
    if in_store(id, newroot_abi::links::FILE, &mut path).is_ok() {
        let _ = unlinked(&mut path);
    }
    if in_store(id, NAMES, &mut path).is_ok() {
        let _ = removed(&mut path);
    }
    if in_store(id, b"", &mut path).is_ok() {
        let _ = removed(&mut path);
    }
}

/// Removes the parts of a file that wasn't moved into the store after all. A file that was moved
/// and can't be moved back stays.
pub(super) fn abandon(id: Id) {
    let mut path = StorePath::new();
    let kept = in_store(id, newroot_abi::links::FILE, &mut path);
    let kept =
        kept.and_then(|()| kernel::fstatat(AT_FDCWD, Path::new(path.with_nul()), raw::AT_SYMLINK_NOFOLLOW));
    let begun = match kept {
        // The link that was to be exchanged with the file.
        Ok(_) => of_name(AT_FDCWD, Path::new(path.with_nul())) == Ok(Some(id)),
        Err(error) => error == Errno::NOENT,
    };
    if !begun {
        return;
    }
    if let Ok(mut refs) = NameRefs::of(id) {
        let directory = refs.directory.number();
        while let Some(name_ref) = refs.next() {
            let _ = kernel::unlinkat(directory, Path::new(name_ref), 0);
        }
    }
    forget(id);
}

/// Changes the path in the reference to a name. A failure does no harm.
pub(super) fn moved(lock: &Lock, id: Id, from: &[u8], to: &mut NamePath) {
    let (mut found, mut name_ref) = (Buffer::<Host, 64>::new(), StorePath::new());
    let known = NameRefs::of(id).is_ok_and(|mut refs| refs.find(from, &mut found));
    let tally = Tally::begin(lock, id);
    // The new one first, so that there is never one too few.
    if known && add(id, to, &mut name_ref).is_ok() {
        let mut old = StorePath::new();
        let removed = in_store(id, NAMES, &mut old)
            .and_then(|()| old.extend(b"/"))
            .and_then(|()| old.extend(found.bytes()))
            .and_then(|()| unlinked(&mut old));
        tally.note(if removed.is_ok() { 0 } else { 1 });
    }
}
