//! Opens host paths without following symlinks.

use newroot_abi::Errno;
use newroot_sys::raw;

use crate::kernel::{self, Descriptor, Path};
use crate::session::session;

/// RESOLVE_NO_SYMLINKS of openat2(2), as that call takes it.
pub const NO_SYMLINKS: u64 = raw::RESOLVE_NO_SYMLINKS as u64;

/// Opens a host path by openat2(2) with the RESOLVE_* flags in `resolve`, or by openat(2) on a
/// kernel without that call. Only openat2 can refuse symlinks in the middle of a path. O_NOFOLLOW
/// in `flags` makes both calls refuse one at the end.
///
/// # Errors
/// The errnos of openat2(2) and openat(2).
pub fn open_host(
    directory: i32,
    path: Path<'_>,
    flags: u64,
    mode: u64,
    resolve: u64,
) -> Result<Descriptor, Errno> {
    if session().has_openat2() {
        kernel::openat2(directory, path, flags, mode, resolve)
    } else {
        kernel::openat(directory, path, flags as u32, mode as u32)
    }
}
