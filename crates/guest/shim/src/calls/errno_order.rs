//! Errors that the kernel reports before those of the path.
//!
//! The kernel checks flags, modes and the like before it looks a path up. The shim resolves the
//! path first. So after a failed lookup it asks the kernel about the other arguments, but only
//! about those that may be wrong: a program that looks for a file in many directories must not be
//! slowed down for each one that lacks it.

use newroot_abi::Errno;
use newroot_sys::raw;
use newroot_sys::table::{Empty, Operation, PathCall};

use super::attributes::no_mere_path;
use super::open::request::Request;
use super::path::{argument, flags, reissue};
use super::times::Times;
use crate::call::{forward, read_path};
use crate::kernel::AT_FDCWD;
use crate::slots::Operand;

/// Returns the final result of a call of the table that failed with `error`.
///
/// # Errors
/// An errno of another argument, if the kernel reports it before the path's, else `error`.
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
    if let Operation::MakeSymlink { text } = row.operation {
        // The text of a symlink is a path for the kernel, and the first one.
        return read_path(operand, argument(&arguments, text)).and(Err(error));
    }
    if may_be_wrong(row, &arguments) {
        let nowhere = if may_be_unreadable(row, &arguments) { Nowhere::empty() } else { Nowhere::UNREADABLE };
        match asked(number, arguments, row.path, nowhere, error) {
            Err(same) if same == error => {}
            answer => return answer,
        }
    }
    // Times are checked between the path and the mount (vfs_utimes() in fs/utimes.c).
    if error == Errno::ROFS
        && let Operation::SetTimes { times, nanoseconds: true } = row.operation
        && !Times::read(argument(&arguments, times))?.are_valid()
    {
        return Err(Errno::INVAL);
    }
    Err(error)
}

/// Returns the final result of a call that would change a descriptor's file in a read-only mount.
///
/// # Errors
/// An errno that comes before the mount's, else EROFS.
pub(super) fn descriptor(
    arguments: &[usize; 6],
    row: &PathCall,
    directory: i32,
    path: usize,
) -> Result<usize, Errno> {
    if directory == AT_FDCWD && path == 0 && !matches!(row.empty, Empty::NullWithFlag(_)) {
        // Neither a path nor a descriptor.
        return reissue(arguments, row, directory, Nowhere::UNREADABLE.path);
    }
    match reissue(arguments, row, -1, path) {
        Err(Errno::BADF) => {}
        answer => return answer,
    }
    let takes_open_files_only = match row.empty {
        // For removexattrat(2) the working directory isn't an open file either.
        Empty::NullWithFlag(_) => directory != AT_FDCWD || row.operation == Operation::RemoveAttribute,
        _ => path == 0,
    };
    if takes_open_files_only {
        no_mere_path(directory as isize as usize)?;
    }
    Err(Errno::ROFS)
}

/// Does the same for a call on an extended attribute that names a descriptor, or fails because of
/// it: the kernel may check name, value and flags first (before Linux 6.13 it doesn't).
pub(crate) fn attribute(number: usize, arguments: [usize; 6], error: Errno) -> Result<usize, Errno> {
    let [_, name, value, size, flags, rest] = arguments;
    match forward(number as u32, [usize::MAX, name, value, size, flags, rest]) {
        Err(Errno::BADF) => Err(error),
        answer => answer,
    }
}

/// Does the same for open(2) and openat(2). openat2(2) has checked its arguments before.
///
/// # Errors
/// An errno of another argument, if the kernel reports it before the path's, else `error`.
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

/// Returns whether an error can come from looking a path up. All others are the kernel's for the
/// whole call, or are reported where the kernel would report them.
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

/// Returns whether an argument other than the path may be wrong.
fn may_be_wrong(row: &PathCall, arguments: &[usize; 6]) -> bool {
    const KNOWN: u32 = raw::AT_SYMLINK_NOFOLLOW | raw::AT_EMPTY_PATH;
    let has_unknown_flag = || flags(arguments, row) as u32 & !KNOWN != 0;
    match row.operation {
        // Nothing else is checked before the path, or the shim has checked it.
        Operation::Access { .. }
        | Operation::Truncate { .. }
        | Operation::MakeDirectory { .. }
        | Operation::RemoveDirectory
        | Operation::Unlink { flags: None } => false,
        Operation::Unlink { flags: Some(index) } => {
            argument(arguments, index) as u32 & !raw::AT_REMOVEDIR != 0
        }
        Operation::SetMode { .. } | Operation::SetOwner { .. } => has_unknown_flag(),
        Operation::SetTimes { times, nanoseconds: true } => {
            argument(arguments, times) != 0 || has_unknown_flag()
        }
        Operation::MakeNode { mode } => {
            let mode = argument(arguments, mode) as u32;
            !matches!(mode & raw::S_IFMT, 0 | raw::S_IFREG | raw::S_IFIFO | raw::S_IFSOCK)
        }
        // Only listxattrat(2) has flags.
        Operation::ListAttributes => row.flags().is_some(),
        Operation::Look
        | Operation::Watch
        | Operation::SetTimes { nanoseconds: false, .. }
        | Operation::SetAttribute
        | Operation::GetAttribute
        | Operation::RemoveAttribute
        | Operation::Modify
        | Operation::MakeSymlink { .. } => true,
    }
}

/// Returns whether the kernel may read other memory of the guest before the path, in a call that
/// fails for an empty path.
fn may_be_unreadable(row: &PathCall, arguments: &[usize; 6]) -> bool {
    match row.operation {
        Operation::SetAttribute
        | Operation::GetAttribute
        | Operation::RemoveAttribute
        | Operation::SetTimes { nanoseconds: true, .. } => {
            flags(arguments, row) as u32 & raw::AT_EMPTY_PATH == 0
        }
        _ => false,
    }
}

/// A path that leads nowhere, and the kernel's errno for it.
struct Nowhere {
    path: usize,
    error: Errno,
}

impl Nowhere {
    const UNREADABLE: Self = Self { path: usize::MAX, error: Errno::FAULT };

    /// Returns one for a call with another argument that may be unreadable.
    fn empty() -> Self {
        Self { path: c"".as_ptr() as usize, error: Errno::NOENT }
    }
}

/// Asks the kernel for its answer to the call if only the path leads nowhere.
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
