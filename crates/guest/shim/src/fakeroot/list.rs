//! Access control lists of files (acl(5)). They are kept under another name than the kernel's.

use newroot_abi::Errno;
use newroot_fakeroot::Owned;
use newroot_fakeroot::acl::{self, OnCreation};

use super::file::{File, GuestStat, Route, bears_attributes};
use super::names::{ACCESS, DEFAULT};
use crate::kernel::{self, Path};

/// Size limit of a list, in bytes.
pub(super) const LIST_MAX: usize = 4096;

fn read<'a>(file: File<'_>, name: &[u8], room: &'a mut [u8; LIST_MAX]) -> Result<Option<&'a [u8]>, Errno> {
    match file.attribute(name, room) {
        Ok(len) => Ok(room.get(..len).filter(|list| matches!(acl::check(list), Ok(true)))),
        // The list may deny what the mode grants.
        Err(error) if error.is_shortage() => Err(error),
        Err(_) => Ok(None),
    }
}

fn write(file: File<'_>, name: &[u8], list: &[u8]) -> Result<(), Errno> {
    kernel::setxattr(Route::to(file)?.path(), Path::new(name), list, 0)
}

/// Asks a rule about a file with its list.
///
/// # Errors
/// The rule's errno; EMFILE, ENFILE or ENOMEM if the list can't be read.
#[inline(never)]
pub(super) fn ask<T>(
    file: File<'_>,
    seen: &GuestStat,
    rule: impl FnOnce(&Owned<'_>) -> Result<T, Errno>,
) -> Result<T, Errno> {
    let mut room = [0u8; LIST_MAX];
    let acl = if bears_attributes(seen.mode) { read(file, ACCESS, &mut room)? } else { None };
    rule(&Owned { acl, ..seen.owned() })
}

/// Changes a file's mode with `change`, and adapts its list to the new mode.
///
/// # Errors
/// The errno of `change`, which runs after all other checks; the errnos of setxattr(2).
#[inline(never)]
pub(super) fn with_mode(
    file: File<'_>,
    mode: u32,
    change: impl FnOnce() -> Result<(), Errno>,
) -> Result<(), Errno> {
    let [mut room, mut changed] = [[0u8; LIST_MAX]; 2];
    let Some(list) = read(file, ACCESS, &mut room)? else { return change() };
    let len = acl::after_chmod(list, mode, &mut changed)?;
    change()?;
    write(file, ACCESS, changed.get(..len).unwrap_or(&[]))
}

/// The default list of a directory, which new files inherit.
pub(super) struct Inherited {
    room: [u8; LIST_MAX],
    len: usize,
}

impl Inherited {
    /// Reads a directory's default list.
    ///
    /// # Errors
    /// EMFILE, ENFILE or ENOMEM if it can't be read.
    pub(super) fn from(directory: File<'_>) -> Result<Self, Errno> {
        let mut room = [0u8; LIST_MAX];
        let len = read(directory, DEFAULT, &mut room)?.map_or(0, <[u8]>::len);
        Ok(Self { room, len })
    }

    fn list(&self) -> Option<&[u8]> {
        self.room.get(..self.len).filter(|list| !list.is_empty())
    }

    /// Returns the mode of a new file that is made with mode `asked`. `None` if there is no list to
    /// inherit.
    pub(super) fn mode(&self, asked: u32) -> Option<u32> {
        let mut access = [0u8; LIST_MAX];
        acl::on_creation(Some(self.list()?), asked, 0, &mut access).ok().map(|new| new.mode)
    }

    /// Sets the inherited lists of a new file.
    ///
    /// # Errors
    /// The errnos of setxattr(2).
    pub(super) fn give(&self, file: File<'_>, asked: u32) -> Result<(), Errno> {
        let Some(list) = self.list().filter(|_| bears_attributes(asked)) else { return Ok(()) };
        let mut room = [0u8; LIST_MAX];
        let OnCreation { access, inherits_default, .. } = acl::on_creation(Some(list), asked, 0, &mut room)?;
        if let Some(access) = access.and_then(|len| room.get(..len)) {
            write(file, ACCESS, access)?;
        }
        if inherits_default { write(file, DEFAULT, list) } else { Ok(()) }
    }
}
