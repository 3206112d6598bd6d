//! The path of a directory that lies too deep for the kernel to say it.
//!
//! getcwd(2) and procfs's links give at most PATH_MAX bytes, which the root's own path takes its share
//! of. So we climb from the directory until the kernel has an answer, and look up in each parent what the
//! child is called: what getcwd(3) does where a system has no such call.

use newroot_abi::{Errno, PATH_MAX};
use newroot_paths::{Buffer, Host, HostBuf};
use newroot_sys::raw;

use super::procfs;
use crate::host::{self, AT_FDCWD, Descriptor, Listing, Path, Stat};

/// Writes the host path of a directory.
///
/// # Errors
/// ENAMETOOLONG if it can't be found out: a parent can't be listed, or it is no directory.
pub(super) fn host_path(directory: i32, out: &mut HostBuf) -> Result<(), Errno> {
    climb(directory, out).map_err(|error| match error {
        // It was removed.
        Errno::NOENT => Errno::NOENT,
        _ => Errno::NAMETOOLONG,
    })
}

fn climb(directory: i32, out: &mut HostBuf) -> Result<(), Errno> {
    const FLAGS: u32 = raw::O_DIRECTORY | raw::O_CLOEXEC;
    out.clear();
    let mut here = host::openat(directory, Path::new(b".\0"), FLAGS | raw::O_PATH, 0)?;
    loop {
        let stat = host::fstat(here.number())?;
        let above = host::openat(here.number(), Path::new(b"..\0"), FLAGS | raw::O_RDONLY, 0)?;
        if is_same(&stat, &host::fstat(above.number())?) {
            // The host's own root.
            return Ok(());
        }
        prepend_name(&above, &stat, out)?;
        if prepend_path(&above, out)? {
            return Ok(());
        }
        here = above;
    }
}

fn is_same(a: &Stat, b: &Stat) -> bool {
    (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)
}

/// Puts a directory's path in front, if the kernel can say it.
fn prepend_path(directory: &Descriptor, out: &mut HostBuf) -> Result<bool, Errno> {
    let mut link = Buffer::<Host, 64>::new();
    procfs::name_descriptor(directory.number(), &mut link)?;
    let mut path = [0u8; PATH_MAX];
    match host::readlinkat(AT_FDCWD, Path::new(link.with_nul()), &mut path) {
        Ok(len) => {
            let path = path.get(..len).unwrap_or(&[]);
            out.prepend(if path == b"/" { &[] } else { path })?;
            Ok(true)
        }
        // Too deep as well; or without /proc, where only the top is known.
        Err(Errno::NAMETOOLONG | Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Puts a slash and the name that `child` has in `directory` in front.
fn prepend_name(directory: &Descriptor, child: &Stat, out: &mut HostBuf) -> Result<(), Errno> {
    // Where a file system is mounted the listing has another number: then all are looked at.
    for by_number in [true, false] {
        host::lseek(directory.number(), 0, raw::SEEK_SET)?;
        let mut listing = Listing::<2048>::new();
        while let Some((number, name)) = listing.next(directory.number())? {
            if (!by_number || number == child.st_ino)
                && host::fstatat(directory.number(), Path::new(name), raw::AT_SYMLINK_NOFOLLOW)
                    .is_ok_and(|stat| is_same(&stat, child))
            {
                out.prepend(name.strip_suffix(b"\0").unwrap_or(name))?;
                return out.prepend(b"/");
            }
        }
    }
    Err(Errno::NOENT)
}
