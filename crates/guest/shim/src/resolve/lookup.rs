//! Lookup of paths: by the text alone, or component by component.

use newroot_abi::Errno;
use newroot_paths::{Found, HostBuf, Last, Lexical, WalkScratch, is_canonical, lexical, walk};
use newroot_sys::raw;

use super::{Anchored, HostFs, NO_SYMLINKS, directory_path, merged, open_found, procfs};
use crate::hardlinks;
use crate::kernel::{self, Descriptor};
use crate::session::session;
use crate::slots::Operand;

/// Translates the operand's path by its text alone. For [`Lexical::Absolute`], the host path is in
/// `operand.walk.host`.
///
/// # Errors
/// ENAMETOOLONG.
pub fn read_text(operand: &mut Operand) -> Result<Lexical, Errno> {
    if !session().has_openat2() {
        return Ok(Lexical::Walk);
    }
    let rewritten = merged::rewrite(operand);
    let Operand { text, normal, walk, .. } = operand;
    let text = if rewritten { walk.guest.bytes() } else { text.bytes() };
    lexical(&session().mounts, text, normal, &mut walk.host)
}

/// The result of a walk. The file isn't open, and need not exist.
///
/// It is for calls that open the file in their own way, or that need no descriptor. Other calls use
/// an [`Object`](super::Object).
#[derive(Debug)]
pub struct Walked<'a> {
    operand: &'a mut Operand,
    /// The end of the walk.
    pub found: Found,
}

impl<'a> Walked<'a> {
    /// Joins the end of a walk with the operand's buffers, which hold its paths.
    ///
    /// # Errors
    /// The errnos of readlink(2) for procfs's link to the process's own directory; ENAMETOOLONG.
    pub(super) fn new(operand: &'a mut Operand, found: Found) -> Result<Self, Errno> {
        without_symlink(found, &mut operand.walk)?;
        Ok(Self { operand, found })
    }
}

impl Walked<'_> {
    /// Returns the buffers, with the canonical guest path and the host path in `walk`.
    pub fn buffers(&mut self) -> &mut Operand {
        self.operand
    }

    /// Returns the path as the guest gave it.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        self.operand.text.bytes()
    }

    /// Returns the host path. It ends in a slash if the guest's path asks for a directory.
    pub fn host(&mut self) -> &mut HostBuf {
        &mut self.operand.walk.host
    }

    /// Returns the mount that the file belongs to; `None` for a magic link, which can lead
    /// anywhere.
    #[must_use]
    pub fn named_mount(&self) -> Option<usize> {
        if self.found.magic { None } else { Some(self.found.mount) }
    }

    /// Opens the file. `flags` are those of openat(2). The last component isn't followed again.
    ///
    /// # Errors
    /// The errnos of openat(2); ELOOP if a symlink has replaced something on the path since the
    /// walk.
    pub fn open(&mut self, flags: u32) -> Result<Descriptor, Errno> {
        open_found(self.found, &mut self.operand.walk.host, flags)
    }
}

/// Walks the operand's path.
///
/// # Errors
/// The errnos of path_resolution(7).
pub fn walk_text(operand: &mut Operand, directory: i32, last: Last) -> Result<Walked<'_>, Errno> {
    let Operand { text, walk: scratch, .. } = operand;
    if text.bytes().first() != Some(&b'/') {
        directory_path(directory, &mut scratch.guest)?;
    }
    let found = walk(&mut HostFs, &session().mounts, scratch, text.bytes(), last)?;
    Walked::new(operand, found)
}

/// Turns the host path that a walk has found into one without symlinks.
pub(super) fn without_symlink(found: Found, scratch: &mut WalkScratch) -> Result<(), Errno> {
    if found.magic { Ok(()) } else { procfs::name_own(found.mount, &mut scratch.host) }
}

/// Opens the file at the operand's absolute path with O_PATH, if the path's text is canonical and
/// no symlink is on the way. `operand.walk` then holds the file's paths as after a walk. Returns
/// `None` if only a walk can find the file.
///
/// # Errors
/// The errnos of path_resolution(7).
pub fn canonical(operand: &mut Operand, last: Last) -> Result<Option<Descriptor>, Errno> {
    let absolute = operand.text.bytes().first() == Some(&b'/');
    if !absolute || !session().has_openat2() || hardlinks::on() {
        return Ok(None);
    }
    let rewritten = merged::rewrite(operand);
    let Operand { text, walk: scratch, .. } = operand;
    if !is_canonical(text.bytes()) {
        return Ok(None);
    }
    if !rewritten {
        scratch.guest.assign(text.bytes())?;
    }
    session().mounts.translate(scratch.guest.bytes(), &mut scratch.host)?;
    let flags = raw::O_PATH | raw::O_CLOEXEC | if last == Last::Keep { raw::O_NOFOLLOW } else { 0 };
    let at = Anchored::new(&mut scratch.host)?;
    match kernel::openat2(at.directory(), at.path(), flags.into(), 0, NO_SYMLINKS) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::LOOP) => Ok(None),
        Err(error) => Err(error),
    }
}
