//! Opens files that a walk has found.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::{Found, HostBuf, Last};
use newroot_sys::raw;

use super::{TRIES, procfs, stand_in, walk_text};
use crate::host_path::{Anchored, NO_SYMLINKS, open_host};
use crate::kernel::{self, AT_FDCWD, Descriptor};
use crate::session::session;
use crate::slots::Operand;

/// Opens the file that a walk has found at a host path: see [`Walked::open`](super::Walked::open).
///
/// # Errors
/// The errnos of openat(2); ELOOP if a symlink has replaced something on the path since the walk.
pub(super) fn open_found(found: Found, host_path: &mut HostBuf, flags: u32) -> Result<Descriptor, Errno> {
    let flags = flags | raw::O_CLOEXEC;
    if found.magic && procfs::exe::is_link(host_path.bytes()) {
        return procfs::exe::stand_in(host_path.bytes(), flags);
    }
    if found.magic
        && flags & raw::O_PATH != 0
        && session().has(Flags::FAKE_ROOT)
        && let Some(device) = stand_in::of_link(host_path.bytes())?
    {
        return Ok(device);
    }
    let at = Anchored::new(host_path)?;
    if found.magic {
        return kernel::openat(at.directory(), at.path(), flags, 0);
    }
    open_host(at.directory(), at.path(), u64::from(flags | raw::O_NOFOLLOW), 0, NO_SYMLINKS)
}

/// Opens for reading the interpreter of a program, which the operand's path names. Returns it with
/// the result of the walk. A relative path starts from the working directory, as in the kernel.
///
/// # Errors
/// The errnos of path_resolution(7) and open(2).
pub fn open_for_exec(operand: &mut Operand) -> Result<(Descriptor, Found), Errno> {
    let mut tries = 0;
    loop {
        let mut walked = walk_text(operand, AT_FDCWD, Last::Follow)?;
        match walked.open(raw::O_RDONLY) {
            Err(Errno::LOOP) if tries < TRIES => tries += 1,
            opened => return opened.map(|opened| (opened, walked.found)),
        }
    }
}
