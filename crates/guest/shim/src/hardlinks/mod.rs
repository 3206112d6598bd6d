//! Reads hard links that newroot makes where the host refuses them (PRoot's `--link2symlink`).
//! [`newroot_abi::links`] describes their layout on disk.
//!
//! A file that got a second name lies in the root's store. Its names are symbolic links that the
//! guest never sees. The walk (`resolve`) finds the file in their place, so that calls that
//! examine, open or change a file need no code for them.
//! [`calls::hardlinks`](crate::calls::hardlinks) makes, removes and counts names. Only sessions
//! with [`Flags::LINKS`] pay for any of it.

pub(crate) mod name_refs;
mod seen;

use newroot_abi::links::{Id, TEXT_LEN};
use newroot_abi::plan::{self, Flags};
use newroot_abi::{Errno, PATH_MAX};
use newroot_paths::{Buffer, GuestBuf, Host, HostBuf};
use newroot_sys::raw;

use crate::host_path::Anchored;
use crate::kernel::{self, Path};
use crate::memory;
use crate::session::session;

pub use seen::{of_descriptor, to_a_name};

/// A host path in the store.
pub(crate) type StorePath = Buffer<Host, PATH_MAX>;

/// Returns whether the session has such links.
#[must_use]
#[inline]
pub fn on() -> bool {
    session().has(Flags::LINKS)
}

/// Returns the host path of the root in whose store the files lie; empty for the host's own root.
pub(crate) fn root() -> &'static [u8] {
    let at = session().strings.get(plan::LINKS).copied().unwrap_or(0);
    let root = memory::owned_string(at);
    root.strip_suffix(b"/").unwrap_or(root)
}

/// Writes the host path of the directory of links.
///
/// # Errors
/// ENAMETOOLONG.
pub fn directory(host: &mut HostBuf) -> Result<(), Errno> {
    host.assign(root())?;
    host.extend(newroot_abi::links::DIRECTORY)
}

/// Returns the file that a symbolic link with this text is a name of.
#[must_use]
pub fn of_text(text: &[u8]) -> Option<Id> {
    if on() { Id::of_text(text) } else { None }
}

/// Returns the file that lies at a host path.
#[must_use]
pub fn of_path(host: &[u8]) -> Option<Id> {
    if on() { Id::of_path(host, root()) } else { None }
}

/// Returns the file that `name` in a directory is a name of; `None` if it is anything else. Reads a
/// link only if its length is that of such a name, because reading changes its access time.
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM if the kernel can't answer.
pub(crate) fn of_name(directory: i32, name: Path<'_>) -> Result<Option<Id>, Errno> {
    let stat = kernel::fstatat(directory, name, raw::AT_SYMLINK_NOFOLLOW | raw::AT_EMPTY_PATH);
    let Some(stat) = unless_short(stat)? else { return Ok(None) };
    if stat.st_mode & raw::S_IFMT != raw::S_IFLNK || stat.st_size as usize != TEXT_LEN {
        return Ok(None);
    }
    let mut text = [0u8; TEXT_LEN + 1];
    let len = unless_short(kernel::readlinkat(directory, name, &mut text))?;
    Ok(len.and_then(|len| text.get(..len)).and_then(Id::of_text))
}

/// Returns the result of a search, with `None` in place of an error that says that nothing was
/// found.
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM: the search itself failed.
pub(crate) fn unless_short<T>(found: Result<T, Errno>) -> Result<Option<T>, Errno> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_shortage() => Err(error),
        Err(_) => Ok(None),
    }
}

/// Returns the file that a symbolic link, opened with O_PATH, is a name of.
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM if the kernel can't answer.
pub fn of_link(descriptor: i32) -> Result<Option<Id>, Errno> {
    if on() { of_name(descriptor, Path::new(b"\0")) } else { Ok(None) }
}

/// Writes the host path of the file in the store.
///
/// # Errors
/// ENAMETOOLONG.
pub fn locate(id: Id, host: &mut HostBuf) -> Result<(), Errno> {
    host.assign(root())?;
    host.extend(&id.text())
}

/// Reads a symbolic link that has several names, after `text` has turned out to be the text of one
/// of them. Returns false if the file is no symbolic link; `host` is then its path in the store.
///
/// # Errors
/// ENOENT if the file has just lost its last name.
pub fn read_link(id: Id, host: &mut HostBuf, text: &mut GuestBuf) -> Result<bool, Errno> {
    locate(id, host)?;
    let read = {
        let at = Anchored::new(host)?;
        kernel::readlinkat(at.directory(), at.path(), text.space())
    };
    match read {
        Ok(len) => {
            text.set_len(len);
            Ok(true)
        }
        Err(Errno::INVAL) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Replaces a host path that is a name of a file by the file's path in the store. Returns whether
/// it is one.
///
/// # Errors
/// ENAMETOOLONG; EMFILE, ENFILE, ENOMEM if the kernel can't answer.
pub fn follow(host: &mut HostBuf) -> Result<bool, Errno> {
    if !on() {
        return Ok(false);
    }
    let named = {
        let at = Anchored::new(host)?;
        of_name(at.directory(), at.path())?
    };
    match named {
        Some(id) => locate(id, host).map(|()| true),
        None => Ok(false),
    }
}

/// Writes the host path of a file's own directory in the store, or of `name` in it.
pub(crate) fn in_store(id: Id, name: &[u8], out: &mut StorePath) -> Result<(), Errno> {
    out.assign(root())?;
    out.extend(&id.directory())?;
    if name.is_empty() {
        return Ok(());
    }
    out.extend(b"/")?;
    out.extend(name)
}
