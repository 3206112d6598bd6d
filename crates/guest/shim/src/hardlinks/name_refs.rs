//! The name references of a file: one for each of its names.

use newroot_abi::links::{Id, NAMES, token_of};
use newroot_abi::{Errno, PATH_MAX};
use newroot_paths::{Buffer, Host};
use newroot_procfs::Decimal;
use newroot_sys::raw;

use super::{StorePath, in_store, root};
use crate::kernel::{self, AT_FDCWD, Descriptor, Listing, Path};

/// Buffer for the path of a name in the root. A longer path isn't recorded.
pub(crate) type NamePath = Buffer<Host, PATH_MAX>;

/// An iterator over the name references of a file.
pub(crate) struct NameRefs {
    pub(crate) directory: Descriptor,
    pub(crate) listing: Listing<1024>,
    /// The error that ended the listing early.
    pub(crate) failed: Option<Errno>,
}

impl NameRefs {
    /// Opens the directory of a file's name references.
    ///
    /// # Errors
    /// ENOENT if the file has lost its last name; EMFILE.
    pub(crate) fn of(id: Id) -> Result<Self, Errno> {
        let mut path = StorePath::new();
        in_store(id, NAMES, &mut path)?;
        let flags = raw::O_RDONLY | raw::O_DIRECTORY | raw::O_CLOEXEC;
        let directory = kernel::openat(AT_FDCWD, Path::new(path.with_nul()), flags, 0)?;
        Ok(Self { directory, listing: Listing::new(), failed: None })
    }

    /// Returns the next name reference's own name, with its NUL; `None` at the end. If the listing
    /// fails, `failed` holds the error.
    pub(crate) fn next(&mut self) -> Option<&[u8]> {
        match self.listing.next(self.directory.number()) {
            Ok(entry) => entry.map(|(_, name)| name),
            Err(error) => {
                self.failed = Some(error);
                None
            }
        }
    }

    /// Returns whether a name reference records this path.
    fn records(directory: i32, name_ref: &[u8], place: &[u8]) -> bool {
        let mut text = NamePath::new();
        let read = kernel::readlinkat(directory, Path::new(name_ref), text.space());
        read.is_ok_and(|len| {
            text.set_len(len);
            text.bytes() == place
        })
    }

    /// Writes the first name reference that records this path: the one named after the path's
    /// token, or else any. Returns false if there is none.
    pub(crate) fn find(&mut self, place: &[u8], out: &mut Buffer<Host, 64>) -> bool {
        let directory = self.directory.number();
        let called = out.assign(Decimal::new(token_of(place)).bytes());
        if called.is_ok() && Self::records(directory, out.with_nul(), place) {
            return true;
        }
        out.clear();
        while let Some(name_ref) = self.next() {
            if Self::records(directory, name_ref, place) {
                return out.assign(name_ref.strip_suffix(b"\0").unwrap_or(name_ref)).is_ok();
            }
        }
        false
    }
}

/// Counts a file's names by listing them; 0 if it has lost its last one.
///
/// # Errors
/// EMFILE.
pub(crate) fn listed(id: Id) -> Result<u32, Errno> {
    let mut refs = match NameRefs::of(id) {
        Err(Errno::NOENT) => return Ok(0),
        refs => refs?,
    };
    let mut count = 0;
    while refs.next().is_some() {
        count += 1;
    }
    refs.failed.map_or(Ok(count), Err)
}

/// Writes the host path of one of the file's names. Returns false if no name reference leads to
/// one.
pub(crate) fn any_name(id: Id, out: &mut StorePath) -> bool {
    let Ok(mut refs) = NameRefs::of(id) else { return false };
    let directory = refs.directory.number();
    let mut place = NamePath::new();
    while let Some(name_ref) = refs.next() {
        let Ok(len) = kernel::readlinkat(directory, Path::new(name_ref), place.space()) else { continue };
        place.set_len(len);
        let written = place.bytes().first() == Some(&b'/')
            && out.assign(root()).and_then(|()| out.extend(place.bytes())).is_ok();
        if written && super::of_name(AT_FDCWD, Path::new(out.with_nul())) == Ok(Some(id)) {
            return true;
        }
    }
    false
}
