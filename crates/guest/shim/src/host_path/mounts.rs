//! The host's mounts, as listed in procfs.

use newroot_abi::Errno;
use newroot_paths::HostBuf;
use newroot_procfs::{Escapes, MountInfo};
use newroot_sys::raw;

use crate::kernel::{AT_FDCWD, Path, lseek, map_anonymous, openat, read};
use crate::memory;

/// The text of a process's `mountinfo`, in its own mapping.
#[derive(Debug)]
pub struct MountList {
    at: usize,
    size: usize,
    len: usize,
}

impl MountList {
    /// Reads the list in a process's procfs directory.
    ///
    /// # Errors
    /// The errnos of open(2), read(2) and mmap(2).
    pub fn read(directory: &[u8]) -> Result<Self, Errno> {
        let mut path = HostBuf::new();
        path.assign(directory)?;
        path.extend(b"/mountinfo")?;
        let file = openat(AT_FDCWD, Path::new(path.with_nul()), raw::O_RDONLY | raw::O_CLOEXEC, 0)?;
        let mut size = 1 << 16;
        loop {
            let mut list = Self { at: map_anonymous(size)?, size, len: 0 };
            let buffer = memory::mapped_bytes(list.at, size);
            // The whole list is read from the beginning each time, so that it shows one moment as
            // far as the kernel ensures that.
            lseek(file.number(), 0, raw::SEEK_SET)?;
            while let Some(rest) = buffer.get_mut(list.len..).filter(|rest| !rest.is_empty()) {
                match read(file.number(), rest)? {
                    0 => return Ok(list),
                    more => list.len += more,
                }
            }
            size *= 2;
        }
    }

    /// Returns the lines, in the kernel's order.
    pub fn lines(&self) -> impl Iterator<Item = MountInfo<'_>> + Clone {
        let lines = memory::mapped_bytes(self.at, self.len).split(|&byte| byte == b'\n');
        lines.filter(|line| !line.is_empty()).filter_map(MountInfo::parse)
    }
}

impl Drop for MountList {
    fn drop(&mut self) {
        memory::unmap_owned(self.at, self.size);
    }
}

/// Writes the path of a mount point; empty for the host's root.
///
/// # Errors
/// ENAMETOOLONG if it doesn't fit.
pub fn point(line: MountInfo<'_>, out: &mut HostBuf) -> Result<(), Errno> {
    out.clear();
    for byte in Escapes::MOUNTS.unescape(line.point) {
        out.extend(&[byte])?;
    }
    if out.bytes() == b"/" {
        out.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use newroot_paths::is_under;

    use super::*;

    #[test]
    fn the_hosts_root_is_empty() {
        let line = MountInfo::parse(b"27 1 254:0 / / rw - ext4 /dev/vda rw").expect("a line");
        let mut out = HostBuf::new();
        point(line, &mut out).expect("fits");
        assert!(out.is_empty() && is_under(b"/x", out.bytes()));
    }
}
