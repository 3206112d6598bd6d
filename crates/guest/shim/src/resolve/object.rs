//! The file that a path names.

use newroot_abi::links::Id;
use newroot_abi::plan::Flags;
use newroot_abi::{Errno, PATH_MAX};
use newroot_paths::{Last, Lexical};
use newroot_sys::raw;

use super::{
    Anchored, NO_SYMLINKS, TRIES, Target, directory_path, host_path, mount_of_directory, namespace_path,
    open_host, out_of_descriptors, procfs, read_text, unless_walk, walk_text,
};
use crate::hardlinks;
use crate::kernel::{self, AT_FDCWD, Descriptor, FileType, Path, Stat};
use crate::mount_view;
use crate::session::session;
use crate::slots::Operand;

/// A file that a path was resolved to.
#[derive(Debug)]
pub struct Object<'a> {
    operand: &'a mut Operand,
    /// O_PATH descriptor; `None` if none was free, so that the caller must use [`Self::host`].
    pub descriptor: Option<Descriptor>,
    /// Mount that the file belongs to, if the path's text or the walk determined it.
    named_mount: Option<usize>,
    /// The file's ID, if the path is one of its several names that newroot keeps in place of hard
    /// links ([`hardlinks`]).
    pub link: Option<Id>,
}

impl Target for Object<'_> {
    fn mount(&self) -> Result<Option<usize>, Errno> {
        match (self.named_mount, &self.descriptor) {
            (None, Some(descriptor)) => mount_of_directory(descriptor.number()),
            (mount, _) => Ok(mount),
        }
    }
}

impl Object<'_> {
    /// Returns the mount that the path's text or the walk determined, without a system call; `None`
    /// if they determined none.
    #[must_use]
    pub fn named_mount(&self) -> Option<usize> {
        self.named_mount
    }

    /// Returns the file's host path, whose last component isn't followed. It is only valid without
    /// a descriptor.
    pub fn host(&mut self) -> Path<'_> {
        Path::new(self.operand.walk.host.with_nul())
    }

    /// Returns the bytes of [`Self::host`].
    #[must_use]
    pub fn host_bytes(&self) -> &[u8] {
        self.operand.walk.host.bytes()
    }

    /// Returns a path that leads to the file, for a call that takes a path: a magic link in procfs,
    /// or the host path.
    ///
    /// # Errors
    /// ENAMETOOLONG.
    pub fn path(&mut self) -> Result<Path<'_>, Errno> {
        let Operand { walk, name, .. } = &mut *self.operand;
        match &self.descriptor {
            Some(descriptor) if !session().has(Flags::NO_PROC) => {
                procfs::name_descriptor(descriptor.number(), name)?;
            }
            _ => name.assign(walk.host.bytes())?,
        }
        Ok(Path::new(name.with_nul()))
    }

    /// Returns the file's status; `None` without a descriptor.
    ///
    /// # Errors
    /// The errnos of fstat(2).
    pub fn stat(&self) -> Result<Option<Stat>, Errno> {
        self.descriptor.as_ref().map(|descriptor| kernel::fstat(descriptor.number())).transpose()
    }

    /// Returns the file's type; `None` without a descriptor.
    ///
    /// # Errors
    /// The errnos of fstat(2).
    pub fn kind(&self) -> Result<Option<FileType>, Errno> {
        Ok(self.stat()?.map(|stat| FileType::of(&stat)))
    }

    /// Makes the file the working directory.
    ///
    /// # Errors
    /// ENOTDIR, EACCES.
    pub fn enter(&mut self) -> Result<(), Errno> {
        match &self.descriptor {
            Some(descriptor) => kernel::fchdir(descriptor.number()),
            None => kernel::chdir(self.host()),
        }
    }
}

impl<'a> Object<'a> {
    fn opened(operand: &'a mut Operand, descriptor: Descriptor, mount: Option<usize>) -> Self {
        Self { operand, descriptor: Some(descriptor), named_mount: mount, link: None }
    }
}

/// Finds the file that the operand's path names.
///
/// # Errors
/// The errnos of path_resolution(7).
pub fn object(operand: &mut Operand, directory: i32, last: Last) -> Result<Object<'_>, Errno> {
    let flags = raw::O_PATH | raw::O_CLOEXEC | if last == Last::Keep { raw::O_NOFOLLOW } else { 0 };
    match open_by_text(operand, directory, flags)? {
        // A symlink that isn't followed, but is one of a file's several names. The walk finds that
        // file.
        Some((descriptor, _)) if last == Last::Keep && is_name(&descriptor)? => {}
        Some((descriptor, mount)) => return Ok(Object::opened(operand, descriptor, mount)),
        None => {}
    }
    walk_to_object(operand, directory, last, flags)
}

/// Opens the file by the path's text alone. Returns it with the mount that the text determines;
/// `None` if only a walk can find it.
fn open_by_text(
    operand: &mut Operand,
    directory: i32,
    flags: u32,
) -> Result<Option<(Descriptor, Option<usize>)>, Errno> {
    let (opened, mount) = match read_text(operand)? {
        Lexical::Walk => return Ok(None),
        Lexical::Absolute(mount) => {
            let at = Anchored::new(&mut operand.walk.host);
            let open =
                |at: Anchored<'_>| kernel::openat2(at.directory(), at.path(), flags.into(), 0, NO_SYMLINKS);
            (at.and_then(open), Some(mount))
        }
        Lexical::Relative => {
            let path = Path::new(operand.text.with_nul());
            // A path that only goes down from a directory, without a link or a binding on the way,
            // stays in the directory's mount. The mount of a file that is visible at two guest
            // paths follows from the start directory; the file's descriptor alone doesn't show it.
            let matters = session().has(Flags::READ_ONLY.with(Flags::ALIASED));
            let mount = if matters { mount_of_directory(directory)? } else { None };
            (kernel::openat2(directory, path, flags.into(), 0, NO_SYMLINKS), mount)
        }
    };
    Ok(unless_walk(opened)?.map(|descriptor| (descriptor, mount)))
}

/// Walks to the file and opens it.
fn walk_to_object(
    operand: &mut Operand,
    directory: i32,
    last: Last,
    flags: u32,
) -> Result<Object<'_>, Errno> {
    let is_relative = operand.text.bytes().first() != Some(&b'/');
    let mut tries = 0;
    loop {
        let mut walked = match walk_text(operand, directory, last) {
            Err(error @ (Errno::NOENT | Errno::NAMETOOLONG)) if is_relative => {
                return from_nowhere(operand, directory, flags, error);
            }
            other => other?,
        };
        let (found, named_mount) = (walked.found, walked.named_mount());
        let link = if found.elsewhere { hardlinks::of_path(walked.host().bytes()) } else { None };
        match walked.open(raw::O_PATH) {
            // The file has got several names since the walk.
            Ok(descriptor) if last == Last::Keep && tries < TRIES && is_name(&descriptor)? => {}
            Ok(descriptor) => return Ok(Object { operand, descriptor: Some(descriptor), named_mount, link }),
            // Something was renamed during the walk, which starts again.
            Err(Errno::LOOP) if tries < TRIES => {}
            // The file has lost its last name, because another file was renamed to it.
            Err(Errno::NOENT) if found.elsewhere && tries < TRIES => {}
            Err(error) if out_of_descriptors(error) => {
                return Ok(Object { operand, descriptor: None, named_mount, link });
            }
            Err(error) => return Err(error),
        }
        tries += 1;
    }
}

/// Returns whether the opened file is one of a file's several names, and not the file itself.
fn is_name(opened: &Descriptor) -> Result<bool, Errno> {
    Ok(hardlinks::of_link(opened.number())?.is_some())
}

/// Finds the file from a directory that was removed, or that lies deeper than PATH_MAX. Such a
/// directory has no guest path to start a walk from, but it has a parent. The kernel does the
/// lookup, and its result is used if it lies in the guest's root.
///
/// `error` is the walk's. It is the result if the directory does have a guest path.
fn from_nowhere(
    operand: &mut Operand,
    directory: i32,
    flags: u32,
    error: Errno,
) -> Result<Object<'_>, Errno> {
    let start = match directory_path(directory, &mut operand.walk.guest) {
        Err(error) if error.is_shortage() => return Err(error),
        start => start,
    };
    // For a directory with a guest path, the walk's error is right, unless the walk's own limit
    // caused it.
    if start.is_ok() && error != Errno::NAMETOOLONG {
        return Err(error);
    }
    let path = Path::new(operand.text.with_nul());
    // A kernel without openat2(2) follows symlinks as host paths here.
    let found = open_host(directory, path, flags.into(), 0, NO_SYMLINKS);
    let found = found.map_err(|found| if start.is_ok() { error } else { found })?;
    // A file that lies too deep to have a path can't lie above the root, which has a path.
    let too_deep = match host_path(found.number(), &mut operand.walk.host) {
        Ok(()) => operand.walk.host.len() >= PATH_MAX,
        Err(error) => error == Errno::NAMETOOLONG,
    };
    match mount_of_directory(found.number())? {
        Some(mount) => Ok(Object::opened(operand, found, Some(mount))),
        None if too_deep => Ok(Object::opened(operand, found, None)),
        None if session().has(Flags::FAKE_ROOT) => from_outside(operand, directory, found),
        None => Err(Errno::NOENT),
    }
}

/// Finds the file if both it and the directory that the path starts from lie outside the root, as
/// they may after a chroot. The guest sees all of the process's namespace from there, and nothing
/// above it.
fn from_outside(operand: &mut Operand, directory: i32, found: Descriptor) -> Result<Object<'_>, Errno> {
    let guest = &mut operand.walk.guest;
    namespace_path(directory, guest)?;
    if namespace_path(found.number(), guest).is_ok() {
        return Ok(Object::opened(operand, found, None));
    }
    let host = &mut operand.walk.host;
    mount_view::whole()?.mounts.translate(b"", host)?;
    let top = kernel::openat(AT_FDCWD, Path::new(host.with_nul()), raw::O_PATH | raw::O_CLOEXEC, 0)?;
    Ok(Object::opened(operand, top, None))
}
