//! Marks open directories with the mount by which they were reached.
//!
//! The kernel knows a descriptor's directory, but not through which of newroot's mounts the guest
//! reached it. If a directory is visible at two guest paths, its listing depends on that: a
//! binding's name that its parent directory lacks belongs to one of the paths only. The shim
//! therefore leaves a mark on the open file that it returns for listing: the number of the signal
//! that would announce input (F_SETSIG in fcntl(2)). The kernel keeps that number for every open
//! file, across fork, exec, dup and a transfer over a socket, and doesn't use it for a directory.
//! If such a signal comes nevertheless (dnotify), its default action does nothing to a running
//! process.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::GuestBuf;
use newroot_sys::raw;

use crate::kernel;
use crate::session::session;

/// Marks for the second mount by which a directory is visible, the third and so on. The first needs
/// no mark.
const MARKS: [u32; 4] = [raw::SIGURG, raw::SIGWINCH, raw::SIGCONT, raw::SIGCHLD];

/// Returns whether any listing in this session depends on the mount by which a directory was
/// reached.
#[must_use]
#[inline]
pub fn matters() -> bool {
    session().has(Flags::ALIASED.with(Flags::UNLISTED))
}

/// Marks an open directory, which has this host path, as reached by a mount.
pub(super) fn mark(descriptor: i32, host: &[u8], mount: usize) {
    let rank = session().mounts.views(host, &mut GuestBuf::new()).position(|view| view == mount);
    if let Some(&signal) = rank.and_then(|rank| MARKS.get(rank.checked_sub(1)?)) {
        // Without a mark, the directory is listed as the first mount shows it.
        let _ = kernel::fcntl(descriptor, raw::F_SETSIG, signal as usize);
    }
}

/// Returns the mount by which an open directory with this host path was reached; `None` without a
/// mark.
pub(super) fn marked(descriptor: i32, host: &[u8]) -> Option<usize> {
    let signal = kernel::fcntl(descriptor, raw::F_GETSIG, 0).ok()?;
    let rank = MARKS.iter().position(|&mark| mark as usize == signal)?;
    session().mounts.views(host, &mut GuestBuf::new()).nth(rank + 1)
}

/// Returns whether a descriptor was opened as a directory (O_DIRECTORY). It then got a mark if it
/// needed one.
///
/// # Errors
/// EBADF.
pub(super) fn was_opened_to_list(descriptor: i32) -> Result<bool, Errno> {
    Ok(kernel::fcntl(descriptor, raw::F_GETFL, 0)? & raw::O_DIRECTORY as usize != 0)
}
