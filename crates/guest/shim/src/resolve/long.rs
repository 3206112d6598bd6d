//! Host paths longer than the kernel takes.
//!
//! A guest path may be as long as PATH_MAX allows, and the root's own path stands in front of
//! it. What is too long then is taken in two or three steps, through directories on the way.

use newroot_abi::{Errno, PATH_MAX};
use newroot_paths::HostBuf;
use newroot_sys::raw;

use crate::host::{AT_FDCWD, Descriptor, Path};

/// A host path, as a directory and the rest that fits.
#[derive(Debug)]
pub struct Anchored<'a> {
    directory: Option<Descriptor>,
    rest: &'a [u8],
}

impl<'a> Anchored<'a> {
    /// Opens directories on the way as far as needed, refusing symlinks.
    ///
    /// # Errors
    /// openat(2)'s; ENAMETOOLONG for a component no kernel could take.
    pub fn new(path: &'a mut HostBuf) -> Result<Self, Errno> {
        if path.len() < PATH_MAX {
            return Ok(Self { directory: None, rest: path.with_nul() });
        }
        Self::of_long(path)
    }

    // Its room is not to be every call's.
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
            directory = Some(super::open_host(from, path, flags.into(), 0, super::NO_SYMLINKS)?);
            let skip = tail.iter().position(|&byte| byte != b'/').ok_or(Errno::INVAL)?;
            rest = tail.get(skip..).ok_or(Errno::INVAL)?;
        }
        Ok(Self { directory, rest })
    }

    /// The directory descriptor.
    #[must_use]
    pub fn directory(&self) -> i32 {
        self.directory.as_ref().map_or(AT_FDCWD, Descriptor::number)
    }

    /// The path from there.
    #[must_use]
    pub fn path(&self) -> Path<'a> {
        Path::new(self.rest)
    }
}
