//! Calls that change files and their attributes.
//!
//! # Safety
//! As for the parent module: the kernel is given memory that is borrowed for the call.

use newroot_abi::Errno;
use newroot_sys::{raw, syscall};

use super::Path;

/// getxattr(2) of what a path leads to, links followed; the result is the value's length.
///
/// # Errors
/// The call's.
pub fn getxattr(path: Path<'_>, name: Path<'_>, out: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: all three are borrowed, and the kernel writes at most out.len() bytes.
    unsafe { syscall!(raw::__NR_getxattr, path.address(), name.address(), out.as_mut_ptr(), out.len()) }
}

/// fgetxattr(2).
///
/// # Errors
/// The call's; EBADF for a descriptor that was opened with O_PATH.
pub fn fgetxattr(descriptor: i32, name: Path<'_>, out: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: both are borrowed, and the kernel writes at most out.len() bytes.
    unsafe { syscall!(raw::__NR_fgetxattr, descriptor, name.address(), out.as_mut_ptr(), out.len()) }
}

/// listxattr(2) of what a path leads to, links followed; the result is the list's length.
///
/// # Errors
/// The call's.
pub fn listxattr(path: Path<'_>, out: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: both are borrowed, and the kernel writes at most out.len() bytes.
    unsafe { syscall!(raw::__NR_listxattr, path.address(), out.as_mut_ptr(), out.len()) }
}

/// setxattr(2) of what a path leads to, links followed.
///
/// # Errors
/// The call's.
pub fn setxattr(path: Path<'_>, name: Path<'_>, value: &[u8], flags: u32) -> Result<(), Errno> {
    let (address, len) = (value.as_ptr(), value.len());
    // SAFETY: all three are borrowed.
    unsafe { syscall!(raw::__NR_setxattr, path.address(), name.address(), address, len, flags).map(|_| ()) }
}

/// removexattr(2) of what a path leads to, links followed.
///
/// # Errors
/// The call's.
pub fn removexattr(path: Path<'_>, name: Path<'_>) -> Result<(), Errno> {
    // SAFETY: both are borrowed.
    unsafe { syscall!(raw::__NR_removexattr, path.address(), name.address()).map(|_| ()) }
}

/// fchmodat(2), which follows a symlink at the end.
///
/// # Errors
/// The call's.
pub fn fchmodat(directory: i32, path: Path<'_>, mode: u32) -> Result<(), Errno> {
    // SAFETY: the path is borrowed.
    unsafe { syscall!(raw::__NR_fchmodat, directory, path.address(), mode).map(|_| ()) }
}

/// fchownat(2) that changes neither owner nor group, but the time of change.
///
/// # Errors
/// The call's.
pub fn chown_to_nobody(directory: i32, path: Path<'_>, flags: u32) -> Result<(), Errno> {
    let (same, path) = (u32::MAX, path.address());
    // SAFETY: the path is borrowed.
    unsafe { syscall!(raw::__NR_fchownat, directory, path, same, same, flags).map(|_| ()) }
}

/// symlinkat(2).
///
/// # Errors
/// The call's.
pub fn symlinkat(text: Path<'_>, directory: i32, path: Path<'_>) -> Result<(), Errno> {
    // SAFETY: both are borrowed.
    unsafe { syscall!(raw::__NR_symlinkat, text.address(), directory, path.address()).map(|_| ()) }
}

/// mknodat(2) of what anybody may make: FIFOs, sockets, empty files.
///
/// # Errors
/// The call's.
pub fn mknodat(directory: i32, path: Path<'_>, mode: u32) -> Result<(), Errno> {
    // SAFETY: the path is borrowed.
    unsafe { syscall!(raw::__NR_mknodat, directory, path.address(), mode, 0).map(|_| ()) }
}

/// mkdirat(2).
///
/// # Errors
/// The call's.
pub fn mkdirat(directory: i32, path: Path<'_>, mode: u32) -> Result<(), Errno> {
    // SAFETY: the path is borrowed for the call.
    unsafe { syscall!(raw::__NR_mkdirat, directory, path.address(), mode).map(|_| ()) }
}

/// unlinkat(2).
///
/// # Errors
/// The call's.
pub fn unlinkat(directory: i32, path: Path<'_>, flags: u32) -> Result<(), Errno> {
    // SAFETY: the path is borrowed.
    unsafe { syscall!(raw::__NR_unlinkat, directory, path.address(), flags).map(|_| ()) }
}

/// renameat2(2).
///
/// # Errors
/// The call's.
pub fn rename(from: (i32, Path<'_>), to: (i32, Path<'_>), flags: u32) -> Result<(), Errno> {
    let (old, new) = (from.1.address(), to.1.address());
    // SAFETY: both paths are borrowed.
    unsafe { syscall!(raw::__NR_renameat2, from.0, old, to.0, new, flags).map(|_| ()) }
}

/// Sets a file's time of modification, in seconds since 1970, by utimensat(2).
///
/// # Errors
/// The call's.
pub fn set_modified(path: Path<'_>, seconds: i64) -> Result<(), Errno> {
    /// UTIME_OMIT: the time of access stays.
    const OMIT: i64 = (1 << 30) - 2;
    let times = [0, OMIT, seconds, 0];
    // SAFETY: the path is borrowed, and the kernel reads two times of two words.
    unsafe { syscall!(raw::__NR_utimensat, super::AT_FDCWD, path.address(), times.as_ptr(), 0).map(|_| ()) }
}

/// linkat(2) without following a symlink.
///
/// # Errors
/// The call's.
pub fn linkat(from: (i32, Path<'_>), to: (i32, Path<'_>)) -> Result<(), Errno> {
    let (old, new) = (from.1.address(), to.1.address());
    // SAFETY: both paths are borrowed.
    unsafe { syscall!(raw::__NR_linkat, from.0, old, to.0, new, 0).map(|_| ()) }
}

/// flock(2).
///
/// # Errors
/// The call's.
pub fn flock(fd: i32, operation: u32) -> Result<(), Errno> {
    // SAFETY: touches no memory.
    unsafe { syscall!(raw::__NR_flock, fd, operation).map(|_| ()) }
}

/// pwrite64(2).
///
/// # Errors
/// The call's.
pub fn pwrite(fd: i32, bytes: &[u8], offset: u64) -> Result<usize, Errno> {
    // SAFETY: `bytes` is borrowed.
    unsafe { syscall!(raw::__NR_pwrite64, fd, bytes.as_ptr(), bytes.len(), offset) }
}

/// fallocate(2), which makes a file longer.
///
/// # Errors
/// The call's.
pub fn fallocate(fd: i32, offset: u64, len: u64) -> Result<(), Errno> {
    // SAFETY: touches no memory.
    unsafe { syscall!(raw::__NR_fallocate, fd, 0, offset, len).map(|_| ()) }
}

/// When a file was made, in nanoseconds since 1970 (statx(2), STATX_BTIME); `None` where the file system
/// doesn't keep it, or where a policy denies the question.
///
/// # Errors
/// The call's.
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

/// The time in seconds since 1970, by the clock that files' times are taken from.
#[must_use]
pub fn seconds() -> u64 {
    let mut now = [0u64; 2];
    // SAFETY: the pair lives for the call.
    let _ = unsafe { syscall!(raw::__NR_clock_gettime, raw::CLOCK_REALTIME_COARSE, now.as_mut_ptr()) };
    now[0]
}

/// The time in nanoseconds since the machine was started.
#[must_use]
pub fn nanoseconds() -> u64 {
    let mut now = [0u64; 2];
    // SAFETY: the pair lives for the call.
    let _ = unsafe { syscall!(raw::__NR_clock_gettime, raw::CLOCK_MONOTONIC, now.as_mut_ptr()) };
    now[0].wrapping_mul(1_000_000_000).wrapping_add(now[1])
}

/// prlimit64(2): the limits of a process, 0 being the caller: soft and hard.
///
/// # Errors
/// The call's.
pub fn limits_of(process: u32, resource: u32) -> Result<[u64; 2], Errno> {
    let mut old = [0u64; 2];
    // SAFETY: the pair lives for the call.
    unsafe { syscall!(raw::__NR_prlimit64, process, resource, 0, old.as_mut_ptr())? };
    Ok(old)
}

/// prlimit64(2): sets the calling process's limits.
///
/// # Errors
/// The call's.
pub fn set_limits(resource: u32, limits: [u64; 2]) -> Result<(), Errno> {
    // SAFETY: the pair lives for the call.
    unsafe { syscall!(raw::__NR_prlimit64, 0, resource, limits.as_ptr(), 0).map(|_| ()) }
}
