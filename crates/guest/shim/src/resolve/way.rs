//! By which of several guest paths an open directory was reached.
//!
//! The kernel knows a descriptor's directory, and not the mount of ours by which it was found. Where a directory is seen
//! at two guest paths, its listing depends on that: a binding's name that its parent directory lacks belongs to one of
//! them. So the shim leaves a mark on the open file that it hands out for listing: the signal that would announce input
//! (F_SETSIG in fcntl(2)), which the kernel keeps for every open file, over fork, exec, dup and a socket, and never uses
//! of a directory. The signals are ones that do nothing if they come after all (dnotify).

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::GuestBuf;
use newroot_sys::raw;

use crate::host;
use crate::session::session;

/// Stand for the second mount by which a directory is seen, the third and so on. The first needs no mark.
const MARKS: [u32; 4] = [raw::SIGURG, raw::SIGWINCH, raw::SIGCONT, raw::SIGCHLD];

/// Whether it can make a difference in this session by which way a directory was reached.
#[must_use]
#[inline]
pub fn matters() -> bool {
    session().has(Flags::ALIASED.with(Flags::UNLISTED))
}

/// Marks the open directory with a host path as reached by a mount.
pub(super) fn mark(descriptor: i32, host: &[u8], mount: usize) {
    let rank = session().mounts.views(host, &mut GuestBuf::new()).position(|view| view == mount);
    if let Some(&signal) = rank.and_then(|rank| MARKS.get(rank.checked_sub(1)?)) {
        // Where there is no mark, the directory is listed as the first mount shows it.
        let _ = host::fcntl(descriptor, raw::F_SETSIG, signal as usize);
    }
}

/// Returns the mount by which an open directory with a host path was reached, if there is a mark that says so.
pub(super) fn marked(descriptor: i32, host: &[u8]) -> Option<usize> {
    let signal = host::fcntl(descriptor, raw::F_GETSIG, 0).ok()?;
    let rank = MARKS.iter().position(|&mark| mark as usize == signal)?;
    session().mounts.views(host, &mut GuestBuf::new()).nth(rank + 1)
}

/// Returns whether a descriptor was opened as a directory (O_DIRECTORY), and so had its mark if it needed one.
///
/// # Errors
/// EBADF.
pub(super) fn was_opened_to_list(descriptor: i32) -> Result<bool, Errno> {
    Ok(host::fcntl(descriptor, raw::F_GETFL, 0)? & raw::O_DIRECTORY as usize != 0)
}
