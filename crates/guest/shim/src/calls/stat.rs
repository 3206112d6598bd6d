//! Runs stat(2) and its variants.

use core::mem::offset_of;

use newroot_abi::Errno;
use newroot_abi::links::Id;
use newroot_abi::plan::Flags;
use newroot_paths::{HostBuf, Last};
use newroot_sys::arch::legacy;
use newroot_sys::raw;

use super::hardlinks::amend_count;
use super::readlink;
use super::synthetic_proc::copy;
use crate::call::{Outcome, Trapped, descriptor_argument, forward, read_path};
use crate::hardlinks;
use crate::kernel::{self, AT_FDCWD, Path};
use crate::memory;
use crate::resolve::{self, Object, Target as _};
use crate::session::session;
use crate::slots::Operand;

const EMPTY: usize = raw::AT_EMPTY_PATH as usize;
const NOFOLLOW: usize = raw::AT_SYMLINK_NOFOLLOW as usize;

/// The request of a call, whichever call makes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// Directory of the path, or fstat(2)'s descriptor.
    pub(crate) directory: i32,
    pub(crate) path: usize,
    pub(crate) flags: usize,
    /// Address for the result.
    pub(crate) out: usize,
    /// Mask of statx(2). `None` for the classic structure.
    pub(crate) mask: Option<usize>,
}

impl Request {
    /// Returns the request of stat(2), lstat(2), newfstatat(2), fstat(2) or statx(2).
    ///
    /// # Errors
    /// EINVAL for flags that the call doesn't know.
    pub(crate) fn asked(number: u32, arguments: &[usize; 6]) -> Result<Self, Errno> {
        const KNOWN: usize =
            NOFOLLOW | EMPTY | raw::AT_NO_AUTOMOUNT as usize | raw::AT_STATX_SYNC_TYPE as usize;
        let [a, b, c, d, e, _] = *arguments;
        let directory = descriptor_argument(a);
        match number {
            legacy::__NR_stat => Ok(Self { directory: AT_FDCWD, path: a, flags: 0, out: b, mask: None }),
            legacy::__NR_lstat => {
                Ok(Self { directory: AT_FDCWD, path: a, flags: NOFOLLOW, out: b, mask: None })
            }
            raw::__NR_fstat => Ok(Self { directory, path: 0, flags: EMPTY, out: b, mask: None }),
            raw::__NR_newfstatat if d as u32 as usize & !KNOWN == 0 => {
                Ok(Self { directory, path: b, flags: d, out: c, mask: None })
            }
            raw::__NR_statx if is_statx_request(c, d) => {
                Ok(Self { directory, path: b, flags: c, out: e, mask: Some(d) })
            }
            _ => Err(Errno::INVAL),
        }
    }

    /// Returns whether it means its descriptor, not a path.
    ///
    /// # Errors
    /// EFAULT.
    pub(crate) fn names_descriptor(&self) -> Result<bool, Errno> {
        Ok(self.flags & EMPTY != 0 && is_empty(self.path)?)
    }

    pub(crate) fn last(&self) -> Last {
        if self.flags & NOFOLLOW != 0 { Last::Keep } else { Last::Follow }
    }

    /// Makes the guest's call unchanged.
    ///
    /// # Errors
    /// The errnos of stat(2).
    fn as_it_is(&self) -> Result<usize, Errno> {
        self.at(self.directory, self.path, self.flags)
    }

    /// Makes the call for a host path whose last component isn't followed.
    ///
    /// # Errors
    /// The errnos of stat(2).
    fn of_host(&self, path: Path<'_>) -> Result<usize, Errno> {
        self.at(AT_FDCWD, path.address(), self.flags | NOFOLLOW)
    }

    /// Makes the call for a descriptor.
    ///
    /// # Errors
    /// The errnos of fstat(2).
    pub(crate) fn of_descriptor(&self, descriptor: i32) -> Result<usize, Errno> {
        match self.mask {
            None => forward(raw::__NR_fstat, [descriptor as isize as usize, self.out, 0, 0, 0, 0]),
            Some(_) => self.at(descriptor, c"".as_ptr() as usize, self.flags | EMPTY),
        }
    }

    /// Writes the result for the guest's descriptor, which an empty path means.
    ///
    /// # Errors
    /// The errnos of fstat(2); EMFILE.
    pub(crate) fn answer_for_descriptor(&self) -> Result<usize, Errno> {
        if let Some(answer) = self.answer_for_copy() {
            return answer;
        }
        self.as_it_is()?;
        self.count(hardlinks::of_descriptor(self.directory)?)
    }

    /// Writes for a copy of a file of procfs the kernel's result for the file. `None` for any other
    /// descriptor, or if the file is gone.
    // Out of line: keeps this large frame off the common path.
    #[inline(never)]
    fn answer_for_copy(&self) -> Option<Result<usize, Errno>> {
        if !copy::may_be_one(self.directory) {
            return None;
        }
        let mut path = HostBuf::new();
        if !copy::original(self.directory, &mut path) {
            return None;
        }
        let answer = self.of_host(Path::new(path.with_nul()));
        if answer == Err(Errno::NOENT) { None } else { Some(answer) }
    }

    /// Does the same for fstat(2).
    ///
    /// # Errors
    /// The errnos of fstat(2); EMFILE.
    pub(crate) fn answer_fstat(&self) -> Result<usize, Errno> {
        if let Some(answer) = self.answer_for_copy() {
            return answer;
        }
        self.of_descriptor(self.directory)?;
        self.count(hardlinks::of_descriptor(self.directory)?)
    }

    /// Writes the result for a path's file.
    ///
    /// # Errors
    /// The errnos of stat(2); EMFILE.
    pub(crate) fn answer_for(&self, object: &mut Object<'_>) -> Result<usize, Errno> {
        match &object.descriptor {
            Some(found) => self.of_descriptor(found.number())?,
            None => self.of_host(object.host())?,
        };
        if session().has(Flags::LINKS_INSIDE) && self.last() == Last::Keep && self.is_link() {
            self.show_link_size(object);
        }
        self.count(object.link)
    }

    /// Returns whether the result that the kernel has just written is a symlink's.
    pub(crate) fn is_link(&self) -> bool {
        let mode = match self.mask {
            None => memory::written_stat(self.out).st_mode,
            Some(_) => memory::written_statx(self.out).stx_mode.into(),
        };
        mode & raw::S_IFMT == raw::S_IFLNK
    }

    /// Changes the size to that of the text that readlink(2) shows. If that can't be read, the size
    /// stays.
    // Out of line: keeps this large frame off the common path.
    #[inline(never)]
    fn show_link_size(&self, object: &Object<'_>) {
        let Ok(len) = readlink::shown_len(object) else { return };
        // Both size fields have eight bytes.
        let at = match self.mask {
            None => offset_of!(kernel::Stat, st_size),
            Some(_) => offset_of!(raw::statx, stx_size),
        };
        memory::store_owned(self.out + at, &(len as u64));
    }

    /// Corrects the link count, if the host only knows one of the file's names.
    ///
    /// # Errors
    /// EMFILE, if the names can't be counted.
    pub(crate) fn count(&self, link: Option<Id>) -> Result<usize, Errno> {
        match link {
            Some(id) => amend_count(id, self.mask.is_some(), self.out).map(|()| 0),
            None => Ok(0),
        }
    }

    fn at(&self, directory: i32, path: usize, flags: usize) -> Result<usize, Errno> {
        let directory = directory as isize as usize;
        match self.mask {
            None => forward(raw::__NR_newfstatat, [directory, path, self.out, flags, 0, 0]),
            Some(mask) => forward(raw::__NR_statx, [directory, path, flags, mask, self.out, 0]),
        }
    }
}

/// Runs stat(2), lstat(2), newfstatat(2), which is also what fstat(3) often calls, and statx(2).
pub fn stat(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    Request::asked(call.number as u32, &call.arguments).and_then(|request| look(request, operand)).into()
}

fn look(request: Request, operand: &mut Operand) -> Result<usize, Errno> {
    if request.names_descriptor()? {
        return request.answer_for_descriptor();
    }
    read_path(operand, request.path)?;
    let as_written = !hardlinks::on() && !session().has(Flags::LINKS_INSIDE);
    if request.last() == Last::Keep && as_written && resolve::is_plain_name(operand.text.bytes()) {
        return request.as_it_is();
    }
    request.answer_for(&mut resolve::object(operand, request.directory, request.last())?)
}

/// Runs fstat(2), which is trapped in sessions with links.
pub fn fstat(call: &mut Trapped<'_>) -> Outcome {
    Request::asked(raw::__NR_fstat, &call.arguments).and_then(|request| request.answer_fstat()).into()
}

/// Returns whether a path that may stand for its descriptor is empty. Null counts as empty (Linux
/// 6.11).
pub(crate) fn is_empty(path: usize) -> Result<bool, Errno> {
    if path == 0 {
        return Ok(true);
    }
    let mut first = [0];
    memory::read_bytes(path, &mut first)?;
    Ok(first == [0])
}

/// Returns whether statx(2) gets as far as looking at the path (do_statx() and vfs_statx() in
/// fs/stat.c).
#[must_use]
pub fn is_statx_request(flags: usize, mask: usize) -> bool {
    const SYNC_TYPE: u32 = raw::AT_STATX_SYNC_TYPE;
    const KNOWN: u32 = NOFOLLOW as u32 | EMPTY as u32 | raw::AT_NO_AUTOMOUNT | SYNC_TYPE;
    const RESERVED: u32 = 1 << 31;
    let flags = flags as u32;
    // The kernel skips the first check for an empty path, which the shim passes.
    flags & !KNOWN == 0 && flags & SYNC_TYPE != SYNC_TYPE && mask as u32 & RESERVED == 0
}

/// Runs statfs(2).
pub fn statfs(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    let [path, out, ..] = call.arguments;
    statfs_inner(operand, path, out).into()
}

fn statfs_inner(operand: &mut Operand, path: usize, out: usize) -> Result<usize, Errno> {
    read_path(operand, path)?;
    let mut object = resolve::object(operand, AT_FDCWD, Last::Follow)?;
    let read_only = object.is_read_only()?;
    let value = match &object.descriptor {
        Some(found) => forward(raw::__NR_fstatfs, [found.number() as usize, out, 0, 0, 0, 0])?,
        None => {
            let at = object.host().address();
            forward(raw::__NR_statfs, [at, out, 0, 0, 0, 0])?
        }
    };
    mark_read_only(read_only, out).map(|()| value)
}

/// Runs fstatfs(2), which is trapped in sessions with read-only bindings.
pub fn fstatfs(call: &mut Trapped<'_>) -> Outcome {
    let [descriptor, out, ..] = call.arguments;
    let result = resolve::lies_read_only(descriptor_argument(descriptor)).and_then(|read_only| {
        let value = forward(raw::__NR_fstatfs, call.arguments)?;
        mark_read_only(read_only, out).map(|()| value)
    });
    result.into()
}

/// Sets ST_RDONLY in a `struct statfs` that the kernel has just written.
fn mark_read_only(read_only: bool, out: usize) -> Result<(), Errno> {
    /// Offset of f_flags, behind ten words.
    const FLAGS: usize = 10 * size_of::<usize>();
    const ST_RDONLY: usize = 1;
    if !read_only {
        return Ok(());
    }
    let flags: usize = memory::read(out + FLAGS)?;
    memory::write(out + FLAGS, &(flags | ST_RDONLY))
}
