//! The path of a directory that lies too deep for the kernel to return its path.
//!
//! getcwd(2) and procfs's links return at most PATH_MAX bytes, and the root's own path takes part
//! of them. The shim therefore climbs from the directory until the kernel returns a path, and looks
//! up each child's name in its parent. getcwd(3) does the same on systems without that call.

use newroot_abi::{Errno, PATH_MAX};
use newroot_paths::{Buffer, Host, HostBuf};
use newroot_sys::raw;

use super::descriptor::name_descriptor;
use crate::kernel::{self, AT_FDCWD, Descriptor, Listing, Path, Stat};

/// Writes the host path of a directory.
///
/// # Errors
/// ENOENT if the directory was removed; ENAMETOOLONG if its path can't be found, because a parent
/// can't be listed or the descriptor is no directory.
pub(super) fn host_path(directory: i32, out: &mut HostBuf) -> Result<(), Errno> {
    climb(directory, out).map_err(|error| match error {
        // The directory was removed.
        Errno::NOENT => Errno::NOENT,
        _ => Errno::NAMETOOLONG,
    })
}

fn climb(directory: i32, out: &mut HostBuf) -> Result<(), Errno> {
    const FLAGS: u32 = raw::O_DIRECTORY | raw::O_CLOEXEC;
    out.clear();
    let mut here = kernel::openat(directory, Path::new(b".\0"), FLAGS | raw::O_PATH, 0)?;
    loop {
        let stat = kernel::fstat(here.number())?;
        let above = kernel::openat(here.number(), Path::new(b"..\0"), FLAGS | raw::O_RDONLY, 0)?;
        if is_same(&stat, &kernel::fstat(above.number())?) {
            // This is the host's own root.
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

/// Prepends a directory's path if the kernel returns it. Returns false if it doesn't.
fn prepend_path(directory: &Descriptor, out: &mut HostBuf) -> Result<bool, Errno> {
    let mut link = Buffer::<Host, 64>::new();
    name_descriptor(directory.number(), &mut link)?;
    let mut path = [0u8; PATH_MAX];
    match kernel::readlinkat(AT_FDCWD, Path::new(link.with_nul()), &mut path) {
        Ok(len) => {
            let path = path.get(..len).unwrap_or(&[]);
            out.prepend(if path == b"/" { &[] } else { path })?;
            Ok(true)
        }
        // The parent lies too deep as well, or there is no /proc and the climb ends only at the
        // top.
        Err(Errno::NAMETOOLONG | Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Prepends a slash and the name that `child` has in `directory`.
fn prepend_name(directory: &Descriptor, child: &Stat, out: &mut HostBuf) -> Result<(), Errno> {
    // At a mount point, the listing has the inode number of the covered directory. If no entry with
    // the child's number is the child, all entries are tried.
    for by_number in [true, false] {
        kernel::lseek(directory.number(), 0, raw::SEEK_SET)?;
        let mut listing = Listing::<2048>::new();
        while let Some((number, name)) = listing.next(directory.number())? {
            if (!by_number || number == child.st_ino)
                && kernel::fstatat(directory.number(), Path::new(name), raw::AT_SYMLINK_NOFOLLOW)
                    .is_ok_and(|stat| is_same(&stat, child))
            {
                out.prepend(name.strip_suffix(b"\0").unwrap_or(name))?;
                return out.prepend(b"/");
            }
        }
    }
    Err(Errno::NOENT)
}
