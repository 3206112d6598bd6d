//! Descriptors of devices that the guest made by mknod(2).
//!
//! Such a device is a stand-in. A descriptor of it is a descriptor of the host's device, with which
//! it shares reading, writing and mapping. But in the guest's fstat(2), fchmod(2), futimens(2) and
//! the like, the descriptor stands for the file that was opened. The shim therefore marks the open
//! file with the inode number of the stand-in. The mark is a lock on one byte that the open file
//! description itself owns (`F_OFD_SETLK`). It follows dup, fork, exec and a transfer over a
//! socket, and it disappears with the last descriptor. procfs shows it in `fdinfo`. The store has a
//! symbolic link for each stand-in that was opened; its text is the stand-in's path.
//!
//! This module reads marks; `fakeroot::marks` sets them.
//!
//! A descriptor shows the host's device if that can't be marked, or if the stand-in was removed or
//! was moved together with its directory.

use newroot_abi::{Errno, PATH_MAX};
use newroot_paths::{Buffer, Host, HostBuf};
use newroot_procfs::Decimal;
use newroot_sys::raw;

use crate::call::forward;
use crate::hardlinks;
use crate::host_path::name_descriptor;
use crate::identity::stores::{self, StorePath};
use crate::kernel::{self, AT_FDCWD, Descriptor, Path};
use crate::limits::with_descriptors;
use crate::resolve::procfs::InProcess;

/// Offset of the first byte for marks. No file has this many bytes.
pub(crate) const FIRST: u64 = 1 << 62;
/// Number of low bits of an inode number in a mark.
const INODE_BITS: u32 = 46;
/// Number of bits that distinguish the marks of one stand-in from each other, because two write
/// locks on one byte exclude each other.
pub(crate) const COPY_BITS: u32 = 62 - INODE_BITS;
/// Directory of the host's devices that a stand-in can be opened as.
const DEVICES: &[u8] = b"/dev/";

/// Returns the part of an inode number that fits in a mark.
pub(crate) const fn short(inode: u64) -> u64 {
    inode & ((1 << INODE_BITS) - 1)
}

/// Calls fcntl(2) with a lock, and returns the type of the lock that was found or set.
pub(crate) fn lock(descriptor: i32, command: u32, kind: u32, start: u64, len: u64) -> Result<u32, Errno> {
    let mut asked = raw::flock {
        l_type: kind as i16,
        l_whence: raw::SEEK_SET as i16,
        l_start: start as i64,
        l_len: len as i64,
        l_pid: 0,
    };
    let at = &raw mut asked as usize;
    forward(raw::__NR_fcntl, [descriptor as isize as usize, command as usize, at, 0, 0, 0])?;
    Ok(asked.l_type as u32)
}

/// Returns whether the device of a descriptor may have a mark. If the result is false, it has none.
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM if the kernel can't answer.
pub(crate) fn may_be_marked(descriptor: i32) -> Result<bool, Errno> {
    // A lock that an open file description owns conflicts with a lock of any process, this one
    // included.
    match lock(descriptor, raw::F_GETLK, raw::F_WRLCK, FIRST, 0) {
        Ok(kind) => Ok(kind != raw::F_UNLCK),
        Err(error) if error.is_shortage() => Err(error),
        Err(_) => Ok(false),
    }
}

/// Returns whether a file of this mode may be the host's device that a stand-in was opened as.
#[must_use]
pub(crate) fn is_device(mode: u32) -> bool {
    mode & raw::S_IFMT == raw::S_IFCHR
}

/// Returns the stand-in that a guest descriptor was opened by, as an O_PATH descriptor; `None` if
/// it wasn't opened by one. `mode` is the mode of the descriptor's file.
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM if the kernel can't answer.
// Out of line: keeps this large frame off the common path.
#[inline(never)]
pub(crate) fn of_descriptor(descriptor: i32, mode: u32) -> Result<Option<Descriptor>, Errno> {
    if !is_device(mode) || descriptor < 0 || !may_be_marked(descriptor)? {
        return Ok(None);
    }
    let mut link = Buffer::<Host, 64>::new();
    name_descriptor(descriptor, &mut link)?;
    marked(link.bytes(), &mut HostBuf::new())
}

/// Does the same as [`of_descriptor`] for a descriptor whose mode isn't known.
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM if the kernel can't answer.
pub(crate) fn of_any(descriptor: i32) -> Result<Option<Descriptor>, Errno> {
    if descriptor < 0 || !may_be_marked(descriptor)? {
        return Ok(None);
    }
    match kernel::fstat(descriptor) {
        Ok(stat) => of_descriptor(descriptor, stat.st_mode),
        Err(error) if error.is_shortage() => Err(error),
        Err(_) => Ok(None),
    }
}

/// Returns the stand-in that a descriptor was opened by. `link` is the host path of the
/// descriptor's link in procfs.
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM if the kernel can't answer.
#[inline(never)]
pub(crate) fn of_link(link: &[u8]) -> Result<Option<Descriptor>, Errno> {
    if !InProcess::of(link).is_some_and(|of| of.file.starts_with(b"fd/")) {
        return Ok(None);
    }
    let mut name = HostBuf::new();
    let mut shown = [0u8; DEVICES.len()];
    if name.assign(link).is_err() {
        return Ok(None);
    }
    match kernel::readlinkat(AT_FDCWD, Path::new(name.with_nul()), &mut shown) {
        Ok(_) if shown == DEVICES => marked(link, &mut name),
        Err(error) if error.is_shortage() => Err(error),
        _ => Ok(None),
    }
}

/// Replaces the text of a descriptor's link in procfs by the host path of the stand-in that the
/// descriptor was opened by. Returns false, and leaves the text unchanged, if it wasn't opened by
/// one.
#[inline(never)]
pub(crate) fn show<const N: usize, Side>(process: &[u8], name: &[u8], text: &mut Buffer<Side, N>) -> bool {
    if !text.bytes().starts_with(DEVICES) {
        return false;
    }
    let mut link = HostBuf::new();
    let parts: [&[u8]; 4] = [b"/proc/", process, b"/fd/", name];
    if parts.iter().try_for_each(|part| link.extend(part)).is_err() {
        return false;
    }
    let mut path = HostBuf::new();
    match marked(link.bytes(), &mut path) {
        Ok(Some(_)) => text.assign(path.bytes()).is_ok(),
        _ => false,
    }
}

/// Opens the stand-in that a descriptor's mark refers to, and leaves its host path in `path`.
fn marked(link: &[u8], path: &mut HostBuf) -> Result<Option<Descriptor>, Errno> {
    // The descriptor may be the process's own. The child that works with fewer descriptors must
    // then keep its copy of it.
    let number = link.rsplit(|&byte| byte == b'/').next().and_then(Decimal::parse);
    let keep = number.and_then(|number| i32::try_from(number).ok()).unwrap_or(-1);
    let Some(inode) = with_descriptors([keep, -1], || read_mark(link))? else { return Ok(None) };
    let mut note = StorePath::new();
    if stores::path_of_name(inode, &mut note).is_err() {
        return Ok(None);
    }
    match kernel::readlinkat(AT_FDCWD, Path::new(note.with_nul()), path.space()) {
        Ok(len) => path.set_len(len),
        Err(error) if error.is_shortage() => return Err(error),
        Err(_) => return Ok(None),
    }
    let open = |path: &mut HostBuf| {
        let flags = raw::O_PATH | raw::O_NOFOLLOW | raw::O_CLOEXEC;
        let found = kernel::openat(AT_FDCWD, Path::new(path.with_nul()), flags, 0)?;
        // The stand-in has got several names since, and so lies in the store.
        match hardlinks::of_link(found.number())? {
            None => Ok(found),
            Some(id) => {
                let mut elsewhere = HostBuf::new();
                hardlinks::locate(id, &mut elsewhere)?;
                kernel::openat(AT_FDCWD, Path::new(elsewhere.with_nul()), flags, 0)
            }
        }
    };
    let found = match open(path) {
        Ok(found) => found,
        Err(error) if error.is_shortage() => return Err(error),
        Err(_) => return Ok(None),
    };
    // Meanwhile the name may belong to another file.
    let stat = kernel::fstat(found.number())?;
    let is_it = short(stat.st_ino) == inode && stat.st_mode & raw::S_IFMT == raw::S_IFSOCK;
    Ok(is_it.then_some(found))
}

/// Reads the mark of a descriptor from procfs.
fn read_mark(link: &[u8]) -> Result<Option<u64>, Errno> {
    const LINKS: &[u8] = b"/fd/";
    let Some(at) = link.windows(LINKS.len()).rposition(|part| part == LINKS) else { return Ok(None) };
    let (process, number) = (link.get(..at).unwrap_or(&[]), link.get(at + LINKS.len()..).unwrap_or(&[]));
    let mut name = HostBuf::new();
    for part in [process, b"/fdinfo/", number] {
        name.extend(part)?;
    }
    let file = match kernel::openat(AT_FDCWD, Path::new(name.with_nul()), raw::O_RDONLY | raw::O_CLOEXEC, 0) {
        Ok(file) => file,
        Err(error) if error.is_shortage() => return Err(error),
        Err(_) => return Ok(None),
    };
    let mut text = [0u8; PATH_MAX];
    let mut len = 0;
    while let Some(space) = text.get_mut(len..).filter(|space| !space.is_empty()) {
        match kernel::read(file.number(), space) {
            Ok(0) | Err(_) => break,
            Ok(more) => len += more,
        }
    }
    let lines = text.get(..len).unwrap_or(&[]).split(|&byte| byte == b'\n');
    Ok(lines.filter_map(mark_in).next())
}

/// Returns the inode number from a line of `fdinfo`, if the line shows a mark: `lock: 1: OFDLCK
/// ADVISORY  READ -1 00:06:5 4611686018427453440 4611686018427453440`.
fn mark_in(line: &[u8]) -> Option<u64> {
    if !line.starts_with(b"lock:") {
        return None;
    }
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.find(|&word| word == b"OFDLCK")?;
    let start = Decimal::parse(words.nth(4)?)?;
    let end = words.next()?;
    let is_one_byte = end == b"EOF" || Decimal::parse(end) == Some(start);
    let place = start.checked_sub(FIRST)?;
    is_one_byte.then_some(place >> COPY_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_distinguished_from_other_locks() {
        let line = b"lock:\t1: OFDLCK  ADVISORY  READ -1 00:06:5 4611686018428076032 4611686018428076032";
        assert_eq!(mark_in(line), Some((4_611_686_018_428_076_032 - FIRST) >> COPY_BITS));
        for other in [
            &b"lock:\t1: OFDLCK  ADVISORY  READ -1 00:06:5 0 EOF"[..],
            b"lock:\t1: POSIX  ADVISORY  READ 77 00:06:5 4611686018428076032 4611686018428076032",
            b"lock:\t1: OFDLCK  ADVISORY  READ -1 00:06:5 4611686018428076032 4611686018428076033",
            b"pos:\t0",
            b"",
        ] {
            assert_eq!(mark_in(other), None);
        }
    }
}
