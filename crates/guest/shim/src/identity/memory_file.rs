//! Emulated file systems in memory: directories beside the session file. Each is removed when it is
//! unmounted, or with that file at the latest.

use newroot_abi::Errno;
use newroot_abi::plan::MountFlags;
use newroot_fakeroot::arena::{Arena, Block, CHANGE};
use newroot_fakeroot::session::MEMORY_SUFFIX;
use newroot_fakeroot::tree::Change;
use newroot_paths::{GuestBuf, HostBuf, is_under, strip_prefix};
use newroot_procfs::Decimal;
use newroot_sys::raw;

use crate::identity::chain;
use crate::kernel::{self, AT_FDCWD, Descriptor, Listing, Path};
use crate::memory;
use crate::session::session;

/// Writes the host path of the directory that holds all of them.
fn store(out: &mut HostBuf) -> Result<(), Errno> {
    out.assign(session().file().bytes())?;
    out.extend(MEMORY_SUFFIX)
}

/// Writes that path with a trailing slash, and makes the directory if it is missing.
fn provide_store(out: &mut HostBuf) -> Result<(), Errno> {
    store(out)?;
    match kernel::mkdirat(AT_FDCWD, Path::new(out.with_nul()), 0o700) {
        Ok(()) | Err(Errno::EXIST) => out.extend(b"/"),
        Err(error) => Err(error),
    }
}

/// Writes the host path of an empty directory or an empty file that nobody may change. All mounts
/// of a session share these two.
///
/// # Errors
/// The errnos of mkdir(2) and mknod(2).
pub(crate) fn nothing(directory: bool, out: &mut HostBuf) -> Result<(), Errno> {
    provide_store(out)?;
    out.extend(if directory { b"directory" } else { b"file" })?;
    let path = Path::new(out.with_nul());
    let made = if directory {
        kernel::mkdirat(AT_FDCWD, path, 0o555)
    } else {
        kernel::mknodat(AT_FDCWD, path, raw::S_IFREG | 0o444)
    };
    match made {
        Err(error) if error != Errno::EXIST => Err(error),
        _ => Ok(()),
    }
}

/// Makes the directory of a file system in memory, writes its host path, and returns the flags of
/// its mount. `data` is the address of the mount options in guest memory. No directory ever gets
/// the same name again, because any process that finds that the mount is gone may remove the
/// directory.
///
/// # Errors
/// The errnos of mkdir(2) and chmod(2); ENOSPC if too many names are taken.
pub(crate) fn make(data: usize, host: &mut HostBuf) -> Result<MountFlags, Errno> {
    const TRIES: usize = 10_000;
    provide_store(host)?;
    let len = host.len();
    for _ in 0..TRIES {
        host.truncate(len);
        host.extend(Decimal::new(chain::next_number().into()).bytes())?;
        match kernel::mkdirat(AT_FDCWD, Path::new(host.with_nul()), 0o700) {
            Ok(()) => {
                let mode = option(data, b"mode=").unwrap_or(0o1777) & 0o1777 | 0o700;
                kernel::fchmodat(AT_FDCWD, Path::new(host.with_nul()), mode).inspect_err(|_| {
                    let _ = kernel::unlinkat(AT_FDCWD, Path::new(host.with_nul()), raw::AT_REMOVEDIR);
                })?;
                return Ok(MountFlags::MEMORY.with(MountFlags::OURS));
            }
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Errno::NOSPC)
}

/// Returns the octal number behind a word among mount options.
fn option(data: usize, word: &[u8]) -> Option<u32> {
    let mut text = GuestBuf::new();
    memory::read_path(data, &mut text).ok()?;
    let mut options = text.bytes().split(|&byte| byte == b',');
    let digits = options.find_map(|option| option.strip_prefix(word))?;
    digits.iter().try_fold(0u32, |value, &digit| match digit {
        b'0'..=b'7' => Some(value << 3 | u32::from(digit - b'0')),
        _ => None,
    })
}

/// Returns the part of a host path that is the directory of a file system in memory; empty if the
/// path leads through none.
pub(crate) fn top(path: &[u8]) -> &[u8] {
    let mut directory = HostBuf::new();
    if store(&mut directory).is_err() {
        return &[];
    }
    let Some([_, name @ ..]) = strip_prefix(path, directory.bytes()) else { return &[] };
    let end = name.iter().position(|&byte| byte == b'/').unwrap_or(name.len());
    path.get(..directory.len() + 1 + end).unwrap_or(&[])
}

/// Removes a file system's directory with everything in it. Files that can't be removed stay until
/// a process removes the session file.
pub(crate) fn remove(path: &[u8]) {
    let mut name = HostBuf::new();
    let Ok(()) = name.assign(path) else { return };
    if kernel::unlinkat(AT_FDCWD, Path::new(name.with_nul()), raw::AT_REMOVEDIR) != Err(Errno::NOTEMPTY) {
        return;
    }
    if let Ok(directory) = open(AT_FDCWD, Path::new(name.with_nul())) {
        let _ = empty(directory);
        let _ = kernel::unlinkat(AT_FDCWD, Path::new(name.with_nul()), raw::AT_REMOVEDIR);
    }
}

fn open(directory: i32, path: Path<'_>) -> Result<Descriptor, Errno> {
    kernel::openat(directory, path, raw::O_RDONLY | raw::O_DIRECTORY | raw::O_NOFOLLOW | raw::O_CLOEXEC, 0)
}

/// Empties a directory, going down into directories and up again by `..`: there is no memory for a
/// stack of them.
fn empty(top: Descriptor) -> Result<(), Errno> {
    const MOST: usize = 1 << 20;
    let mut here = top;
    let mut depth = 0;
    for _ in 0..MOST {
        match clear(&here)? {
            Some(below) => {
                here = below;
                depth += 1;
            }
            None if depth == 0 => return Ok(()),
            None => {
                here = open(here.number(), Path::new(b"..\0"))?;
                depth -= 1;
            }
        }
    }
    Err(Errno::NOTEMPTY)
}

/// Removes a directory's entries up to the first directory that isn't empty; opens and returns that
/// one.
fn clear(directory: &Descriptor) -> Result<Option<Descriptor>, Errno> {
    kernel::lseek(directory.number(), 0, raw::SEEK_SET)?;
    let mut listing = Listing::<2048>::new();
    while let Some((_, name)) = listing.next(directory.number())? {
        let path = Path::new(name);
        if kernel::unlinkat(directory.number(), path, 0) == Err(Errno::ISDIR)
            && kernel::unlinkat(directory.number(), path, raw::AT_REMOVEDIR) == Err(Errno::NOTEMPTY)
        {
            return open(directory.number(), path).map(Some);
        }
    }
    Ok(None)
}

/// Returns whether a change mounts something below a host directory.
pub(crate) fn mounts_from(change: &Change<'_>, directory: &[u8]) -> bool {
    matches!(*change, Change::Mount { host, .. } if is_under(host, directory))
}

/// Removes the file system in memory that a change mounted, just before the change's block is
/// freed. It stays if the block of another change mounts from it.
// Out of line: keeps this large frame off each caller's stack.
#[inline(never)]
pub(crate) fn forget_memory_of(arena: Arena<'_>, block: Block) {
    let Some((_, Change::Mount { host, flags, .. })) = chain::change(block.offset as u32) else { return };
    if !flags.has(MountFlags::MEMORY) {
        return;
    }
    let directory = top(host);
    let mut others = arena.blocks().filter(|other| other.kind == CHANGE && other.offset != block.offset);
    let mounts_from_it = |other: Block| {
        chain::change(other.offset as u32).is_some_and(|(_, change)| mounts_from(&change, directory))
    };
    if !directory.is_empty() && !others.any(mounts_from_it) {
        remove(directory);
    }
}
