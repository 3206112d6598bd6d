//! Descriptors of devices that mknod(2) made.
//!
//! Such a device is a stand-in, and a descriptor of it is one of the host's device: it reads, writes
//! and maps as that does. But the guest's fstat(2), fchmod(2), futimens(2) and the like mean the file
//! that was opened. So the shim marks the open file with the inode number of the stand-in. The mark is
//! a lock on one byte that the open file description itself owns (`F_OFD_SETLK`): it follows dup, fork,
//! exec and a descriptor that is sent over a socket, and it goes with the last of them. procfs shows it
//! in `fdinfo`. The store has a symbolic link for each stand-in that was opened, which says where it
//! lies.
//!
//! A device that can't be marked, or whose stand-in was removed or moved together with its directory,
//! shows the host's device.

use newroot_abi::{Errno, PATH_MAX};
use newroot_paths::{Buffer, Host, HostBuf};
use newroot_procfs::Decimal;
use newroot_sys::raw;

use super::file::File;
use super::sidecar::{self, StorePath};
use crate::calls::forward;
use crate::host::{self, AT_FDCWD, Descriptor, Path, Stat};
use crate::limits::with_descriptors;
use crate::links;
use crate::resolve::procfs::{InProcess, name_descriptor};
use crate::resolve::raw_host_path;

/// First byte that a mark can be on. No file has so many.
const FIRST: u64 = 1 << 62;
/// How many low bits of an inode number a mark has.
const INODE_BITS: u32 = 46;
/// How many bits tell the marks of one stand-in apart: two locks for writing exclude each other.
const COPY_BITS: u32 = 62 - INODE_BITS;
/// Where the host's devices are that a stand-in can be opened as.
const DEVICES: &[u8] = b"/dev/";

/// Returns the part of an inode number that a mark has room for.
const fn short(inode: u64) -> u64 {
    inode & ((1 << INODE_BITS) - 1)
}

/// Marks a device that was opened by a stand-in, if it can be marked.
///
/// # Errors
/// What has run out, but for room on the disk: nobody else's open needs any.
pub(super) fn mark(opened: &Descriptor, flags: u64, file: File<'_>, stat: &Stat) -> Result<(), Errno> {
    match try_to_mark(opened, flags, file, stat) {
        Err(error @ (Errno::NOMEM | Errno::MFILE | Errno::NFILE)) => Err(error),
        _ => Ok(()),
    }
}

fn try_to_mark(opened: &Descriptor, flags: u64, file: File<'_>, stat: &Stat) -> Result<(), Errno> {
    let mut path = HostBuf::new();
    match file {
        File::Descriptor(descriptor) | File::Found(descriptor) => raw_host_path(descriptor, &mut path)?,
        File::Host(host) => path.assign(host.bytes())?,
    }
    note_path(stat, &mut path)?;
    const COPIES: u64 = 1 << COPY_BITS;
    const TRIES: u64 = 64;
    let first = FIRST | short(stat.st_ino) << COPY_BITS;
    if flags as u32 & raw::O_ACCMODE != raw::O_WRONLY {
        return lock(opened.number(), raw::F_OFD_SETLK, raw::F_RDLCK, first, 1).map(|_| ());
    }
    // A lock for reading needs the right to read. One for writing has its byte to itself.
    let start = host::nanoseconds();
    for copy in 0..TRIES {
        let at = first | (1 + start.wrapping_add(copy) % (COPIES - 1));
        match lock(opened.number(), raw::F_OFD_SETLK, raw::F_WRLCK, at, 1) {
            Err(Errno::AGAIN | Errno::ACCES) => {}
            other => return other.map(|_| ()),
        }
    }
    Ok(())
}

/// Asks fcntl(2) about a lock; the result is the type of the one that was found or set.
fn lock(descriptor: i32, command: u32, kind: u32, start: u64, len: u64) -> Result<u32, Errno> {
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

/// Returns whether a device that is open as a descriptor can have a mark; false is certain.
///
/// # Errors
/// What has run out.
pub(crate) fn may_be_marked(descriptor: i32) -> Result<bool, Errno> {
    // To the locks of a process, each that an open file owns is somebody else's.
    match lock(descriptor, raw::F_GETLK, raw::F_WRLCK, FIRST, 0) {
        Ok(kind) => Ok(kind != raw::F_UNLCK),
        Err(error) if error.is_shortage() => Err(error),
        Err(_) => Ok(false),
    }
}

/// Returns whether a file of this mode can have been opened by a stand-in.
#[must_use]
pub(crate) fn is_device(mode: u32) -> bool {
    mode & raw::S_IFMT == raw::S_IFCHR
}

/// Finds the stand-in that a descriptor of the guest's was opened by, which has this mode; `None` if it
/// wasn't opened by one.
///
/// # Errors
/// What has run out.
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

/// Does the same for a descriptor of unknown mode.
///
/// # Errors
/// As for [`of_descriptor`].
pub(crate) fn of_any(descriptor: i32) -> Result<Option<Descriptor>, Errno> {
    if descriptor < 0 || !may_be_marked(descriptor)? {
        return Ok(None);
    }
    match host::fstat(descriptor) {
        Ok(stat) => of_descriptor(descriptor, stat.st_mode),
        Err(error) if error.is_shortage() => Err(error),
        Err(_) => Ok(None),
    }
}

/// Finds the stand-in that a descriptor was opened by, by the host path of its link in procfs.
///
/// # Errors
/// What has run out.
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
    match host::readlinkat(AT_FDCWD, Path::new(name.with_nul()), &mut shown) {
        Ok(_) if shown == DEVICES => marked(link, &mut name),
        Err(error) if error.is_shortage() => Err(error),
        _ => Ok(None),
    }
}

/// Writes the host path of the stand-in that a descriptor was opened by, whose link in procfs has this
/// text; false, and nothing written, if it wasn't opened by one.
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

/// Finds the stand-in that the mark of a descriptor names, and leaves its host path in `path`.
fn marked(link: &[u8], path: &mut HostBuf) -> Result<Option<Descriptor>, Errno> {
    // The link may be of this process, of which the helper that works with few descriptors has a copy.
    let number = link.rsplit(|&byte| byte == b'/').next().and_then(Decimal::parse);
    let keep = number.and_then(|number| i32::try_from(number).ok()).unwrap_or(-1);
    let Some(inode) = with_descriptors([keep, -1], || read_mark(link))? else { return Ok(None) };
    let mut note = StorePath::new();
    if sidecar::path_of_name(inode, &mut note).is_err() {
        return Ok(None);
    }
    match host::readlinkat(AT_FDCWD, Path::new(note.with_nul()), path.space()) {
        Ok(len) => path.set_len(len),
        Err(error) if error.is_shortage() => return Err(error),
        Err(_) => return Ok(None),
    }
    let open = |path: &mut HostBuf| {
        let flags = raw::O_PATH | raw::O_NOFOLLOW | raw::O_CLOEXEC;
        let found = host::openat(AT_FDCWD, Path::new(path.with_nul()), flags, 0)?;
        // A stand-in that has got several names since lies elsewhere.
        match links::of_link(found.number())? {
            None => Ok(found),
            Some(id) => {
                let mut elsewhere = HostBuf::new();
                links::locate(id, &mut elsewhere)?;
                host::openat(AT_FDCWD, Path::new(elsewhere.with_nul()), flags, 0)
            }
        }
    };
    let found = match open(path) {
        Ok(found) => found,
        Err(error) if error.is_shortage() => return Err(error),
        Err(_) => return Ok(None),
    };
    // By now the name may be another file's.
    let stat = host::fstat(found.number())?;
    let is_it = short(stat.st_ino) == inode && stat.st_mode & raw::S_IFMT == raw::S_IFSOCK;
    Ok(is_it.then_some(found))
}

/// Reads from procfs what the mark of a descriptor says.
fn read_mark(link: &[u8]) -> Result<Option<u64>, Errno> {
    const LINKS: &[u8] = b"/fd/";
    let Some(at) = link.windows(LINKS.len()).rposition(|part| part == LINKS) else { return Ok(None) };
    let (process, number) = (link.get(..at).unwrap_or(&[]), link.get(at + LINKS.len()..).unwrap_or(&[]));
    let mut name = HostBuf::new();
    for part in [process, b"/fdinfo/", number] {
        name.extend(part)?;
    }
    let file = match host::openat(AT_FDCWD, Path::new(name.with_nul()), raw::O_RDONLY | raw::O_CLOEXEC, 0) {
        Ok(file) => file,
        Err(error) if error.is_shortage() => return Err(error),
        Err(_) => return Ok(None),
    };
    let mut text = [0u8; PATH_MAX];
    let mut len = 0;
    while let Some(space) = text.get_mut(len..).filter(|space| !space.is_empty()) {
        match host::read(file.number(), space) {
            Ok(0) | Err(_) => break,
            Ok(more) => len += more,
        }
    }
    let lines = text.get(..len).unwrap_or(&[]).split(|&byte| byte == b'\n');
    Ok(lines.filter_map(mark_in).next())
}

/// Reads the inode number from a line of `fdinfo`, if the line is of a mark:
/// `lock: 1: OFDLCK ADVISORY  READ -1 00:06:5 4611686018427453440 4611686018427453440`.
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

/// Notes where a stand-in lies, for those who find its inode number in a mark.
fn note_path(stat: &Stat, path: &mut HostBuf) -> Result<(), Errno> {
    let mut note = StorePath::new();
    sidecar::path_of_name(short(stat.st_ino), &mut note)?;
    let mut known = HostBuf::new();
    match host::readlinkat(AT_FDCWD, Path::new(note.with_nul()), known.space()) {
        Ok(len) => {
            known.set_len(len);
            if known.bytes() == path.bytes() {
                return Ok(());
            }
        }
        Err(error) if error.is_shortage() => return Err(error),
        Err(_) => {}
    }
    sidecar::link(Path::new(path.with_nul()), &mut note)
}

/// Notes the new name of a file that was renamed, if it is a stand-in that somebody has opened.
pub(super) fn renamed(file: &Descriptor, stat: &Stat) {
    let (mut note, mut path) = (StorePath::new(), HostBuf::new());
    let noted = sidecar::path_of_name(short(stat.st_ino), &mut note)
        .and_then(|()| host::readlinkat(AT_FDCWD, Path::new(note.with_nul()), &mut [0u8; 1]));
    if noted.is_ok() && raw_host_path(file.number(), &mut path).is_ok() {
        let _ = note_path(stat, &mut path);
    }
}

/// Forgets where a stand-in lay that is no more.
pub(super) fn forget(stat: &Stat) {
    let mut note = StorePath::new();
    if sidecar::path_of_name(short(stat.st_ino), &mut note).is_ok() {
        let _ = host::unlinkat(AT_FDCWD, Path::new(note.with_nul()), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_told_from_other_locks() {
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
