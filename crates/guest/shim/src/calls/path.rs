//! Calls with one path that only need its translation, as the table describes them.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::Last;
use newroot_sys::raw;
use newroot_sys::table::{Empty, Follow, From, Intent, Operation, PathArgument, PathCall};

use super::errno_order;
use crate::call::{Outcome, Trapped, descriptor_argument, forward, read_path};
use crate::kernel::{self, AT_FDCWD, FileType};
use crate::memory;
use crate::resolve::{self, Entry, Object, Target as _, ends_in_dots, is_virtual, new_entry};
use crate::session::session;
use crate::slots::Operand;

/// Runs a call by its description.
pub fn run(call: &mut Trapped<'_>, row: &PathCall, operand: &mut Operand) -> Outcome {
    match run_inner(&call.arguments, row, operand) {
        Err(error) => errno_order::path(call.number, call.arguments, row, operand, error).into(),
        result => result.into(),
    }
}

/// Returns an argument by its index in the table.
pub(crate) fn argument(arguments: &[usize; 6], index: u8) -> usize {
    arguments.get(usize::from(index)).copied().unwrap_or(0)
}

/// Returns the directory and the address of a path that a call names.
pub(crate) fn named(arguments: &[usize; 6], names: PathArgument) -> (i32, usize) {
    let directory = names.directory.map_or(AT_FDCWD, |index| descriptor_argument(argument(arguments, index)));
    (directory, argument(arguments, names.path))
}

/// Returns the directory at which a call's path begins.
pub(crate) fn directory_of(arguments: &[usize; 6], row: &PathCall) -> i32 {
    row.directory.map_or(AT_FDCWD, |index| descriptor_argument(argument(arguments, index)))
}

fn run_inner(arguments: &[usize; 6], row: &PathCall, operand: &mut Operand) -> Result<usize, Errno> {
    let directory = directory_of(arguments, row);
    let path = argument(arguments, row.path);
    if let Some(mode) = access_mode(row) {
        check_access(arguments, row, mode)?;
    }
    if names_descriptor(arguments, row, path)? {
        let changes = row.intent() == Intent::Modify && session().has(Flags::READ_ONLY);
        if changes && resolve::lies_read_only(directory)? {
            return errno_order::descriptor(arguments, row, directory, path);
        }
        return reissue(arguments, row, directory, path);
    }
    read_path(operand, path)?;
    match row.intent() {
        Intent::Read | Intent::Modify => {
            if follows(arguments, row) {
                on_object(arguments, row, operand, directory)
            } else {
                on_link(arguments, row, operand, directory)
            }
        }
        Intent::Create => create(arguments, row, operand, directory),
        Intent::Remove => remove(arguments, row, operand, directory),
    }
}

/// Returns whether a call follows a symlink at the end of the path.
pub(crate) fn follows(arguments: &[usize; 6], row: &PathCall) -> bool {
    match row.follow {
        Follow::Always => true,
        Follow::Never => false,
        Follow::Unless(index, bit) => argument(arguments, index) as u32 & bit == 0,
        Follow::If(index, bit) => argument(arguments, index) as u32 & bit != 0,
    }
}

/// Returns whether the call means its descriptor, not a path.
pub(crate) fn names_descriptor(arguments: &[usize; 6], row: &PathCall, path: usize) -> Result<bool, Errno> {
    match row.empty {
        Empty::Error => Ok(false),
        Empty::Null => Ok(path == 0),
        Empty::NullOrFlag(_) if path == 0 => Ok(true),
        Empty::Flag(index) | Empty::NullOrFlag(index) | Empty::NullWithFlag(index) => {
            if argument(arguments, index) as u32 & raw::AT_EMPTY_PATH == 0 {
                return Ok(false);
            }
            if path == 0 && matches!(row.empty, Empty::NullWithFlag(_)) {
                return Ok(true);
            }
            let mut first = [0];
            memory::read_bytes(path, &mut first)?;
            Ok(first == [0])
        }
    }
}

/// Makes the call of a description with this directory and path.
pub(crate) fn reissue(
    arguments: &[usize; 6],
    row: &PathCall,
    directory: i32,
    path: usize,
) -> Result<usize, Errno> {
    let translated = row.arguments.map(|from| match from {
        From::Directory => directory as isize as usize,
        From::Path => path,
        From::Argument(index) => argument(arguments, index),
        From::Constant(value) => value as usize,
    });
    forward(row.reissue, translated)
}

fn on_object(
    arguments: &[usize; 6],
    row: &PathCall,
    operand: &mut Operand,
    directory: i32,
) -> Result<usize, Errno> {
    on_file(arguments, row, operand, directory, Last::Follow)
}

fn on_file(
    arguments: &[usize; 6],
    row: &PathCall,
    operand: &mut Operand,
    directory: i32,
    last: Last,
) -> Result<usize, Errno> {
    if is_negative_size(arguments, row) {
        return Err(Errno::INVAL);
    }
    let mut object = resolve::object(operand, directory, last)?;
    let read_only = object.is_read_only()?;
    if read_only && row.intent() == Intent::Modify {
        if matches!(row.operation, Operation::Truncate { .. }) {
            truncatable(&mut object)?;
        }
        return Err(Errno::ROFS);
    }
    if let Some(mode) = access_mode(row) {
        let value = access(arguments, row, mode, &mut object)?;
        if read_only && asks_to_write(arguments, mode) {
            refuse_unless(object.stat()?.is_some_and(|stat| is_special(&stat)))?;
        }
        return Ok(value);
    }
    reissue(arguments, row, AT_FDCWD, object.path()?.address())
}

/// Makes the checks that truncate(2) makes before it checks the mount (vfs_truncate() in
/// fs/open.c).
fn truncatable(object: &mut Object<'_>) -> Result<(), Errno> {
    match object.kind()? {
        Some(FileType::Regular) | None => {}
        Some(FileType::Directory) => return Err(Errno::ISDIR),
        Some(_) => return Err(Errno::INVAL),
    }
    kernel::faccessat(AT_FDCWD, object.path()?, raw::W_OK)
}

fn access(arguments: &[usize; 6], row: &PathCall, mode: u8, object: &mut Object<'_>) -> Result<usize, Errno> {
    if let Some(descriptor) = &object.descriptor {
        let flags = flags(arguments, row);
        let mode = argument(arguments, mode);
        let empty = c"".as_ptr() as usize;
        let by_descriptor =
            [descriptor.number() as usize, empty, mode, flags | raw::AT_EMPTY_PATH as usize, 0, 0];
        match forward(raw::__NR_faccessat2, by_descriptor) {
            // Linux before 5.8, or a container's profile of that age.
            Err(Errno::NOSYS | Errno::PERM) => {}
            answer => return answer,
        }
    }
    reissue(arguments, row, AT_FDCWD, object.path()?.address())
}

/// Makes the checks that the kernel makes before it looks at the path (do_faccessat() in
/// fs/open.c).
pub(crate) fn check_access(arguments: &[usize; 6], row: &PathCall, mode: u8) -> Result<(), Errno> {
    const KNOWN: u32 = raw::AT_EACCESS | raw::AT_SYMLINK_NOFOLLOW | raw::AT_EMPTY_PATH;
    let good = is_access_mode(argument(arguments, mode)) && flags(arguments, row) as u32 & !KNOWN == 0;
    if good { Ok(()) } else { Err(Errno::INVAL) }
}

/// Returns whether access(2) knows such a mode.
#[must_use]
pub fn is_access_mode(mode: usize) -> bool {
    mode as u32 & !(raw::R_OK | raw::W_OK | raw::X_OK) == 0
}

/// Returns the index of the wanted access, if a call checks access as access(2) does.
pub(crate) fn access_mode(row: &PathCall) -> Option<u8> {
    match row.operation {
        Operation::Access { mode } => Some(mode),
        _ => None,
    }
}

/// Returns the AT_* flags of a call; 0 if it has none.
pub(crate) fn flags(arguments: &[usize; 6], row: &PathCall) -> usize {
    row.flags().map_or(0, |index| argument(arguments, index))
}

/// Returns whether a call sets a negative size, which no file has.
pub(crate) fn is_negative_size(arguments: &[usize; 6], row: &PathCall) -> bool {
    match row.operation {
        Operation::Truncate { size } => (argument(arguments, size) as isize) < 0,
        _ => false,
    }
}

/// Returns whether an access asks for the right to write.
fn asks_to_write(arguments: &[usize; 6], mode: u8) -> bool {
    argument(arguments, mode) & raw::W_OK as usize != 0
}

/// Returns whether it is a device, a FIFO or a socket, which isn't written to the file system
/// (special_file() in include/linux/fs.h).
fn is_special(stat: &kernel::Stat) -> bool {
    FileType::of(stat) == FileType::Other
}

/// Returns EROFS for a file that may be written but for its read-only mount, unless it is a
/// `special` file (do_faccessat()).
fn refuse_unless(special: bool) -> Result<(), Errno> {
    if special { Ok(()) } else { Err(Errno::ROFS) }
}

/// Makes a call on the name itself, which may be a symlink.
fn on_link(
    arguments: &[usize; 6],
    row: &PathCall,
    operand: &mut Operand,
    directory: i32,
) -> Result<usize, Errno> {
    // A trailing slash or dot follows a symlink anyway. A mount point is no symlink.
    let text = operand.text.bytes();
    if text.ends_with(b"/") || ends_in_dots(text) {
        let (arguments, row) = following(arguments, row);
        return on_object(&arguments, &row, operand, directory);
    }
    let mut entry = resolve::entry(operand, directory)?;
    if entry.mount_point {
        let (arguments, row) = following(arguments, row);
        return on_object(&arguments, &row, operand, directory);
    }
    if entry.hardlink()?.is_some() {
        // The call is about the file itself, which may be a symlink, but isn't this one.
        let (arguments, row) = following(arguments, row);
        return on_file(&arguments, &row, operand, directory, Last::Keep);
    }
    if row.intent() == Intent::Modify && entry.is_read_only()? {
        entry.exists()?;
        return Err(Errno::ROFS);
    }
    let value = by_name(arguments, row, &mut entry)?;
    if let Some(mode) = access_mode(row)
        && asks_to_write(arguments, mode)
        && entry.is_read_only()?
    {
        refuse_unless(is_special(&entry.stat()?))?;
    }
    Ok(value)
}

/// Returns the same call for a symlink that is followed. Its file is no symlink, but procfs's link
/// names it.
fn following(arguments: &[usize; 6], row: &PathCall) -> ([usize; 6], PathCall) {
    let (mut arguments, mut row) = (*arguments, *row);
    match row.follow {
        Follow::Always => {}
        Follow::Unless(index, bit) => {
            if let Some(flags) = arguments.get_mut(usize::from(index)) {
                *flags &= !(bit as usize);
            }
        }
        Follow::If(index, bit) => {
            if let Some(flags) = arguments.get_mut(usize::from(index)) {
                *flags |= bit as usize;
            }
        }
        Follow::Never => {
            row.reissue = row.reissue_followed;
            row.arguments = row.arguments.map(|from| match from {
                From::NO_FOLLOW => From::Constant(0),
                same => same,
            });
        }
    }
    (arguments, row)
}

/// Makes the call with the entry's directory and name. One that takes no directory gets a path
/// that leads through procfs.
pub(crate) fn by_name(arguments: &[usize; 6], row: &PathCall, entry: &mut Entry<'_>) -> Result<usize, Errno> {
    if entry.directory() != AT_FDCWD && !row.arguments.contains(&From::Directory) {
        entry.lead_through_procfs()?;
        return reissue(arguments, row, AT_FDCWD, entry.at().1.address());
    }
    let (directory, name) = entry.at();
    reissue(arguments, row, directory, name.address())
}

fn create(
    arguments: &[usize; 6],
    row: &PathCall,
    operand: &mut Operand,
    directory: i32,
) -> Result<usize, Errno> {
    let makes_directory = matches!(row.operation, Operation::MakeDirectory { .. });
    by_name(arguments, row, &mut new_entry(operand, directory, Errno::EXIST, makes_directory)?)
}

/// Returns the flags of unlinkat(2) that a call to remove a name has, or would have.
pub(crate) fn removal_flags(arguments: &[usize; 6], row: &PathCall) -> u32 {
    match row.operation {
        Operation::RemoveDirectory => raw::AT_REMOVEDIR,
        Operation::Unlink { flags: Some(index) } => argument(arguments, index) as u32,
        _ => 0,
    }
}

fn remove(
    arguments: &[usize; 6],
    row: &PathCall,
    operand: &mut Operand,
    directory: i32,
) -> Result<usize, Errno> {
    let flags = removal_flags(arguments, row);
    let removes_directory = flags & raw::AT_REMOVEDIR != 0;
    let mut entry = resolve::entry(operand, directory)?;
    let is_dots = entry.ends_in_dots();
    if entry.is_read_only()? && !is_dots {
        return entry.check_directory().and(Err(Errno::ROFS));
    }
    // Only a directory may have a slash behind its name, which the kernel checks first.
    let spoiled = !removes_directory && entry.ends_in_slash();
    if (entry.mount_point || entry.above_mount) && !is_dots && !spoiled {
        entry.check_writable()?;
    }
    if entry.mount_point {
        return Err(refuse_mount_point(operand, directory, removes_directory)?);
    }
    if entry.above_mount && removes_directory {
        return Err(Errno::NOTEMPTY);
    }
    if flags == 0
        && let Some(unlinked) = super::hardlinks::unlink(&mut entry)
    {
        return unlinked;
    }
    by_name(arguments, row, &mut entry)
}

/// Returns the errno of unlink(2) or rmdir(2) for a mount point.
fn refuse_mount_point(
    operand: &mut Operand,
    directory: i32,
    removes_directory: bool,
) -> Result<Errno, Errno> {
    let object = resolve::object(operand, directory, Last::Keep)?;
    Ok(match (removes_directory, object.kind()? == Some(FileType::Directory)) {
        (true, false) => Errno::NOTDIR,
        (false, true) => Errno::ISDIR,
        // A directory that only exists for the bindings below it isn't empty.
        (true, true) if object.named_mount().is_some_and(is_virtual) => Errno::NOTEMPTY,
        _ => Errno::BUSY,
    })
}
