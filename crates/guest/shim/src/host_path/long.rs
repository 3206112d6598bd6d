//! Host paths that are too long for the kernel.
//!
//! A guest path may have PATH_MAX bytes, and the root's own path comes in front of it. The shim
//! looks up a path that becomes too long in two or three steps, through directories on the way.

use newroot_abi::{Errno, PATH_MAX};
use newroot_paths::HostBuf;
use newroot_sys::raw;

use super::open::{NO_SYMLINKS, open_host};
use crate::kernel::{AT_FDCWD, Descriptor, Path};

/// A host path, as a directory and the rest of the path, which is short enough for the kernel.
#[derive(Debug)]
pub struct Anchored<'a> {
    directory: Option<Descriptor>,
    rest: &'a [u8],
}

impl<'a> Anchored<'a> {
    /// Opens directories on the way as far as needed, and refuses symlinks.
    ///
    /// # Errors
    /// The errnos of openat(2); ENAMETOOLONG for a component that is too long for any kernel.
    pub fn new(path: &'a mut HostBuf) -> Result<Self, Errno> {
        if path.len() < PATH_MAX {
            return Ok(Self { directory: None, rest: path.with_nul() });
        }
        Self::of_long(path)
    }

    // Out of line: keeps this large frame off each call's stack.
    #[inline(never)]
    fn of_long(path: &'a mut HostBuf) -> Result<Self, Errno> {
        let mut directory: Option<Descriptor> = None;
        let mut rest = path.with_nul();
        while rest.len() > PATH_MAX {
            let head = rest.get(..PATH_MAX - 1).unwrap_or(rest);
            let slash = head.iter().rposition(|&byte| byte == b'/').filter(|&slash| slash > 0);
            let (head, tail) = rest.split_at_checked(slash.ok_or(Errno::NAMETOOLONG)?).ok_or(Errno::INVAL)?;
            let mut name = [0u8; PATH_MAX];
            name.get_mut(..head.len()).ok_or(Errno::NAMETOOLONG)?.copy_from_slice(head);
            let from = directory.as_ref().map_or(AT_FDCWD, Descriptor::number);
            let path = Path::new(&name);
            let flags = raw::O_PATH | raw::O_DIRECTORY | raw::O_NOFOLLOW | raw::O_CLOEXEC;
            directory = Some(open_host(from, path, flags.into(), 0, NO_SYMLINKS)?);
            let skip = tail.iter().position(|&byte| byte != b'/').ok_or(Errno::INVAL)?;
            rest = tail.get(skip..).ok_or(Errno::INVAL)?;
        }
        Ok(Self { directory, rest })
    }

    /// Returns the directory's descriptor; AT_FDCWD for a path that is short enough as a whole.
    #[must_use]
    pub fn directory(&self) -> i32 {
        self.directory.as_ref().map_or(AT_FDCWD, Descriptor::number)
    }

    /// Returns the path from that directory.
    #[must_use]
    pub fn path(&self) -> Path<'a> {
        Path::new(self.rest)
    }
}
