//! The access control lists of files (acl(5)), which are kept under another name than the kernel's own.

use newroot_abi::Errno;
use newroot_fakeroot::Owned;
use newroot_fakeroot::acl::{self, OnCreation};

use super::file::{File, Route, Seen, bears_attributes};
use super::names::{ACCESS, DEFAULT};
use crate::host::{self, Path};

/// The longest list that is kept, in bytes.
pub(super) const ROOM: usize = 4096;

fn read<'a>(file: File<'_>, name: &[u8], room: &'a mut [u8; ROOM]) -> Result<Option<&'a [u8]>, Errno> {
    match file.attribute(name, room) {
        Ok(len) => Ok(room.get(..len).filter(|list| matches!(acl::check(list), Ok(true)))),
        // It may refuse what the mode grants.
        Err(error) if error.is_shortage() => Err(error),
        Err(_) => Ok(None),
    }
}

fn write(file: File<'_>, name: &[u8], list: &[u8]) -> Result<(), Errno> {
    host::setxattr(Route::to(file)?.path(), Path::new(name), list, 0)
}

/// Asks a rule about a file with its list.
///
/// # Errors
/// What has run out; the rule's.
#[inline(never)]
pub(super) fn ask<T>(
    file: File<'_>,
    seen: &Seen,
    rule: impl FnOnce(&Owned<'_>) -> Result<T, Errno>,
) -> Result<T, Errno> {
    let mut room = [0u8; ROOM];
    let acl = if bears_attributes(seen.mode) { read(file, ACCESS, &mut room)? } else { None };
    rule(&Owned { acl, ..seen.owned() })
}

/// Changes a file's mode by `change`, and has its list say what the new mode does.
///
/// # Errors
/// What `change` gives, before which everything else is found out; setxattr(2)'s.
#[inline(never)]
pub(super) fn with_mode(
    file: File<'_>,
    mode: u32,
    change: impl FnOnce() -> Result<(), Errno>,
) -> Result<(), Errno> {
    let [mut room, mut changed] = [[0u8; ROOM]; 2];
    let Some(list) = read(file, ACCESS, &mut room)? else { return change() };
    let len = acl::after_chmod(list, mode, &mut changed)?;
    change()?;
    write(file, ACCESS, changed.get(..len).unwrap_or(&[]))
}

/// The list that a directory hands down, if it has one.
pub(super) struct Inherited {
    room: [u8; ROOM],
    len: usize,
}

impl Inherited {
    /// Reads a directory's.
    ///
    /// # Errors
    /// What has run out.
    pub(super) fn from(directory: File<'_>) -> Result<Self, Errno> {
        let mut room = [0u8; ROOM];
        let len = read(directory, DEFAULT, &mut room)?.map_or(0, <[u8]>::len);
        Ok(Self { room, len })
    }

    fn list(&self) -> Option<&[u8]> {
        self.room.get(..self.len).filter(|list| !list.is_empty())
    }

    /// The mode of a new file for which `asked` was asked for; `None` if there is nothing to inherit.
    pub(super) fn mode(&self, asked: u32) -> Option<u32> {
        let mut access = [0u8; ROOM];
        acl::on_creation(Some(self.list()?), asked, 0, &mut access).ok().map(|new| new.mode)
    }

    /// Gives a new file the lists that are its.
    ///
    /// # Errors
    /// setxattr(2)'s.
    pub(super) fn give(&self, file: File<'_>, asked: u32) -> Result<(), Errno> {
        let Some(list) = self.list().filter(|_| bears_attributes(asked)) else { return Ok(()) };
        let mut room = [0u8; ROOM];
        let OnCreation { access, inherits_default, .. } = acl::on_creation(Some(list), asked, 0, &mut room)?;
        if let Some(access) = access.and_then(|len| room.get(..len)) {
            write(file, ACCESS, access)?;
        }
        if inherits_default { write(file, DEFAULT, list) } else { Ok(()) }
    }
}
