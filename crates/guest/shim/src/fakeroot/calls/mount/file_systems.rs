//! Stand-ins for file systems that the guest mounts by their types.

use newroot_abi::Errno;
use newroot_abi::plan::MountFlags;
use newroot_paths::HostBuf;
use newroot_sys::raw;

use crate::identity::memory_file;
use crate::kernel::{self, AT_FDCWD, Path};

/// Writes the host path of a directory that has the effect of a file system. Returns its flags.
///
/// # Errors
/// ENODEV for a type that the host doesn't know, EPERM for one that newroot can't provide; the
/// errnos of mkdir(2).
pub(super) fn find(kind: &[u8], data: usize, host: &mut HostBuf) -> Result<MountFlags, Errno> {
    let path: &[u8] = match kind {
        b"proc" => b"/proc",
        b"sysfs" => b"/sys",
        b"devtmpfs" => b"/dev",
        b"devpts" => b"/dev/pts",
        b"mqueue" => b"/dev/mqueue",
        b"tmpfs" | b"ramfs" => return memory_file::make(data, host),
        _ if is_known(kind) => return Err(Errno::PERM),
        _ => return Err(Errno::NODEV),
    };
    host.assign(path)?;
    let flags = raw::O_PATH | raw::O_DIRECTORY | raw::O_CLOEXEC;
    kernel::openat(AT_FDCWD, Path::new(host.with_nul()), flags, 0).map_err(|_| Errno::PERM)?;
    Ok(MountFlags::default())
}

/// Returns whether the host's kernel has file systems of a type.
fn is_known(kind: &[u8]) -> bool {
    let flags = raw::O_RDONLY | raw::O_CLOEXEC;
    let Ok(file) = kernel::openat(AT_FDCWD, Path::new(b"/proc/filesystems\0"), flags, 0) else { return true };
    let mut text = [0u8; 4096];
    let len = kernel::read(file.number(), &mut text).unwrap_or(0);
    let mut lines = text.get(..len).unwrap_or(&[]).split(|&byte| byte == b'\n');
    lines.any(|line| line.rsplit(|&byte| byte == b'\t').next() == Some(kind))
}
