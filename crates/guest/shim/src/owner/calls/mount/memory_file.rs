//! File systems in memory, as the guest believes: directories beside the session's file. They go when they are
//! unmounted, or else with that file.

use newroot_abi::Errno;
use newroot_abi::plan::MountFlags;
use newroot_fakeroot::session::MEMORY_SUFFIX;
use newroot_paths::{GuestBuf, HostBuf, strip_prefix};
use newroot_procfs::Decimal;
use newroot_sys::raw;

use crate::host::{self, AT_FDCWD, Descriptor, Listing, Path};
use crate::memory;
use crate::owner::chain;
use crate::session::session;

/// Writes the host path of the directory that they all lie in.
fn store(out: &mut HostBuf) -> Result<(), Errno> {
    out.assign(session().file().bytes())?;
    out.extend(MEMORY_SUFFIX)
}

/// Writes that path, with a slash behind it, and makes the directory where it is missing.
fn provide_store(out: &mut HostBuf) -> Result<(), Errno> {
    store(out)?;
    match host::mkdirat(AT_FDCWD, Path::new(out.with_nul()), 0o700) {
        Ok(()) | Err(Errno::EXIST) => out.extend(b"/"),
        Err(error) => Err(error),
    }
}

/// Writes the host path of an empty directory, or of an empty file, that nobody may change. All of a session are the same.
///
/// # Errors
/// Those of mkdir(2) and mknod(2).
pub(super) fn nothing(directory: bool, out: &mut HostBuf) -> Result<(), Errno> {
    provide_store(out)?;
    out.extend(if directory { b"directory" } else { b"file" })?;
    let path = Path::new(out.with_nul());
    let made = if directory {
        host::mkdirat(AT_FDCWD, path, 0o555)
    } else {
        host::mknodat(AT_FDCWD, path, raw::S_IFREG | 0o444)
    };
    match made {
        Err(error) if error != Errno::EXIST => Err(error),
        _ => Ok(()),
    }
}

/// Makes one and writes its host path; the result is what is to be known of it. No other ever has its name, for it may
/// be removed by whoever finds that its mount is gone.
///
/// # Errors
/// Those of making a directory.
pub(super) fn make(data: usize, host: &mut HostBuf) -> Result<MountFlags, Errno> {
    const TRIES: usize = 10_000;
    provide_store(host)?;
    let len = host.len();
    for _ in 0..TRIES {
        host.truncate(len);
        host.extend(Decimal::new(chain::next_number().into()).bytes())?;
        match host::mkdirat(AT_FDCWD, Path::new(host.with_nul()), 0o700) {
            Ok(()) => {
                let mode = option(data, b"mode=").unwrap_or(0o1777) & 0o1777 | 0o700;
                host::fchmodat(AT_FDCWD, Path::new(host.with_nul()), mode).inspect_err(|_| {
                    let _ = host::unlinkat(AT_FDCWD, Path::new(host.with_nul()), raw::AT_REMOVEDIR);
                })?;
                return Ok(MountFlags::MEMORY.with(MountFlags::OURS));
            }
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
    }
    Err(Errno::NOSPC)
}

/// The octal number behind a word among mount options.
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

/// The part of a host path that is one of these directories; empty if it leads through none.
pub(super) fn top(path: &[u8]) -> &[u8] {
    let mut directory = HostBuf::new();
    if store(&mut directory).is_err() {
        return &[];
    }
    let Some([_, name @ ..]) = strip_prefix(path, directory.bytes()) else { return &[] };
    let end = name.iter().position(|&byte| byte == b'/').unwrap_or(name.len());
    path.get(..directory.len() + 1 + end).unwrap_or(&[])
}

/// Removes one with all that is in it. What can't be removed stays for whoever removes the session's file.
pub(super) fn remove(path: &[u8]) {
    let mut name = HostBuf::new();
    let Ok(()) = name.assign(path) else { return };
    if host::unlinkat(AT_FDCWD, Path::new(name.with_nul()), raw::AT_REMOVEDIR) != Err(Errno::NOTEMPTY) {
        return;
    }
    if let Ok(directory) = open(AT_FDCWD, Path::new(name.with_nul())) {
        let _ = empty(directory);
        let _ = host::unlinkat(AT_FDCWD, Path::new(name.with_nul()), raw::AT_REMOVEDIR);
    }
}

fn open(directory: i32, path: Path<'_>) -> Result<Descriptor, Errno> {
    host::openat(directory, path, raw::O_RDONLY | raw::O_DIRECTORY | raw::O_NOFOLLOW | raw::O_CLOEXEC, 0)
}

/// Empties a directory, going down and up again: there is no room to remember the way.
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

/// Removes what a directory has, as far as the first directory in it that isn't empty, which is opened.
fn clear(directory: &Descriptor) -> Result<Option<Descriptor>, Errno> {
    host::lseek(directory.number(), 0, raw::SEEK_SET)?;
    let mut listing = Listing::<2048>::new();
    while let Some((_, name)) = listing.next(directory.number())? {
        let path = Path::new(name);
        if host::unlinkat(directory.number(), path, 0) == Err(Errno::ISDIR)
            && host::unlinkat(directory.number(), path, raw::AT_REMOVEDIR) == Err(Errno::NOTEMPTY)
        {
            return open(directory.number(), path).map(Some);
        }
    }
    Ok(None)
}
