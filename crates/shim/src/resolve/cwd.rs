//! Where a directory descriptor, or the working directory, is in guest terms.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::{Buffer, GuestBuf, Host, HostBuf};

use super::{climb, procfs};
use crate::host::{self, AT_FDCWD, FileType, Path};
use crate::links;
use crate::outlook;
use crate::session::session;
use crate::state;

/// Writes the canonical guest path of a directory; the result is its mount.
///
/// # Errors
/// EBADF for a descriptor that isn't open, ENOTDIR for one that is no file at all, ENOENT for
/// a directory that the guest doesn't see (it was removed, or lies outside the root).
pub fn directory_path(directory: i32, out: &mut GuestBuf) -> Result<usize, Errno> {
    directory_path_from(directory, preferred(directory), out)
}

/// The same, with the mount by which the directory is likely to have been reached.
///
/// # Errors
/// As for [`directory_path`].
pub fn directory_path_from(
    directory: i32,
    prefer: Option<usize>,
    out: &mut GuestBuf,
) -> Result<usize, Errno> {
    let mut host = HostBuf::new();
    host_path(directory, &mut host)?;
    // A descriptor of a symlink has a path too, which must not be followed.
    if host.bytes().first() != Some(&b'/') {
        return Err(Errno::NOTDIR);
    }
    if directory != AT_FDCWD {
        let stat = host::fstat(directory)?;
        if FileType::of(&stat) != FileType::Directory {
            return Err(Errno::NOTDIR);
        }
        if stat.st_nlink == 0 {
            return Err(Errno::NOENT);
        }
    }
    session().mounts.detranslate(host.bytes(), prefer, out).ok_or(Errno::NOENT)
}

/// Writes the path that a directory has in the calling process's namespace, which may lie outside of its root.
///
/// # Errors
/// ENOENT if it isn't seen in the namespace; EBADF; what making the namespace's outlook gives.
pub fn namespace_path(directory: i32, out: &mut GuestBuf) -> Result<(), Errno> {
    let seen = session();
    match directory_path(directory, out) {
        Ok(_) => return out.prepend(seen.root),
        Err(error) if error.is_shortage() => return Err(error),
        Err(_) => {}
    }
    let mut host = HostBuf::new();
    host_path(directory, &mut host)?;
    outlook::whole()?.mounts.detranslate(host.bytes(), None, out).map(|_| ()).ok_or(Errno::NOENT)
}

/// Index of the mount a descriptor's file belongs to, if the guest sees it.
///
/// # Errors
/// What has run out, where that couldn't be found out.
pub fn mount_of_directory(directory: i32) -> Result<Option<usize>, Errno> {
    mount_of_directory_from(directory, directory)
}

/// The same, of a directory that was opened by a relative path from `start`: what is below the working
/// directory is in the mount by which that was reached.
///
/// # Errors
/// As for [`mount_of_directory`].
pub fn mount_of_directory_from(directory: i32, start: i32) -> Result<Option<usize>, Errno> {
    let mut host = HostBuf::new();
    match host_path(directory, &mut host) {
        Ok(()) => Ok(session().mounts.detranslate(host.bytes(), preferred(start), &mut GuestBuf::new())),
        Err(error) if error.is_shortage() => Err(error),
        Err(_) => Ok(None),
    }
}

/// Whether a descriptor's file lies in a read-only binding.
///
/// # Errors
/// As for [`mount_of_directory`].
pub fn lies_read_only(descriptor: i32) -> Result<bool, Errno> {
    Ok(mount_of_directory(descriptor)?.is_some_and(super::is_read_only))
}

/// The mount by which the working directory was reached, where that can make a difference.
fn preferred(directory: i32) -> Option<usize> {
    (directory == AT_FDCWD && session().has(Flags::ALIASED)).then(cwd_mount).flatten()
}

/// Index of the mount by which the working directory was reached, if it is still there.
pub fn cwd_mount() -> Option<usize> {
    session().index_of(state::get().cwd_mount)
}

/// Writes the host path of a descriptor's file, in the kernel's words: a pipe's isn't a path. A file with several names
/// that lies in the store ([`links`]) is told by one of them.
///
/// # Errors
/// EBADF for a descriptor that isn't open; ENAMETOOLONG where the path is that of a file, not of a
/// directory, and too long for the kernel.
pub fn host_path(descriptor: i32, out: &mut HostBuf) -> Result<(), Errno> {
    raw_host_path(descriptor, out)?;
    links::to_a_name(out);
    Ok(())
}

/// The same, wherever the file lies.
///
/// # Errors
/// As for [`host_path`].
pub fn raw_host_path(descriptor: i32, out: &mut HostBuf) -> Result<(), Errno> {
    let said = if descriptor == AT_FDCWD {
        host::getcwd(out.space())
    } else {
        let mut name = Buffer::<Host, 64>::new();
        procfs::name_descriptor(descriptor, &mut name)?;
        host::readlinkat(AT_FDCWD, Path::new(name.with_nul()), out.space())
    };
    match said {
        Ok(len) => {
            out.set_len(len);
            Ok(())
        }
        Err(Errno::NAMETOOLONG) => climb::host_path(descriptor, out),
        Err(Errno::NOENT) if descriptor != AT_FDCWD => Err(Errno::BADF),
        Err(error) => Err(error),
    }
}
