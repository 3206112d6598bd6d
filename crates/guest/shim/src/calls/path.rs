//! Calls with one path that need nothing but its translation, as the table describes them.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::Last;
use newroot_sys::raw;
use newroot_sys::table::{Empty, Follow, From, Intent, PathCall};

use super::{descriptor_argument, forward, precedence, read_path};
use crate::host::{self, AT_FDCWD, FileType, Path};
use crate::links;
use crate::memory;
use crate::resolve::{self, Entry, Object, is_read_only, is_virtual};
use crate::session::session;
use crate::slots::Operand;
use crate::trap::{Outcome, Trapped};

/// Runs a call by its description.
pub fn run(call: &mut Trapped<'_>, row: &PathCall, operand: &mut Operand) -> Outcome {
    match run_inner(&call.arguments, row, operand) {
        Err(error) => precedence::path(call.number, call.arguments, row, operand, error).into(),
        result => result.into(),
    }
}

/// An argument by its index in the table.
pub(crate) fn argument(arguments: &[usize; 6], index: u8) -> usize {
    arguments.get(usize::from(index)).copied().unwrap_or(0)
}

/// The directory that a call's path begins at.
pub(crate) fn directory_of(arguments: &[usize; 6], row: &PathCall) -> i32 {
    row.directory.map_or(AT_FDCWD, |index| descriptor_argument(argument(arguments, index)))
}

fn run_inner(arguments: &[usize; 6], row: &PathCall, operand: &mut Operand) -> Result<usize, Errno> {
    let directory = directory_of(arguments, row);
    let path = argument(arguments, row.path);
    if is_access(row) {
        check_access(arguments, row)?;
    }
    if names_descriptor(arguments, row, path)? {
        let changes = row.intent == Intent::Modify && session().has(Flags::READ_ONLY);
        if changes && resolve::lies_read_only(directory)? {
            return precedence::descriptor(arguments, row, directory, path);
        }
        return reissue(arguments, row, directory, path);
    }
    read_path(operand, path)?;
    match row.intent {
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

/// Whether a call that looks at a file or changes it follows a symlink at the end of the path.
pub(crate) fn follows(arguments: &[usize; 6], row: &PathCall) -> bool {
    match row.follow {
        Follow::Always => true,
        Follow::Never => false,
        Follow::Unless(index, bit) => argument(arguments, index) as u32 & bit == 0,
        Follow::If(index, bit) => argument(arguments, index) as u32 & bit != 0,
    }
}

/// Whether the call means its descriptor rather than a path.
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

/// Makes the call that a description says, with this directory and path.
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
    if row.reissue == raw::__NR_truncate && (argument(arguments, 1) as isize) < 0 {
        return Err(Errno::INVAL);
    }
    let object = resolve::object(operand, directory, last)?;
    let read_only = object.read_only()?;
    if read_only && row.intent == Intent::Modify {
        if row.reissue == raw::__NR_truncate {
            truncatable(&object, operand)?;
        }
        return Err(Errno::ROFS);
    }
    if is_access(row) {
        let value = access(arguments, row, operand, &object)?;
        if read_only && asks_to_write(arguments, row) {
            let special = match &object.descriptor {
                Some(descriptor) => is_special(&host::fstat(descriptor.number())?),
                None => false,
            };
            refuse_unless(special)?;
        }
        return Ok(value);
    }
    object.name(operand)?;
    reissue(arguments, row, AT_FDCWD, operand.name.with_nul().as_ptr() as usize)
}

/// What truncate(2) minds before the mount (vfs_truncate() in fs/open.c).
fn truncatable(object: &Object, operand: &mut Operand) -> Result<(), Errno> {
    if let Some(descriptor) = &object.descriptor {
        match FileType::of(&host::fstat(descriptor.number())?) {
            FileType::Regular => {}
            FileType::Directory => return Err(Errno::ISDIR),
            _ => return Err(Errno::INVAL),
        }
    }
    object.name(operand)?;
    host::faccessat(AT_FDCWD, Path::new(operand.name.with_nul()), raw::W_OK)
}

fn is_directory(object: &Object) -> Result<bool, Errno> {
    match &object.descriptor {
        Some(descriptor) => Ok(FileType::of(&host::fstat(descriptor.number())?) == FileType::Directory),
        None => Ok(false),
    }
}

fn access(
    arguments: &[usize; 6],
    row: &PathCall,
    operand: &mut Operand,
    object: &Object,
) -> Result<usize, Errno> {
    if let Some(descriptor) = &object.descriptor {
        let flags = if row.reissue == raw::__NR_faccessat2 { argument(arguments, 3) } else { 0 };
        let mode = argument(arguments, access_mode(row));
        let empty = c"".as_ptr() as usize;
        let by_descriptor =
            [descriptor.number() as usize, empty, mode, flags | raw::AT_EMPTY_PATH as usize, 0, 0];
        match forward(raw::__NR_faccessat2, by_descriptor) {
            // Before Linux 5.8, or denied by a container's profile of that age.
            Err(Errno::NOSYS | Errno::PERM) => {}
            answer => return answer,
        }
    }
    object.name(operand)?;
    reissue(arguments, row, AT_FDCWD, operand.name.with_nul().as_ptr() as usize)
}

/// What the kernel minds before it looks at the path (do_faccessat() in fs/open.c).
pub(crate) fn check_access(arguments: &[usize; 6], row: &PathCall) -> Result<(), Errno> {
    const KNOWN: u32 = raw::AT_EACCESS | raw::AT_SYMLINK_NOFOLLOW | raw::AT_EMPTY_PATH;
    let flags = if row.reissue == raw::__NR_faccessat2 { argument(arguments, 3) as u32 } else { 0 };
    let good = is_access_mode(argument(arguments, access_mode(row))) && flags & !KNOWN == 0;
    if good { Ok(()) } else { Err(Errno::INVAL) }
}

/// Whether access(2) knows such a mode.
#[must_use]
pub fn is_access_mode(mode: usize) -> bool {
    mode as u32 & !(raw::R_OK | raw::W_OK | raw::X_OK) == 0
}

/// Whether a call is one of access(2)'s kind.
#[must_use]
pub fn is_access(row: &PathCall) -> bool {
    matches!(row.reissue, raw::__NR_faccessat | raw::__NR_faccessat2)
}

/// Whether an access asks for the right to write.
fn asks_to_write(arguments: &[usize; 6], row: &PathCall) -> bool {
    argument(arguments, access_mode(row)) & raw::W_OK as usize != 0
}

/// Devices, FIFOs and sockets, which aren't written to the file system (special_file() in
/// include/linux/fs.h).
fn is_special(stat: &host::Stat) -> bool {
    FileType::of(stat) == FileType::Other
}

/// What a read-only mount says to who wants to write, once the file itself would allow it (do_faccessat()).
fn refuse_unless(special: bool) -> Result<(), Errno> {
    if special { Ok(()) } else { Err(Errno::ROFS) }
}

/// Index of the mode among access's arguments.
pub(crate) fn access_mode(row: &PathCall) -> u8 {
    if row.directory.is_some() { 2 } else { 1 }
}

/// A call on the name itself, which may be a symlink.
fn on_link(
    arguments: &[usize; 6],
    row: &PathCall,
    operand: &mut Operand,
    directory: i32,
) -> Result<usize, Errno> {
    // A trailing slash or dot follows a link after all; a mount point is no link.
    let text = operand.text.bytes();
    if text.ends_with(b"/") || ends_in_dots(text) {
        let (arguments, row) = following(arguments, row);
        return on_object(&arguments, &row, operand, directory);
    }
    let entry = resolve::entry(operand, directory)?;
    if entry.mount_point {
        let (arguments, row) = following(arguments, row);
        return on_object(&arguments, &row, operand, directory);
    }
    if links::at(&entry, operand)?.is_some() {
        // The file itself is meant, which may be a link, but isn't this one.
        let (arguments, row) = following(arguments, row);
        return on_file(&arguments, &row, operand, directory, Last::Keep);
    }
    if row.intent == Intent::Modify && read_only_directory(&entry)? {
        exists(&entry, operand)?;
        return Err(Errno::ROFS);
    }
    let value = by_name(arguments, row, operand, &entry)?;
    if is_access(row) && asks_to_write(arguments, row) && read_only_directory(&entry)? {
        let name = Path::new(operand.name.with_nul());
        refuse_unless(is_special(&host::fstatat(entry.directory(), name, raw::AT_SYMLINK_NOFOLLOW)?))?;
    }
    Ok(value)
}

/// Whether the last component of a path is `.` or `..`, or there is none.
pub(crate) fn ends_in_dots(path: &[u8]) -> bool {
    let last = path.rsplit(|&byte| byte == b'/').find(|component| !component.is_empty());
    last.is_none_or(|last| last == b"." || last == b"..")
}

/// The same call as one that follows a symlink. What it is about is none, but it is named by one of procfs's.
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
            row.reissue = match row.reissue {
                raw::__NR_lsetxattr => raw::__NR_setxattr,
                raw::__NR_lgetxattr => raw::__NR_getxattr,
                raw::__NR_llistxattr => raw::__NR_listxattr,
                raw::__NR_lremovexattr => raw::__NR_removexattr,
                same => same,
            };
            row.arguments = row.arguments.map(|from| match from {
                From::Constant(raw::AT_SYMLINK_NOFOLLOW) => From::Constant(0),
                same => same,
            });
        }
    }
    (arguments, row)
}

/// Makes the call with the entry's directory and name. One that takes no directory gets a path
/// that leads through procfs.
pub(crate) fn by_name(
    arguments: &[usize; 6],
    row: &PathCall,
    operand: &mut Operand,
    entry: &Entry,
) -> Result<usize, Errno> {
    if entry.directory() != AT_FDCWD && !row.arguments.contains(&From::Directory) {
        resolve::through_procfs(entry.directory(), &mut operand.name)?;
        return reissue(arguments, row, AT_FDCWD, operand.name.with_nul().as_ptr() as usize);
    }
    reissue(arguments, row, entry.directory(), operand.name.with_nul().as_ptr() as usize)
}

/// Whether an entry's directory lies in a read-only binding.
///
/// # Errors
/// What has run out, where that couldn't be found out.
pub fn read_only_directory(entry: &Entry) -> Result<bool, Errno> {
    Ok(session().has(Flags::READ_ONLY) && entry.mount()?.is_some_and(is_read_only))
}

/// Checks that there is the entry's directory, which for a name alone wasn't looked at yet.
///
/// # Errors
/// EBADF, ENOTDIR, EACCES.
pub fn searched(entry: &Entry) -> Result<(), Errno> {
    host::fstatat(entry.directory(), Path::new(b".\0"), 0).map(|_| ())
}

/// Checks that names in the entry's directory may be changed (may_delete() in fs/namei.c). One that is only there
/// for the bindings below it is the user's, as it would be if he had made it for them.
///
/// # Errors
/// EACCES, EROFS.
pub fn may_change(entry: &Entry) -> Result<(), Errno> {
    let mount = match entry.mount {
        None => resolve::mount_of_directory(entry.directory())?,
        known => known,
    };
    if mount.is_some_and(is_virtual) {
        return Ok(());
    }
    host::faccessat(entry.directory(), Path::new(b".\0"), raw::W_OK | raw::X_OK)
}

/// Checks that the entry's name exists, whatever it is: a slash behind it isn't minded, for it would have a
/// link followed, and by the host.
///
/// # Errors
/// The errno of looking at it.
pub fn exists(entry: &Entry, operand: &mut Operand) -> Result<(), Errno> {
    let len = operand.name.len();
    let bare = operand.name.bytes().iter().rposition(|&byte| byte != b'/').map_or(len, |last| last + 1);
    operand.name.truncate(bare);
    let name = Path::new(operand.name.with_nul());
    let found = host::fstatat(entry.directory(), name, raw::AT_SYMLINK_NOFOLLOW);
    for _ in bare..len {
        operand.name.extend(b"/")?;
    }
    found.map(|_| ())
}

fn create(
    arguments: &[usize; 6],
    row: &PathCall,
    operand: &mut Operand,
    directory: i32,
) -> Result<usize, Errno> {
    let makes_directory = row.reissue == raw::__NR_mkdirat;
    let entry = new_entry(operand, directory, Errno::EXIST, makes_directory)?;
    by_name(arguments, row, operand, &entry)
}

/// Finds where a new name goes. filename_create() looks whether it exists before it minds that it
/// couldn't be made; `taken` is what the call says of one that does.
///
/// # Errors
/// `taken`; EROFS; what finding its directory gives. That a name in a writable directory exists is
/// for the call itself to find.
pub fn new_entry(
    operand: &mut Operand,
    directory: i32,
    taken: Errno,
    makes_directory: bool,
) -> Result<Entry, Errno> {
    let entry = resolve::entry(operand, directory)?;
    if entry.mount_point {
        return Err(taken);
    }
    if read_only_directory(&entry)? {
        let only_a_directory = operand.name.bytes().ends_with(b"/") && !makes_directory;
        return Err(match exists(&entry, operand) {
            Ok(()) => taken,
            // A name with a slash behind it, for something that is no directory.
            Err(Errno::NOENT) if only_a_directory => Errno::NOENT,
            Err(Errno::NOENT) => Errno::ROFS,
            Err(error) => error,
        });
    }
    Ok(entry)
}

fn remove(
    arguments: &[usize; 6],
    row: &PathCall,
    operand: &mut Operand,
    directory: i32,
) -> Result<usize, Errno> {
    let flags = match row.directory {
        None if row.arguments.contains(&From::Constant(raw::AT_REMOVEDIR)) => raw::AT_REMOVEDIR,
        None => 0,
        Some(_) => argument(arguments, 2) as u32,
    };
    let removes_directory = flags & raw::AT_REMOVEDIR != 0;
    let entry = resolve::entry(operand, directory)?;
    if read_only_directory(&entry)? && !ends_in_dots(operand.text.bytes()) {
        return searched(&entry).and(Err(Errno::ROFS));
    }
    // Only a directory may have a slash behind its name; that is minded first.
    let spoiled = !removes_directory && operand.text.bytes().ends_with(b"/");
    if (entry.mount_point || entry.above_mount) && !ends_in_dots(operand.text.bytes()) && !spoiled {
        may_change(&entry)?;
    }
    if entry.mount_point {
        let object = resolve::object(operand, directory, Last::Keep)?;
        return Err(match (removes_directory, is_directory(&object)?) {
            (true, false) => Errno::NOTDIR,
            (false, true) => Errno::ISDIR,
            // What exists only for the bindings below it is a directory that isn't empty.
            (true, true) if object.mount.is_some_and(is_virtual) => Errno::NOTEMPTY,
            _ => Errno::BUSY,
        });
    }
    if entry.above_mount && removes_directory {
        return Err(Errno::NOTEMPTY);
    }
    if flags == 0
        && let Some(unlinked) = links::unlink(&entry, operand)
    {
        return unlinked;
    }
    by_name(arguments, row, operand, &entry)
}
