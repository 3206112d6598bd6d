//! Looking at a file: stat(2) and its kin.

use core::mem::offset_of;

use newroot_abi::Errno;
use newroot_abi::links::Id;
use newroot_abi::plan::Flags;
use newroot_paths::{HostBuf, Last};
use newroot_sys::arch::legacy;
use newroot_sys::raw;

use super::procfs_files::copy;
use super::{descriptor_argument, forward, read_path, readlink};
use crate::host::{self, AT_FDCWD, Path};
use crate::links;
use crate::memory;
use crate::resolve::{self, Object};
use crate::session::session;
use crate::slots::Operand;
use crate::trap::{Outcome, Trapped};

const EMPTY: usize = raw::AT_EMPTY_PATH as usize;
const NOFOLLOW: usize = raw::AT_SYMLINK_NOFOLLOW as usize;

/// What is asked of a file, whichever call asks it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// Directory of the path, or fstat(2)'s descriptor.
    pub(crate) directory: i32,
    pub(crate) path: usize,
    pub(crate) flags: usize,
    /// Where the answer is to be.
    pub(crate) out: usize,
    /// statx(2)'s mask; `None` for the classic structure.
    pub(crate) mask: Option<usize>,
}

impl Request {
    /// What stat(2), lstat(2), newfstatat(2), fstat(2) or statx(2) asks.
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

    /// Whether its descriptor is meant rather than a path.
    ///
    /// # Errors
    /// EFAULT.
    pub(crate) fn names_descriptor(&self) -> Result<bool, Errno> {
        Ok(self.flags & EMPTY != 0 && is_empty(self.path)?)
    }

    pub(crate) fn last(&self) -> Last {
        if self.flags & NOFOLLOW != 0 { Last::Keep } else { Last::Follow }
    }

    /// Asks the kernel just that.
    ///
    /// # Errors
    /// The call's.
    fn as_it_is(&self) -> Result<usize, Errno> {
        self.at(self.directory, self.path, self.flags)
    }

    /// Asks the kernel the same of a host path whose last component isn't followed.
    ///
    /// # Errors
    /// The call's.
    fn of_host(&self, path: Path<'_>) -> Result<usize, Errno> {
        self.at(AT_FDCWD, path.address(), self.flags | NOFOLLOW)
    }

    /// Asks the kernel the same of a descriptor.
    ///
    /// # Errors
    /// The call's.
    pub(crate) fn of_descriptor(&self, descriptor: i32) -> Result<usize, Errno> {
        match self.mask {
            None => forward(raw::__NR_fstat, [descriptor as isize as usize, self.out, 0, 0, 0, 0]),
            Some(_) => self.at(descriptor, c"".as_ptr() as usize, self.flags | EMPTY),
        }
    }

    /// Answers for the guest's descriptor, which an empty path stands for.
    ///
    /// # Errors
    /// The call's; EMFILE.
    pub(crate) fn answer_for_descriptor(&self) -> Result<usize, Errno> {
        if let Some(answer) = self.answer_for_copy() {
            return answer;
        }
        self.as_it_is()?;
        self.count(links::of_descriptor(self.directory)?)
    }

    /// Answers for a copy of a file of procfs what the kernel says of the file. `None` if the
    /// descriptor is of something else, or the file is gone.
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

    /// The same as fstat(2) does.
    ///
    /// # Errors
    /// As for [`Self::answer_for_descriptor`].
    pub(crate) fn answer_fstat(&self) -> Result<usize, Errno> {
        if let Some(answer) = self.answer_for_copy() {
            return answer;
        }
        self.of_descriptor(self.directory)?;
        self.count(links::of_descriptor(self.directory)?)
    }

    /// Answers for the file that the operand's path was found to name.
    ///
    /// # Errors
    /// As for [`Self::answer_for_descriptor`].
    pub(crate) fn answer_for(&self, object: &Object, operand: &mut Operand) -> Result<usize, Errno> {
        match &object.descriptor {
            Some(found) => self.of_descriptor(found.number())?,
            None => self.of_host(Path::new(operand.walk.host.with_nul()))?,
        };
        if session().has(Flags::LINKS_INSIDE) && self.last() == Last::Keep && self.is_link() {
            self.show_link_size(object, operand);
        }
        self.count(object.link)
    }

    /// Whether what the kernel has just written is of a symlink.
    pub(crate) fn is_link(&self) -> bool {
        let mode = match self.mask {
            None => memory::written_stat(self.out).st_mode,
            Some(_) => memory::written_statx(self.out).stx_mode.into(),
        };
        mode & raw::S_IFMT == raw::S_IFLNK
    }

    /// Has the size be that of the text that readlink(2) shows. What can't be read keeps its own.
    // Out of line: keeps this large frame off the common path.
    #[inline(never)]
    fn show_link_size(&self, object: &Object, operand: &mut Operand) {
        let Ok(len) = readlink::shown_len(object, operand) else { return };
        // Both sizes have eight bytes.
        let at = match self.mask {
            None => offset_of!(host::Stat, st_size),
            Some(_) => offset_of!(raw::statx, stx_size),
        };
        memory::store_owned(self.out + at, &(len as u64));
    }

    /// What was written is right but for the number of the file's names, if the host knows but one of several.
    ///
    /// # Errors
    /// What counting them gives.
    pub(crate) fn count(&self, link: Option<Id>) -> Result<usize, Errno> {
        match link {
            Some(id) => links::amend_count(id, self).map(|()| 0),
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

/// stat(2), lstat(2), newfstatat(2), which is also what fstat(3) often makes, and statx(2).
pub fn stat(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    Request::asked(call.number as u32, &call.arguments).and_then(|request| look(request, operand)).into()
}

fn look(request: Request, operand: &mut Operand) -> Result<usize, Errno> {
    if request.names_descriptor()? {
        return request.answer_for_descriptor();
    }
    read_path(operand, request.path)?;
    let as_written = !links::on() && !session().has(Flags::LINKS_INSIDE);
    if request.last() == Last::Keep && as_written && resolve::is_plain_name(operand.text.bytes()) {
        return request.as_it_is();
    }
    let object = resolve::object(operand, request.directory, request.last())?;
    request.answer_for(&object, operand)
}

/// fstat(2), trapped in sessions with links.
pub fn fstat(call: &mut Trapped<'_>) -> Outcome {
    Request::asked(raw::__NR_fstat, &call.arguments).and_then(|request| request.answer_fstat()).into()
}

/// Whether a path that may stand for its descriptor is empty; null counts (Linux 6.11).
pub(crate) fn is_empty(path: usize) -> Result<bool, Errno> {
    if path == 0 {
        return Ok(true);
    }
    let mut first = [0];
    memory::read_bytes(path, &mut first)?;
    Ok(first == [0])
}

/// Whether statx(2) goes as far as looking at the path (do_statx() and vfs_statx() in fs/stat.c).
#[must_use]
pub fn is_statx_request(flags: usize, mask: usize) -> bool {
    const SYNC_TYPE: u32 = raw::AT_STATX_SYNC_TYPE;
    const KNOWN: u32 = NOFOLLOW as u32 | EMPTY as u32 | raw::AT_NO_AUTOMOUNT | SYNC_TYPE;
    const RESERVED: u32 = 1 << 31;
    let flags = flags as u32;
    // The kernel skips the first of these where the path is empty, as ours will be.
    flags & !KNOWN == 0 && flags & SYNC_TYPE != SYNC_TYPE && mask as u32 & RESERVED == 0
}

/// statfs(2).
pub fn statfs(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    let [path, out, ..] = call.arguments;
    statfs_inner(operand, path, out).into()
}

fn statfs_inner(operand: &mut Operand, path: usize, out: usize) -> Result<usize, Errno> {
    read_path(operand, path)?;
    let object = resolve::object(operand, AT_FDCWD, Last::Follow)?;
    let read_only = object.read_only()?;
    let value = match &object.descriptor {
        Some(found) => forward(raw::__NR_fstatfs, [found.number() as usize, out, 0, 0, 0, 0])?,
        None => {
            let at = operand.walk.host.with_nul().as_ptr() as usize;
            forward(raw::__NR_statfs, [at, out, 0, 0, 0, 0])?
        }
    };
    mark_read_only(read_only, out).map(|()| value)
}

/// fstatfs(2), trapped in sessions with read-only bindings.
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
    /// f_flags, behind ten words.
    const FLAGS: usize = 10 * size_of::<usize>();
    const ST_RDONLY: usize = 1;
    if !read_only {
        return Ok(());
    }
    let flags: usize = memory::read(out + FLAGS)?;
    memory::write(out + FLAGS, &(flags | ST_RDONLY))
}
