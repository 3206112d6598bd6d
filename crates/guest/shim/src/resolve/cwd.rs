//! Where a directory descriptor, or the working directory, is in guest terms.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::{Buffer, Found, GuestBuf, Host, HostBuf};

use super::{climb, procfs, way};
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
    session().mounts.detranslate(host.bytes(), preferred(directory, host.bytes()), out).ok_or(Errno::NOENT)
}

/// Writes the canonical guest path of a directory that is being listed.
///
/// # Errors
/// As for [`directory_path`].
pub fn listed_path(directory: i32, out: &mut GuestBuf) -> Result<(), Errno> {
    let mounts = &session().mounts;
    let mut host = HostBuf::new();
    host_path(directory, &mut host)?;
    let mut prefer = preferred(directory, host.bytes());
    if prefer.is_none() && way::matters() && !way::was_opened_to_list(directory)? {
        // Nobody knows, but that what is listed is often the working directory. What is newroot's own isn't.
        let shown = mounts.detranslate(host.bytes(), None, out);
        prefer = if shown.is_some_and(super::is_virtual) { shown } else { cwd_mount() };
    }
    mounts.detranslate(host.bytes(), prefer, out).map(|_| ()).ok_or(Errno::NOENT)
}

/// Leaves the way by which a directory was just opened on the descriptor, where its listing depends on that. `found` is
/// where the path leads, and `host` the host path of that.
pub fn remember_way(descriptor: i32, found: Found, host: &HostBuf) {
    let mut path = HostBuf::new();
    let bare = match host.bytes() {
        b"/" => host.bytes(),
        bytes => bytes.strip_suffix(b"/").unwrap_or(bytes),
    };
    if !found.magic && host_path(descriptor, &mut path).is_ok() && path.bytes() == bare {
        way::mark(descriptor, bare, found.mount);
    }
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
        Ok(()) => {
            let prefer = if start == directory { preferred(start, host.bytes()) } else { start_mount(start) };
            Ok(session().mounts.detranslate(host.bytes(), prefer, &mut GuestBuf::new()))
        }
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

/// The mount by which a directory was reached, where that can make a difference and is known.
fn preferred(directory: i32, host: &[u8]) -> Option<usize> {
    if directory == AT_FDCWD {
        session().has(Flags::ALIASED).then(cwd_mount).flatten()
    } else {
        way::matters().then(|| way::marked(directory, host)).flatten()
    }
}

/// The same, of a directory that a relative path starts from.
fn start_mount(directory: i32) -> Option<usize> {
    let mut host = HostBuf::new();
    if directory != AT_FDCWD && (!way::matters() || host_path(directory, &mut host).is_err()) {
        return None;
    }
    preferred(directory, host.bytes())
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
