//! What the kernel would have minded before the path.
//!
//! It looks at flags, modes and the like of a call before it looks at a path, and ours come to them last. So where
//! a path wasn't found, the kernel is asked what it thinks of the rest; but only of what may be wrong: a call that
//! looks for a file in many places must not take longer for each where there is none.

use newroot_abi::Errno;
use newroot_sys::raw;
use newroot_sys::table::{Empty, PathCall};

use super::attributes::no_mere_path;
use super::open::Request;
use super::path::{argument, reissue};
use super::times::Times;
use super::{forward, read_path};
use crate::host::AT_FDCWD;
use crate::slots::Operand;

/// What a call of the table says for good that failed with `error`.
///
/// # Errors
/// What is minded before the path; `error` if there is nothing.
pub(crate) fn path(
    number: usize,
    arguments: [usize; 6],
    row: &PathCall,
    operand: &mut Operand,
    error: Errno,
) -> Result<usize, Errno> {
    if !is_of_a_lookup(error) {
        return Err(error);
    }
    if row.reissue == raw::__NR_symlinkat {
        // The text of the link is a path to the kernel, and the first one.
        return read_path(operand, argument(&arguments, 0)).and(Err(error));
    }
    if may_be_wrong(row, &arguments) {
        let nowhere = if may_be_unreadable(row, &arguments) { Nowhere::empty() } else { Nowhere::UNREADABLE };
        match asked(number, arguments, row.path, nowhere, error) {
            Err(same) if same == error => {}
            answer => return answer,
        }
    }
    // Times are minded between the path and the mount (vfs_utimes() in fs/utimes.c).
    if error == Errno::ROFS
        && row.reissue == raw::__NR_utimensat
        && !Times::read(argument(&arguments, 2))?.are_valid()
    {
        return Err(Errno::INVAL);
    }
    Err(error)
}

/// What a call says for good that would change a descriptor's file, which lies in a read-only mount.
///
/// # Errors
/// What is minded before the mount; EROFS if there is nothing.
pub(super) fn descriptor(
    arguments: &[usize; 6],
    row: &PathCall,
    directory: i32,
    path: usize,
) -> Result<usize, Errno> {
    if directory == AT_FDCWD && path == 0 && !matches!(row.empty, Empty::NullWithFlag(_)) {
        // No path and no descriptor either.
        return reissue(arguments, row, directory, Nowhere::UNREADABLE.path);
    }
    match reissue(arguments, row, -1, path) {
        Err(Errno::BADF) => {}
        answer => return answer,
    }
    let takes_open_files_only = match row.empty {
        // For removexattrat(2) the working directory is no open file, either.
        Empty::NullWithFlag(_) => directory != AT_FDCWD || row.reissue == raw::__NR_removexattrat,
        _ => path == 0,
    };
    if takes_open_files_only {
        no_mere_path(directory as isize as usize)?;
    }
    Err(Errno::ROFS)
}

/// The same of a call about an extended attribute that names a descriptor, or fails because of that: name, value and
/// flags may come first (before Linux 6.13 they don't).
pub(crate) fn attribute(number: usize, arguments: [usize; 6], error: Errno) -> Result<usize, Errno> {
    let [_, name, value, size, flags, rest] = arguments;
    match forward(number as u32, [usize::MAX, name, value, size, flags, rest]) {
        Err(Errno::BADF) => Err(error),
        answer => answer,
    }
}

/// The same of open(2) and openat(2). What openat2(2) refuses was looked at before.
///
/// # Errors
/// What is minded before the path; `error` if there is nothing.
pub(crate) fn open(request: &Request, error: Errno) -> Result<usize, Errno> {
    const TMPFILE: u64 = (raw::O_TMPFILE & !raw::O_DIRECTORY) as u64;
    const CREATED_DIRECTORY: u64 = (raw::O_CREAT | raw::O_DIRECTORY) as u64;
    let flags = request.flags;
    if !is_of_a_lookup(error) || flags & TMPFILE == 0 && flags & CREATED_DIRECTORY != CREATED_DIRECTORY {
        return Err(error);
    }
    let directory = request.directory as isize as usize;
    let arguments = [directory, 0, flags as usize, request.mode as usize, 0, 0];
    asked(raw::__NR_openat as usize, arguments, 1, Nowhere::UNREADABLE, error)
}

/// Whether an error can be one of a path, or of what we make of one. All others the kernel gave to the whole
/// call, or we gave where it would have.
fn is_of_a_lookup(error: Errno) -> bool {
    matches!(
        error,
        Errno::NOENT
            | Errno::NOTDIR
            | Errno::ACCES
            | Errno::LOOP
            | Errno::NAMETOOLONG
            | Errno::BADF
            | Errno::ROFS
            | Errno::EXIST
            | Errno::ISDIR
            | Errno::BUSY
            | Errno::NOTEMPTY
            | Errno::XDEV
            | Errno::FAULT
    )
}

/// Whether something but its path may be wrong with a call.
fn may_be_wrong(row: &PathCall, arguments: &[usize; 6]) -> bool {
    const AT: u32 = raw::AT_SYMLINK_NOFOLLOW | raw::AT_EMPTY_PATH;
    let flags = |index, known: u32| argument(arguments, index) as u32 & !known != 0;
    match (row.reissue, row.directory) {
        (raw::__NR_faccessat | raw::__NR_faccessat2, _) => false,
        (raw::__NR_mkdirat | raw::__NR_fchmodat | raw::__NR_truncate, _) => false,
        (raw::__NR_listxattr | raw::__NR_llistxattr, _) => false,
        (raw::__NR_unlinkat | raw::__NR_fchownat, None) => false,
        (raw::__NR_unlinkat, _) => flags(2, raw::AT_REMOVEDIR),
        (raw::__NR_fchownat, _) => flags(4, AT),
        (raw::__NR_fchmodat2, _) => flags(3, AT),
        (raw::__NR_utimensat, _) => argument(arguments, 2) != 0 || flags(3, AT),
        (raw::__NR_mknodat, directory) => {
            let mode = argument(arguments, if directory.is_some() { 2 } else { 1 }) as u32;
            !matches!(mode & raw::S_IFMT, 0 | raw::S_IFREG | raw::S_IFIFO | raw::S_IFSOCK)
        }
        _ => true,
    }
}

/// Whether something but its path may be where it can't be read, in a call that an empty path makes fail.
fn may_be_unreadable(row: &PathCall, arguments: &[usize; 6]) -> bool {
    let no_descriptor = |index| argument(arguments, index) as u32 & raw::AT_EMPTY_PATH == 0;
    match row.reissue {
        raw::__NR_setxattr | raw::__NR_getxattr | raw::__NR_removexattr => true,
        raw::__NR_lsetxattr | raw::__NR_lgetxattr | raw::__NR_lremovexattr => true,
        raw::__NR_setxattrat | raw::__NR_getxattrat | raw::__NR_removexattrat => no_descriptor(2),
        raw::__NR_utimensat => no_descriptor(3),
        _ => false,
    }
}

/// A path that leads nowhere, and what the kernel says once it comes to it.
struct Nowhere {
    path: usize,
    error: Errno,
}

impl Nowhere {
    const UNREADABLE: Self = Self { path: usize::MAX, error: Errno::FAULT };

    /// For a call that may have something else that can't be read.
    fn empty() -> Self {
        Self { path: c"".as_ptr() as usize, error: Errno::NOENT }
    }
}

/// Asks the kernel what it thinks of the call if only its path leads nowhere.
fn asked(
    number: usize,
    mut arguments: [usize; 6],
    path: u8,
    nowhere: Nowhere,
    error: Errno,
) -> Result<usize, Errno> {
    if let Some(path) = arguments.get_mut(usize::from(path)) {
        *path = nowhere.path;
    }
    match forward(number as u32, arguments) {
        Err(found) if found == nowhere.error || found == Errno::NOSYS => Err(error),
        answer => answer,
    }
}
