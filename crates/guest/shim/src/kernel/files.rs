//! System calls that change files and their attributes.
//!
//! # Safety
//! As for the parent module: the kernel gets only memory that is borrowed for the call.

use newroot_abi::Errno;
use newroot_sys::{raw, syscall};

use super::Path;

/// Calls getxattr(2), which follows symlinks; returns the value's length in bytes.
///
/// # Errors
/// The errnos of getxattr(2).
pub fn getxattr(path: Path<'_>, name: Path<'_>, out: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: all three are borrowed, and the kernel writes at most out.len() bytes.
    unsafe { syscall!(raw::__NR_getxattr, path.address(), name.address(), out.as_mut_ptr(), out.len()) }
}

/// Calls fgetxattr(2); returns the value's length in bytes.
///
/// # Errors
/// The errnos of fgetxattr(2); EBADF for a descriptor that was opened with O_PATH.
pub fn fgetxattr(descriptor: i32, name: Path<'_>, out: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: both are borrowed, and the kernel writes at most out.len() bytes.
    unsafe { syscall!(raw::__NR_fgetxattr, descriptor, name.address(), out.as_mut_ptr(), out.len()) }
}

/// Calls listxattr(2), which follows symlinks; returns the list's length in bytes.
///
/// # Errors
/// The errnos of listxattr(2).
pub fn listxattr(path: Path<'_>, out: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: both are borrowed, and the kernel writes at most out.len() bytes.
    unsafe { syscall!(raw::__NR_listxattr, path.address(), out.as_mut_ptr(), out.len()) }
}

/// Calls setxattr(2), which follows symlinks.
///
/// # Errors
/// The errnos of setxattr(2).
pub fn setxattr(path: Path<'_>, name: Path<'_>, value: &[u8], flags: u32) -> Result<(), Errno> {
    let (address, len) = (value.as_ptr(), value.len());
    // SAFETY: all three are borrowed.
    unsafe { syscall!(raw::__NR_setxattr, path.address(), name.address(), address, len, flags).map(|_| ()) }
}

/// Calls removexattr(2), which follows symlinks.
///
/// # Errors
/// The errnos of removexattr(2).
pub fn removexattr(path: Path<'_>, name: Path<'_>) -> Result<(), Errno> {
    // SAFETY: both are borrowed.
    unsafe { syscall!(raw::__NR_removexattr, path.address(), name.address()).map(|_| ()) }
}

/// Calls fchmodat(2), which follows a symlink at the end.
///
/// # Errors
/// The errnos of fchmodat(2).
pub fn fchmodat(directory: i32, path: Path<'_>, mode: u32) -> Result<(), Errno> {
    // SAFETY: the path is borrowed.
    unsafe { syscall!(raw::__NR_fchmodat, directory, path.address(), mode).map(|_| ()) }
}

/// Calls fchownat(2) so that owner and group stay, but the time of the last status change (ctime)
/// is updated.
///
/// # Errors
/// The errnos of fchownat(2).
pub fn chown_to_nobody(directory: i32, path: Path<'_>, flags: u32) -> Result<(), Errno> {
    let (same, path) = (u32::MAX, path.address());
    // SAFETY: the path is borrowed.
    unsafe { syscall!(raw::__NR_fchownat, directory, path, same, same, flags).map(|_| ()) }
}

/// Calls symlinkat(2).
///
/// # Errors
/// The errnos of symlinkat(2).
pub fn symlinkat(text: Path<'_>, directory: i32, path: Path<'_>) -> Result<(), Errno> {
    // SAFETY: both are borrowed.
    unsafe { syscall!(raw::__NR_symlinkat, text.address(), directory, path.address()).map(|_| ()) }
}

/// Calls mknodat(2) for a file that any user may create: a FIFO, a socket, an empty file.
///
/// # Errors
/// The errnos of mknodat(2).
pub fn mknodat(directory: i32, path: Path<'_>, mode: u32) -> Result<(), Errno> {
    // SAFETY: the path is borrowed.
    unsafe { syscall!(raw::__NR_mknodat, directory, path.address(), mode, 0).map(|_| ()) }
}

/// Calls mkdirat(2).
///
/// # Errors
/// The errnos of mkdirat(2).
pub fn mkdirat(directory: i32, path: Path<'_>, mode: u32) -> Result<(), Errno> {
    // SAFETY: the path is borrowed for the call.
    unsafe { syscall!(raw::__NR_mkdirat, directory, path.address(), mode).map(|_| ()) }
}

/// Calls unlinkat(2).
///
/// # Errors
/// The errnos of unlinkat(2).
pub fn unlinkat(directory: i32, path: Path<'_>, flags: u32) -> Result<(), Errno> {
    // SAFETY: the path is borrowed.
    unsafe { syscall!(raw::__NR_unlinkat, directory, path.address(), flags).map(|_| ()) }
}

/// Calls renameat2(2).
///
/// # Errors
/// The errnos of renameat2(2).
pub fn rename(from: (i32, Path<'_>), to: (i32, Path<'_>), flags: u32) -> Result<(), Errno> {
    let (old, new) = (from.1.address(), to.1.address());
    // SAFETY: both paths are borrowed.
    unsafe { syscall!(raw::__NR_renameat2, from.0, old, to.0, new, flags).map(|_| ()) }
}

/// Sets a file's modification time, in seconds since 1970 (utimensat(2)).
///
/// # Errors
/// The errnos of utimensat(2).
pub fn set_modified(path: Path<'_>, seconds: i64) -> Result<(), Errno> {
    /// UTIME_OMIT: the access time stays.
    const OMIT: i64 = (1 << 30) - 2;
    let times = [0, OMIT, seconds, 0];
    // SAFETY: the path is borrowed, and the kernel reads two times of two words.
    unsafe { syscall!(raw::__NR_utimensat, super::AT_FDCWD, path.address(), times.as_ptr(), 0).map(|_| ()) }
}

/// Calls linkat(2) without following a symlink.
///
/// # Errors
/// The errnos of linkat(2).
pub fn linkat(from: (i32, Path<'_>), to: (i32, Path<'_>)) -> Result<(), Errno> {
    let (old, new) = (from.1.address(), to.1.address());
    // SAFETY: both paths are borrowed.
    unsafe { syscall!(raw::__NR_linkat, from.0, old, to.0, new, 0).map(|_| ()) }
}

/// Calls flock(2).
///
/// # Errors
/// The errnos of flock(2).
pub fn flock(fd: i32, operation: u32) -> Result<(), Errno> {
    // SAFETY: touches no memory.
    unsafe { syscall!(raw::__NR_flock, fd, operation).map(|_| ()) }
}

/// Calls pwrite64(2).
///
/// # Errors
/// The errnos of pwrite64(2).
pub fn pwrite(fd: i32, bytes: &[u8], offset: u64) -> Result<usize, Errno> {
    // SAFETY: `bytes` is borrowed.
    unsafe { syscall!(raw::__NR_pwrite64, fd, bytes.as_ptr(), bytes.len(), offset) }
}

/// Calls fallocate(2), which can make a file longer.
///
/// # Errors
/// The errnos of fallocate(2).
pub fn fallocate(fd: i32, offset: u64, len: u64) -> Result<(), Errno> {
    // SAFETY: touches no memory.
    unsafe { syscall!(raw::__NR_fallocate, fd, 0, offset, len).map(|_| ()) }
}

/// Returns when a file was created, in nanoseconds since 1970 (statx(2), STATX_BTIME). Returns
/// `None` where the file system doesn't record it, or where a policy denies statx(2).
///
/// # Errors
/// The errnos of statx(2), except ENOSYS and EPERM.
pub fn birth(directory: i32, path: Path<'_>) -> Result<Option<u64>, Errno> {
    let mut out = core::mem::MaybeUninit::<raw::statx>::uninit();
    let flags = raw::AT_SYMLINK_NOFOLLOW | raw::AT_EMPTY_PATH;
    // SAFETY: the path is borrowed, and the kernel fills the structure when it succeeds.
    let out = unsafe {
        let (path, mask) = (path.address(), raw::STATX_BTIME);
        match syscall!(raw::__NR_statx, directory, path, flags, mask, out.as_mut_ptr()) {
            Err(Errno::NOSYS | Errno::PERM) => return Ok(None),
            answer => answer?,
        };
        out.assume_init()
    };
    let known = out.stx_mask & raw::STATX_BTIME != 0;
    let seconds = u64::try_from(out.stx_btime.tv_sec).unwrap_or(0);
    Ok(known.then(|| seconds.wrapping_mul(1_000_000_000).wrapping_add(out.stx_btime.tv_nsec.into())))
}

/// Returns the time in seconds since 1970, from the clock that the kernel uses for files' times.
#[must_use]
pub fn seconds() -> u64 {
    let mut now = [0u64; 2];
    // SAFETY: the pair lives for the call.
    let _ = unsafe { syscall!(raw::__NR_clock_gettime, raw::CLOCK_REALTIME_COARSE, now.as_mut_ptr()) };
    now[0]
}

/// Returns the time in nanoseconds since the machine was started (CLOCK_MONOTONIC).
#[must_use]
pub fn nanoseconds() -> u64 {
    let mut now = [0u64; 2];
    // SAFETY: the pair lives for the call.
    let _ = unsafe { syscall!(raw::__NR_clock_gettime, raw::CLOCK_MONOTONIC, now.as_mut_ptr()) };
    now[0].wrapping_mul(1_000_000_000).wrapping_add(now[1])
}

/// Returns the soft and the hard limit of a process (prlimit64(2)); 0 is the caller.
///
/// # Errors
/// The errnos of prlimit(2).
pub fn limits_of(process: u32, resource: u32) -> Result<[u64; 2], Errno> {
    let mut old = [0u64; 2];
    // SAFETY: the pair lives for the call.
    unsafe { syscall!(raw::__NR_prlimit64, process, resource, 0, old.as_mut_ptr())? };
    Ok(old)
}

/// Sets the calling process's soft and hard limit (prlimit64(2)).
///
/// # Errors
/// The errnos of prlimit(2).
pub fn set_limits(resource: u32, limits: [u64; 2]) -> Result<(), Errno> {
    // SAFETY: the pair lives for the call.
    unsafe { syscall!(raw::__NR_prlimit64, 0, resource, limits.as_ptr(), 0).map(|_| ()) }
}
