//! The arguments of open(2) and its variants.

use newroot_abi::Errno;
use newroot_paths::Last;
use newroot_sys::raw;

use crate::call::{Trapped, descriptor_argument};
use crate::kernel::AT_FDCWD;
use crate::memory;
use crate::resolve;

/// The request of an open, whichever call makes it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) directory: i32,
    pub(crate) path: usize,
    pub(crate) flags: u64,
    pub(crate) mode: u64,
    /// RESOLVE_* of openat2(2).
    pub(crate) resolve: u64,
}

pub(super) const O_TMPFILE: u64 = raw::O_TMPFILE as u64;
pub(super) const O_CREAT: u64 = raw::O_CREAT as u64;
pub(super) const O_DIRECTORY: u64 = raw::O_DIRECTORY as u64;
pub(super) const O_PATH: u64 = raw::O_PATH as u64;
pub(super) const O_NOFOLLOW: u64 = raw::O_NOFOLLOW as u64;
pub(super) const O_CREAT_EXCL: u64 = (raw::O_CREAT | raw::O_EXCL) as u64;

/// Flags that open(2) knows. It ignores all others, which openat2(2) refuses (VALID_OPEN_FLAGS,
/// include/linux/fcntl.h).
const KNOWN: u64 = 0o37_777_703;
/// Flags that open(2) keeps beside O_PATH.
const WITH_PATH: u64 = (raw::O_PATH | raw::O_DIRECTORY | raw::O_NOFOLLOW | raw::O_CLOEXEC) as u64;

impl Request {
    /// Returns the request of open(2) or openat(2).
    pub(crate) fn classic(directory: i32, path: usize, flags: usize, mode: usize) -> Self {
        let mut flags = flags as u32 as u64 & KNOWN;
        if flags & O_PATH != 0 {
            flags &= WITH_PATH;
        }
        let creates = flags & O_CREAT != 0 || flags & O_TMPFILE == O_TMPFILE;
        let mode = if creates { mode as u64 & 0o7777 } else { 0 };
        Self { directory, path, flags, mode, resolve: 0 }
    }

    /// Returns whether it changes the file system, or could.
    pub(crate) fn writes(&self) -> bool {
        const WRITES: u64 = (raw::O_ACCMODE | raw::O_TRUNC | raw::O_CREAT) as u64;
        self.flags & O_PATH == 0 && (self.flags & WRITES != 0 || self.flags & O_TMPFILE == O_TMPFILE)
    }

    /// Returns whether it opens a directory, whose listing may depend on its path.
    pub(crate) fn lists(&self) -> bool {
        self.flags & (O_DIRECTORY | O_PATH) == O_DIRECTORY
            && self.flags & O_TMPFILE != O_TMPFILE
            && resolve::way::matters()
    }

    pub(crate) fn last(&self) -> Last {
        let keep = self.flags & O_NOFOLLOW != 0 || self.flags & O_CREAT_EXCL == O_CREAT_EXCL;
        if keep { Last::Keep } else { Last::Follow }
    }
}

/// Reads the request of a call.
///
/// # Errors
/// EFAULT, EINVAL and E2BIG for openat2(2)'s structure.
pub(crate) fn request(call: &Trapped<'_>) -> Result<Request, Errno> {
    let [a, b, c, d, ..] = call.arguments;
    Ok(match call.number as u32 {
        newroot_sys::arch::legacy::__NR_open => Request::classic(AT_FDCWD, a, b, c),
        newroot_sys::arch::legacy::__NR_creat => {
            Request::classic(AT_FDCWD, a, (raw::O_CREAT | raw::O_WRONLY | raw::O_TRUNC) as usize, b)
        }
        raw::__NR_openat => Request::classic(descriptor_argument(a), b, c, d),
        _ => {
            const SIZE: usize = 24;
            if d < SIZE {
                return Err(Errno::INVAL);
            }
            // A longer structure is from a newer kernel. Its unknown part must be zero.
            let mut at = SIZE;
            while at < d.min(4096) {
                let mut byte = [0];
                memory::read_bytes(c + at, &mut byte)?;
                if byte != [0] {
                    return Err(Errno::TOOBIG);
                }
                at += 1;
            }
            if d > 4096 {
                return Err(Errno::TOOBIG);
            }
            let [flags, mode, resolve] = memory::read::<[u64; 3]>(c)?;
            check_strictly(flags, mode, resolve)?;
            Request { directory: descriptor_argument(a), path: b, flags, mode, resolve }
        }
    })
}

/// The RESOLVE_* flags of openat2(2).
const KNOWN_RESOLVE: u64 = 0x3f;

/// Makes the checks of openat2(2) that open(2) skips (build_open_flags() in fs/open.c).
fn check_strictly(flags: u64, mode: u64, resolve: u64) -> Result<(), Errno> {
    const SCOPES: u64 = (raw::RESOLVE_BENEATH | raw::RESOLVE_IN_ROOT) as u64;
    let creates = flags & O_CREAT != 0 || flags & O_TMPFILE == O_TMPFILE;
    let good = flags & !KNOWN == 0
        && resolve & !KNOWN_RESOLVE == 0
        && resolve & SCOPES != SCOPES
        && (flags & O_PATH == 0 || flags & !WITH_PATH == 0)
        && mode & !(if creates { 0o7777 } else { 0 }) == 0;
    if good { Ok(()) } else { Err(Errno::INVAL) }
}
