//! Guest paths and mounts of directory descriptors and of the working directory.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::{GuestBuf, HostBuf};
use newroot_sys::raw;

use super::{Walked, way};
use crate::hardlinks;
use crate::host_path::raw_host_path;
use crate::kernel::{self, AT_FDCWD, FileType};
use crate::mount_view;
use crate::session::session;
use crate::state;

/// Writes the canonical guest path of a directory, and returns its mount.
///
/// # Errors
/// EBADF for a descriptor that isn't open; ENOTDIR for one that isn't a directory; ENOENT for a
/// directory that the guest doesn't see (it was removed, or lies outside the root).
pub fn directory_path(directory: i32, out: &mut GuestBuf) -> Result<usize, Errno> {
    let mut host = HostBuf::new();
    host_path(directory, &mut host)?;
    // The descriptor of a symlink has a path too, which must not be followed.
    if host.bytes().first() != Some(&b'/') {
        return Err(Errno::NOTDIR);
    }
    if directory != AT_FDCWD {
        let stat = kernel::fstat(directory)?;
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
/// EBADF for a descriptor that isn't open; ENOENT for a directory that the guest doesn't see.
pub fn listed_path(directory: i32, out: &mut GuestBuf) -> Result<(), Errno> {
    let mounts = &session().mounts;
    let mut host = HostBuf::new();
    host_path(directory, &mut host)?;
    let mut prefer = preferred(directory, host.bytes());
    if prefer.is_none() && way::matters() && !way::was_opened_to_list(directory)? {
        // The mount isn't known. A listed directory is often the working directory, so its mount is
        // the best guess, except for directories that newroot itself made up.
        let shown = mounts.detranslate(host.bytes(), None, out);
        prefer = if shown.is_some_and(super::is_virtual) { shown } else { cwd_mount() };
    }
    mounts.detranslate(host.bytes(), prefer, out).map(|_| ()).ok_or(Errno::NOENT)
}

/// Marks the descriptor of a directory with the mount by which it was just opened, if its listing
/// depends on that. `walked` is the end of the walk to it.
pub fn remember_way(descriptor: i32, mut walked: Walked<'_>) {
    let mut path = HostBuf::new();
    let found = walked.found;
    let bare = match walked.host().bytes() {
        b"/" => b"/",
        bytes => bytes.strip_suffix(b"/").unwrap_or(bytes),
    };
    if !found.magic && host_path(descriptor, &mut path).is_ok() && path.bytes() == bare {
        way::mark(descriptor, bare, found.mount);
    }
}

/// Writes the path that a directory has in the calling process's namespace, where it may lie
/// outside the process's root.
///
/// # Errors
/// ENOENT if the directory isn't visible in the namespace; EBADF; those of [`mount_view::whole`],
/// if the namespace's mount view can't be made.
pub fn namespace_path(directory: i32, out: &mut GuestBuf) -> Result<(), Errno> {
    let session = session();
    match directory_path(directory, out) {
        Ok(_) => return out.prepend(session.root),
        Err(error) if error.is_shortage() => return Err(error),
        Err(_) => {}
    }
    let mut host = HostBuf::new();
    host_path(directory, &mut host)?;
    mount_view::whole()?.mounts.detranslate(host.bytes(), None, out).map(|_| ()).ok_or(Errno::NOENT)
}

/// Returns the index of the mount that a descriptor's file belongs to; `None` if the guest doesn't
/// see it.
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM if the kernel can't answer.
pub fn mount_of_directory(directory: i32) -> Result<Option<usize>, Errno> {
    mount_of_directory_from(directory, directory)
}

/// Returns the mount of a directory that was opened by a relative path from `start`. If it lies
/// below the working directory, it belongs to the mount by which that was reached.
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM if the kernel can't answer.
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

/// Returns whether a descriptor's file lies in a read-only binding.
///
/// # Errors
/// EMFILE, ENFILE, ENOMEM if the kernel can't answer.
pub fn lies_read_only(descriptor: i32) -> Result<bool, Errno> {
    let is_shown_read_only = mount_of_directory(descriptor)?.is_some_and(super::is_read_only);
    Ok(is_shown_read_only && !is_file_open_for_writing(descriptor))
}

/// Returns whether a descriptor stands for a regular file that is open for writing. Then the file
/// was opened by another name than the one in a read-only binding.
fn is_file_open_for_writing(descriptor: i32) -> bool {
    let can_write = |flags| flags as u32 & raw::O_PATH == 0 && flags as u32 & raw::O_ACCMODE != raw::O_RDONLY;
    kernel::fcntl(descriptor, raw::F_GETFL, 0).is_ok_and(can_write)
        && kernel::fstat(descriptor).is_ok_and(|stat| FileType::of(&stat) == FileType::Regular)
}

/// Returns the mount by which a directory was reached, if that matters and is known.
fn preferred(directory: i32, host: &[u8]) -> Option<usize> {
    if directory == AT_FDCWD {
        session().has(Flags::ALIASED).then(cwd_mount).flatten()
    } else {
        way::matters().then(|| way::marked(directory, host)).flatten()
    }
}

/// Returns the mount by which the start directory of a relative path was reached, if that matters
/// and is known.
fn start_mount(directory: i32) -> Option<usize> {
    let mut host = HostBuf::new();
    if directory != AT_FDCWD && (!way::matters() || host_path(directory, &mut host).is_err()) {
        return None;
    }
    preferred(directory, host.bytes())
}

/// Returns the index of the mount by which the working directory was reached, if that mount still
/// exists.
pub fn cwd_mount() -> Option<usize> {
    session().index_of(state::get().cwd_mount)
}

/// Writes the host path of a descriptor's file as the kernel returns it; for a pipe and the like,
/// the text is no path. For a file with several names, which lies in the store ([`hardlinks`]), it
/// is one of the names.
///
/// # Errors
/// EBADF for a descriptor that isn't open; ENAMETOOLONG if the path is too long for the kernel and
/// the file is no directory.
pub fn host_path(descriptor: i32, out: &mut HostBuf) -> Result<(), Errno> {
    raw_host_path(descriptor, out)?;
    hardlinks::to_a_name(out);
    Ok(())
}
