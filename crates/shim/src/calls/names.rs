//! Calls with two names: rename(2) and link(2).

use newroot_abi::Errno;
use newroot_paths::Last;
use newroot_sys::raw;

use super::path::{exists, may_change, new_entry, read_only_directory};
use super::{descriptor_argument, forward, read_path};
use crate::host::{self, AT_FDCWD, FileType, Path};
use crate::memory;
use crate::resolve::{self, Entry};
use crate::session::session;
use crate::slots::{Operand, Scratch};
use crate::trap::{Outcome, Trapped};

/// rename(2).
pub fn rename(call: &mut Trapped<'_>, scratch: &mut Scratch) -> Outcome {
    let [old, new, ..] = call.arguments;
    rename_inner(scratch, (AT_FDCWD, old), (AT_FDCWD, new), None).into()
}

/// renameat(2).
pub fn renameat(call: &mut Trapped<'_>, scratch: &mut Scratch) -> Outcome {
    let [old_directory, old, new_directory, new, ..] = call.arguments;
    let old = (descriptor_argument(old_directory), old);
    rename_inner(scratch, old, (descriptor_argument(new_directory), new), None).into()
}

/// renameat2(2).
pub fn renameat2(call: &mut Trapped<'_>, scratch: &mut Scratch) -> Outcome {
    let [old_directory, old, new_directory, new, flags, _] = call.arguments;
    let old = (descriptor_argument(old_directory), old);
    if !is_rename_request(flags) {
        return Errno::INVAL.into();
    }
    rename_inner(scratch, old, (descriptor_argument(new_directory), new), Some(flags)).into()
}

const NOREPLACE: u32 = 1;
const EXCHANGE: u32 = 2;
const WHITEOUT: u32 = 4;

/// Whether renameat2(2) goes as far as looking at the paths.
fn is_rename_request(flags: usize) -> bool {
    let flags = flags as u32;
    let one_too_many = flags & EXCHANGE != 0 && flags & (NOREPLACE | WHITEOUT) != 0;
    !one_too_many && flags & !(NOREPLACE | EXCHANGE | WHITEOUT) == 0
}

fn rename_inner(
    scratch: &mut Scratch,
    (old_directory, old): (i32, usize),
    (new_directory, new): (i32, usize),
    flags: Option<usize>,
) -> Result<usize, Errno> {
    let Scratch { first, second, .. } = scratch;
    read_path(first, old)?;
    let from = resolve::entry(first, old_directory)?;
    let to = read_path(second, new).and_then(|()| resolve::entry(second, new_directory));
    let to = to.or_else(|error| searched(&from).and(Err(error)))?;
    same_mount(&from, old_directory, &to, new_directory)?;
    if read_only_directory(&from) {
        return Err(Errno::ROFS);
    }
    if from.mount_point || to.mount_point || from.above_mount {
        let flags = flags.unwrap_or(0) as u32;
        return rename_mount_point((first, old_directory, &from), (second, new_directory, &to), flags);
    }
    let arguments = [
        from.directory() as isize as usize,
        first.name.with_nul().as_ptr() as usize,
        to.directory() as isize as usize,
        second.name.with_nul().as_ptr() as usize,
        flags.unwrap_or(0),
        0,
    ];
    forward(if flags.is_some() { raw::__NR_renameat2 } else { raw::__NR_renameat }, arguments)
}

/// Checks that there is the directory of a name, which for a name alone wasn't looked at yet.
fn searched(entry: &Entry) -> Result<(), Errno> {
    host::fstatat(entry.directory(), Path::new(b".\0"), 0).map(|_| ())
}

/// What the kernel has to say of a rename that a mount point takes part in, with the precedence of
/// do_renameat2() and vfs_rename(). A directory above a mount point could be renamed natively, and the
/// mount would go with it; here bindings stay where they are, so that is EBUSY as well.
fn rename_mount_point(
    (first, old_directory, from): (&mut Operand, i32, &Entry),
    (second, new_directory, to): (&mut Operand, i32, &Entry),
    flags: u32,
) -> Result<usize, Errno> {
    let old = Kind::of(first, old_directory)?.ok_or(Errno::NOENT)?;
    let new = Kind::of(second, new_directory)?;
    if new.is_some() && flags & NOREPLACE != 0 {
        return Err(Errno::EXIST);
    }
    if new.is_none() && flags & EXCHANGE != 0 {
        return Err(Errno::NOENT);
    }
    if let Some(new) = new
        && flags & EXCHANGE == 0
    {
        if from.mount_point && to.mount_point && first.walk.guest.bytes() == second.walk.guest.bytes() {
            return Ok(0);
        }
        may_change(from)?;
        may_change(to)?;
        match (old.directory, new.directory) {
            (true, false) => return Err(Errno::NOTDIR),
            (false, true) => return Err(Errno::ISDIR),
            _ => {}
        }
    }
    Err(Errno::BUSY)
}

/// What stands at a name.
struct Kind {
    directory: bool,
}

impl Kind {
    /// Looks at the operand's path; afterwards `operand.walk.guest` is its canonical guest path.
    fn of(operand: &mut Operand, directory: i32) -> Result<Option<Self>, Errno> {
        let found = resolve::walk_text(operand, directory, Last::Keep)?;
        match resolve::open_found(found, &mut operand.walk.host, raw::O_PATH) {
            Ok(file) => {
                let kind = FileType::of(&host::fstat(file.number())?);
                Ok(Some(Self { directory: kind == FileType::Directory }))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// EXDEV for two directories in different mounts, which the host's kernel may see as one.
fn same_mount(from: &Entry, old_directory: i32, to: &Entry, new_directory: i32) -> Result<(), Errno> {
    let both_plain = from.mount.is_none() && to.mount.is_none() && old_directory == new_directory;
    if session().mounts.mounts().len() == 1 || both_plain {
        return Ok(());
    }
    match (from.mount(), to.mount()) {
        (Some(a), Some(b)) if a != b => Err(Errno::XDEV),
        _ => Ok(()),
    }
}

/// link(2).
pub fn link(call: &mut Trapped<'_>, scratch: &mut Scratch) -> Outcome {
    let [old, new, ..] = call.arguments;
    link_inner(scratch, (AT_FDCWD, old), (AT_FDCWD, new), 0).into()
}

/// linkat(2).
pub fn linkat(call: &mut Trapped<'_>, scratch: &mut Scratch) -> Outcome {
    let [old_directory, old, new_directory, new, flags, _] = call.arguments;
    let old = (descriptor_argument(old_directory), old);
    link_inner(scratch, old, (descriptor_argument(new_directory), new), flags).into()
}

const FOLLOW: usize = raw::AT_SYMLINK_FOLLOW as usize;
const EMPTY: usize = raw::AT_EMPTY_PATH as usize;

fn link_inner(
    scratch: &mut Scratch,
    (old_directory, old): (i32, usize),
    (new_directory, new): (i32, usize),
    flags: usize,
) -> Result<usize, Errno> {
    if flags as u32 as usize & !(FOLLOW | EMPTY) != 0 {
        return Err(Errno::INVAL);
    }
    let Scratch { first, second, .. } = scratch;
    let by_descriptor = flags & EMPTY != 0 && {
        memory::read_path(old, &mut first.text)?;
        first.text.is_empty()
    };
    if by_descriptor {
        read_path(second, new)?;
        let to = new_entry(second, new_directory, Errno::EXIST, false)?;
        return make_link(&to, second, (old_directory, old), flags);
    }
    read_path(first, old)?;
    // A slash at the end follows a link all the same.
    if flags & FOLLOW != 0 || first.text.bytes().ends_with(b"/") {
        let object = resolve::object(first, old_directory, Last::Follow)?;
        let to = new_name(second, (new_directory, new))?;
        if let (Some(a), Some(b)) = (object.mount, to.mount)
            && a != b
        {
            return Err(Errno::XDEV);
        }
        object.name(first)?;
        let name = first.name.with_nul().as_ptr() as usize;
        return make_link(&to, second, (AT_FDCWD, name), FOLLOW);
    }
    let from = resolve::entry(first, old_directory)?;
    if !from.mount_point {
        exists(&from, first)?;
    }
    let to = new_name(second, (new_directory, new))?;
    if from.mount_point {
        return Err(Errno::XDEV);
    }
    same_mount(&from, old_directory, &to, new_directory)?;
    let name = first.name.with_nul().as_ptr() as usize;
    make_link(&to, second, (from.directory(), name), flags)
}

/// Where a link's new name goes. do_linkat() prepares it before it minds another mount, so that EEXIST comes
/// before EXDEV.
fn new_name(second: &mut Operand, (directory, path): (i32, usize)) -> Result<Entry, Errno> {
    read_path(second, path)?;
    let to = new_entry(second, directory, Errno::EXIST, false)?;
    if exists(&to, second).is_ok() {
        return Err(Errno::EXIST);
    }
    if second.name.bytes().ends_with(b"/") { Err(Errno::NOENT) } else { Ok(to) }
}

fn make_link(
    to: &Entry,
    second: &mut Operand,
    (directory, name): (i32, usize),
    flags: usize,
) -> Result<usize, Errno> {
    let new = second.name.with_nul().as_ptr() as usize;
    let arguments = [directory as isize as usize, name, to.directory() as isize as usize, new, flags, 0];
    forward(raw::__NR_linkat, arguments)
}
