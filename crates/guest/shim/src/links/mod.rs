//! Hard links where the host refuses them (PRoot's `--link2symlink`); [`newroot_abi::links`] says how they lie on
//! the disk.
//!
//! A file that got a second name lies in the root's store, and its names are symbolic links that the guest never
//! sees. The walk finds the file in their place (`resolve`), so that whatever looks at a file, opens it or
//! changes it needs no thought. What is left to do is here: [`make()`] gives a file another name, [`remove`] takes one
//! away or moves it, [`seen`] counts names and shows them. Only sessions with [`Flags::LINKS`] pay for any of it.

mod lock;
mod make;
mod remove;
mod seen;
mod tally;
mod tokens;

use newroot_abi::links::{Id, TEXT_LEN};
use newroot_abi::plan::{self, Flags};
use newroot_abi::{Errno, PATH_MAX};
use newroot_paths::{Buffer, GuestBuf, Host, HostBuf};
use newroot_sys::raw;

use crate::host::{self, AT_FDCWD, Path};
use crate::memory;
use crate::resolve::{Anchored, Entry};
use crate::session::session;
use crate::slots::Operand;

pub use make::{Source, give_name, is_refusal};
pub use remove::{rename, unlink};
pub(crate) use seen::amend_count;
pub use seen::{amend_listing, of_descriptor, to_a_name};

/// A path in the store.
type StorePath = Buffer<Host, PATH_MAX>;

/// Whether the session has such links.
#[must_use]
#[inline]
pub fn on() -> bool {
    session().has(Flags::LINKS)
}

/// Host path of the root whose links are meant; empty for the host's own.
fn root() -> &'static [u8] {
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

/// The file that a symbolic link's text is a name of.
#[must_use]
pub fn of_text(text: &[u8]) -> Option<Id> {
    if on() { Id::of_text(text) } else { None }
}

/// The file that lies at a host path.
#[must_use]
pub fn of_path(host: &[u8]) -> Option<Id> {
    if on() { Id::of_path(host, root()) } else { None }
}

/// The file that the name at a host path is one of; `None` if that is anything else. A link is read only if its text
/// can be one, for reading shows in its time of access.
fn of_name(directory: i32, name: Path<'_>) -> Result<Option<Id>, Errno> {
    let stat = host::fstatat(directory, name, raw::AT_SYMLINK_NOFOLLOW | raw::AT_EMPTY_PATH);
    let Some(stat) = unless_short(stat)? else { return Ok(None) };
    if stat.st_mode & raw::S_IFMT != raw::S_IFLNK || stat.st_size as usize != TEXT_LEN {
        return Ok(None);
    }
    let mut text = [0u8; TEXT_LEN + 1];
    let len = unless_short(host::readlinkat(directory, name, &mut text))?;
    Ok(len.and_then(|len| text.get(..len)).and_then(Id::of_text))
}

/// What was found; nothing where there is nothing. An error only says that it couldn't be found out.
fn unless_short<T>(found: Result<T, Errno>) -> Result<Option<T>, Errno> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_shortage() => Err(error),
        Err(_) => Ok(None),
    }
}

/// The file that an entry is a name of.
///
/// # Errors
/// What has run out, where that couldn't be found out.
pub fn at(entry: &Entry, operand: &mut Operand) -> Result<Option<Id>, Errno> {
    if !on() || operand.name.bytes().ends_with(b"/") {
        return Ok(None);
    }
    of_name(entry.directory(), Path::new(operand.name.with_nul()))
}

/// The same of a symbolic link that was opened with O_PATH.
///
/// # Errors
/// As for [`at`].
pub fn of_link(descriptor: i32) -> Result<Option<Id>, Errno> {
    if on() { of_name(descriptor, Path::new(b"\0")) } else { Ok(None) }
}

/// Writes where the file lies.
///
/// # Errors
/// ENAMETOOLONG.
pub fn locate(id: Id, host: &mut HostBuf) -> Result<(), Errno> {
    host.assign(root())?;
    host.extend(&id.text())
}

/// What a symbolic link says that has several names, once `text` has turned out to be that of one of them. The result is
/// false if it is no link, but another file: then `host` is where that lies.
///
/// # Errors
/// ENOENT if it has just lost its last name.
pub fn read_link(id: Id, host: &mut HostBuf, text: &mut GuestBuf) -> Result<bool, Errno> {
    locate(id, host)?;
    let said = {
        let at = Anchored::new(host)?;
        host::readlinkat(at.directory(), at.path(), text.space())
    };
    match said {
        Ok(len) => {
            text.set_len(len);
            Ok(true)
        }
        Err(Errno::INVAL) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Looks whether a host path is that of a name, and writes where the file lies in its place.
///
/// # Errors
/// ENAMETOOLONG.
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

/// Writes the host path of a file's own directory, or of something in it.
fn in_store(id: Id, name: &[u8], out: &mut StorePath) -> Result<(), Errno> {
    out.assign(root())?;
    out.extend(&id.directory())?;
    if name.is_empty() {
        return Ok(());
    }
    out.extend(b"/")?;
    out.extend(name)
}

/// A number that hardly anybody else has.
fn unlikely_number(salt: u64) -> u64 {
    let mixed = host::nanoseconds() ^ u64::from(host::gettid()) << 40 ^ salt.rotate_left(20);
    // The finalizer of SplitMix64: each bit depends on each.
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

fn unlinked(path: &mut StorePath) -> Result<(), Errno> {
    host::unlinkat(AT_FDCWD, Path::new(path.with_nul()), 0)
}

fn removed(path: &mut StorePath) -> Result<(), Errno> {
    host::unlinkat(AT_FDCWD, Path::new(path.with_nul()), raw::AT_REMOVEDIR)
}
