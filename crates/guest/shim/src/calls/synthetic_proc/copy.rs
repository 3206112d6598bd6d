//! Copies of procfs's files, in memory files that behave like them.
//!
//! The guest's descriptor is only open for reading, and the memory file has the mode of procfs's
//! file. The memory file's own name says which file it is a copy of ([`memory_file`]). So a copy is
//! recognized wherever it came from: nothing has to be kept over fork, exec and dup.

use core::sync::atomic::{AtomicBool, Ordering};

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::{Buffer, Host, HostBuf};
use newroot_sys::raw;

use crate::call::forward;
use crate::host_path::name_descriptor;
use crate::kernel::{self, AT_FDCWD, Descriptor, Path};
use crate::limits::with_descriptors;
use crate::resolve::procfs::memory_file;
use crate::session::base;

/// Whether this process, or one that it comes from, ever opened a copy.
static SOME: AtomicBool = AtomicBool::new(false);

/// Flags of an open that a descriptor keeps, or that close it.
const KEPT: u64 =
    (raw::O_APPEND | raw::O_NONBLOCK | raw::O_SYNC | raw::FASYNC | raw::O_NOATIME | raw::O_LARGEFILE) as u64;

/// Returns whether a copy can be open in this process. One that another process sent over a socket
/// doesn't count.
#[must_use]
#[inline]
pub fn are_possible() -> bool {
    SOME.load(Ordering::Relaxed) || base().has(Flags::COPIES)
}

/// Returns whether a descriptor may be of a copy. Only a memory file that can't be sealed, or a
/// file on a tmpfs, gives this answer. No question is cheaper.
#[must_use]
pub fn may_be_one(descriptor: i32) -> bool {
    are_possible() && seals(descriptor) == Ok(raw::F_SEAL_SEAL as usize)
}

fn seals(descriptor: i32) -> Result<usize, Errno> {
    forward(raw::__NR_fcntl, [descriptor as isize as usize, raw::F_GET_SEALS as usize, 0, 0, 0, 0])
}

/// Makes a copy of the file that is open as `source`. `None` if the guest sees the file itself.
/// `flags` are those of the open. The descriptor's number isn't the lowest.
pub(super) fn make(
    path: &HostBuf,
    source: Descriptor,
    flags: u64,
    mask: u64,
) -> Result<Option<Descriptor>, Errno> {
    let mode = kernel::fstat(source.number())?.st_mode & 0o777;
    let mut name = Buffer::new();
    memory_file::name_of(path.bytes(), &mut name)?;
    let file = kernel::nameless_file(Path::new(name.with_nul()), true)?;
    if !super::write(path, &source, &file, mask)? {
        return Ok(None);
    }
    drop(source);
    set_mode(&file, mode)?;
    let copy = reopen(file.number(), raw::O_RDONLY | (flags & KEPT) as u32)?;
    SOME.store(true, Ordering::Relaxed);
    Ok(Some(copy))
}

/// Opens a descriptor's file again.
fn reopen(descriptor: i32, flags: u32) -> Result<Descriptor, Errno> {
    let mut link = Buffer::<Host, 64>::new();
    name_descriptor(descriptor, &mut link)?;
    kernel::openat(AT_FDCWD, Path::new(link.with_nul()), flags | raw::O_CLOEXEC, 0)
}

fn set_mode(file: &Descriptor, mode: u32) -> Result<(), Errno> {
    forward(raw::__NR_fchmod, [file.number() as usize, mode as usize, 0, 0, 0, 0]).map(|_| ())
}

/// Writes the host path of the file that a descriptor is a copy of. Returns false if it is none.
#[must_use]
pub fn original(descriptor: i32, out: &mut HostBuf) -> bool {
    if !may_be_one(descriptor) {
        return false;
    }
    let mut link = Buffer::<Host, 64>::new();
    if name_descriptor(descriptor, &mut link).is_err() {
        return false;
    }
    let Ok(len) = kernel::readlinkat(AT_FDCWD, Path::new(link.with_nul()), out.space()) else { return false };
    out.set_len(len);
    let known = memory_file::stands_for(out.bytes()).is_some_and(memory_file::is_of_procfs);
    memory_file::unmask(out);
    known
}

/// Makes the text of a copy again, if the descriptor is of one. After an error the text stays. For
/// a process that has ended it is empty.
pub(super) fn renew(descriptor: i32, mask: u64) {
    let mut path = HostBuf::new();
    if original(descriptor, &mut path) {
        let _ = with_descriptors([descriptor, -1], || renew_from(path.clone(), descriptor, mask));
    }
}

fn renew_from(mut path: HostBuf, descriptor: i32, mask: u64) -> Result<(), Errno> {
    let source = kernel::openat(AT_FDCWD, Path::new(path.with_nul()), raw::O_RDONLY | raw::O_CLOEXEC, 0);
    let file = open_to_write(descriptor)?;
    match source {
        Ok(source) if super::write(&path, &source, &file, mask)? => {}
        Ok(source) => {
            let mut text = [0u8; 4096];
            loop {
                let len = kernel::read(source.number(), &mut text)?;
                if len == 0 {
                    break;
                }
                super::write_all(&file, text.get(..len).unwrap_or(&[]))?;
            }
        }
        Err(Errno::NOENT | Errno::SRCH) => {}
        Err(error) => return Err(error),
    }
    let len = kernel::lseek(file.number(), 0, raw::SEEK_CUR)?;
    forward(raw::__NR_ftruncate, [file.number() as usize, len, 0, 0, 0, 0]).map(|_| ())
}

/// Opens the file of a read-only descriptor for writing. For a moment, its owner may.
fn open_to_write(descriptor: i32) -> Result<Descriptor, Errno> {
    let mode = kernel::fstat(descriptor)?.st_mode & 0o777;
    let file = Descriptor::from_number(descriptor);
    let opened = set_mode(&file, mode | 0o200).and_then(|()| reopen(descriptor, raw::O_WRONLY));
    let restored = set_mode(&file, mode);
    // The guest owns it.
    let _ = file.into_number();
    restored.and(opened)
}
