//! Calls with two names: rename(2) and link(2).

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_fakeroot::Capabilities;
use newroot_paths::Last;
use newroot_sys::raw;

use super::path::{ends_in_dots, exists, may_change, new_entry, read_only_directory, searched};
use super::{descriptor_argument, forward, read_path};
use crate::host::{self, AT_FDCWD, FileType, Path};
use crate::links::{self, Source};
use crate::memory;
use crate::owner;
use crate::resolve::{self, Anchored, Entry, Object};
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
    // Both directories are found before anything else is minded.
    let both_searched = || searched(&from).and_then(|()| searched(&to));
    same_mount(&from, old_directory, &to, new_directory).or_else(|error| both_searched().and(Err(error)))?;
    let dots = ends_in_dots(first.text.bytes()) || ends_in_dots(second.text.bytes());
    if read_only_directory(&from)? && !dots {
        return both_searched().and(Err(Errno::ROFS));
    }
    if from.mount_point || to.mount_point || from.above_mount {
        both_searched()?;
        let flags = flags.unwrap_or(0) as u32;
        return rename_mount_point((first, old_directory, &from), (second, new_directory, &to), flags);
    }
    if let Some(renamed) = links::rename((&from, first), (&to, second), flags.unwrap_or(0) as u32) {
        return renamed;
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

/// What the kernel has to say of a rename that a mount point takes part in, with the precedence of
/// do_renameat2() and vfs_rename(). A directory above a mount point could be renamed natively, and the
/// mount would go with it; here bindings stay where they are, so that is EBUSY as well.
fn rename_mount_point(
    (first, old_directory, from): (&mut Operand, i32, &Entry),
    (second, new_directory, to): (&mut Operand, i32, &Entry),
    flags: u32,
) -> Result<usize, Errno> {
    let exchange = flags & EXCHANGE != 0;
    let taken = if flags & NOREPLACE != 0 { Errno::EXIST } else { Errno::BUSY };
    if ends_in_dots(first.text.bytes()) {
        return Err(Errno::BUSY);
    }
    if ends_in_dots(second.text.bytes()) {
        return Err(taken);
    }
    let [old_slash, new_slash] = [&mut *first, &mut *second].map(without_slashes);
    let old = Kind::of(first, old_directory)?.ok_or(Errno::NOENT)?;
    let new = Kind::of(second, new_directory)?;
    if new.is_some() && flags & NOREPLACE != 0 {
        return Err(Errno::EXIST);
    }
    match new {
        None if exchange => return Err(Errno::NOENT),
        Some(new) if exchange && !new.directory && new_slash => return Err(Errno::NOTDIR),
        _ => {}
    }
    if !old.directory && (old_slash || new_slash && !exchange) {
        return Err(Errno::NOTDIR);
    }
    let same = || first.walk.guest.bytes() == second.walk.guest.bytes();
    if new.is_some() && from.mount_point && to.mount_point && same() {
        return Ok(0);
    }
    may_change(from)?;
    may_change(to)?;
    if let Some(new) = new
        && !exchange
    {
        match (old.directory, new.directory) {
            (true, false) => return Err(Errno::NOTDIR),
            (false, true) => return Err(Errno::ISDIR),
            _ => {}
        }
    }
    if !is_same_directory(from, to)? {
        old.may_get_another_parent(first, from)?;
        if let Some(new) = new.filter(|_| exchange) {
            new.may_get_another_parent(second, to)?;
        }
    }
    Err(Errno::BUSY)
}

fn is_same_directory(from: &Entry, to: &Entry) -> Result<bool, Errno> {
    let [a, b] = [from, to].map(|entry| host::fstatat(entry.directory(), Path::new(b".\0"), 0));
    let (a, b) = (a?, b?);
    Ok((a.st_dev, a.st_ino) == (b.st_dev, b.st_ino))
}

/// Takes the slashes away behind a name, which only directories may have. Returns whether there were any.
fn without_slashes(operand: &mut Operand) -> bool {
    let len = operand.text.len();
    let bare = operand.text.bytes().iter().rposition(|&byte| byte != b'/').map_or(len, |last| last + 1);
    operand.text.truncate(bare);
    bare < len
}

/// What stands at a name.
#[derive(Clone, Copy)]
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

    /// A directory that gets another parent has its `..` written, which takes the right to. Of a mount point that is
    /// the directory it covers. The operand is as [`Self::of`] has left it.
    fn may_get_another_parent(self, operand: &mut Operand, entry: &Entry) -> Result<(), Errno> {
        if !self.directory || session().has(Flags::FAKE_ROOT) {
            return Ok(());
        }
        if entry.mount_point {
            return match host::faccessat(entry.directory(), Path::new(operand.name.with_nul()), raw::W_OK) {
                // What is there for a binding alone is the user's.
                Err(Errno::NOENT) => Ok(()),
                said => said,
            };
        }
        let at = Anchored::new(&mut operand.walk.host)?;
        host::faccessat(at.directory(), at.path(), raw::W_OK)
    }
}

/// EXDEV for two directories in different mounts, which the host's kernel may see as one.
fn same_mount(from: &Entry, old_directory: i32, to: &Entry, new_directory: i32) -> Result<(), Errno> {
    let both_plain = from.mount.is_none() && to.mount.is_none() && old_directory == new_directory;
    if session().mounts.mounts().len() == 1 || both_plain {
        return Ok(());
    }
    different_mounts(from.mount()?, to.mount()?)
}

fn different_mounts(a: Option<usize>, b: Option<usize>) -> Result<(), Errno> {
    match (a, b) {
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
    if flags & EMPTY != 0 {
        if let Err(error) = memory::read_path(old, &mut first.text) {
            return descriptors_taken(old_directory, old, flags).and(Err(error));
        }
        // The right to this is asked for whatever the path is.
        let by_descriptor = first.text.is_empty();
        let whose = if by_descriptor { old_directory } else { AT_FDCWD };
        let taken = descriptors_taken(whose, c"".as_ptr() as usize, flags)?;
        if by_descriptor {
            return link_descriptor(scratch, old_directory, (new_directory, new), taken);
        }
    }
    // The host may not grant it.
    let flags = flags & !EMPTY;
    read_path(first, old)?;
    // A slash at the end follows a link all the same, and dots name what stands elsewhere by another name.
    if flags & FOLLOW != 0 || first.text.bytes().ends_with(b"/") || ends_in_dots(first.text.bytes()) {
        return link_object(scratch, old_directory, (new_directory, new));
    }
    let from = resolve::entry(first, old_directory)?;
    if from.mount_point {
        return link_object(scratch, old_directory, (new_directory, new));
    }
    exists(&from, first)?;
    let to = new_name(second, (new_directory, new))?;
    same_mount(&from, old_directory, &to, new_directory)?;
    let name = first.name.with_nul().as_ptr() as usize;
    // What is linked to would be the host's link, not the file.
    let made = match links::at(&from, first)? {
        Some(_) => Err(Errno::PERM),
        None => make_link(&to, second, (from.directory(), name), flags),
    };
    made.or_else(|error| {
        if !links::is_refusal(error) {
            return Err(error);
        }
        let source = Source::Name(from.directory(), first.name.bytes());
        links::give_name(source, &to, second, error)
    })
}

fn source_of<'a>(object: &Object, operand: &'a Operand) -> Source<'a> {
    match &object.descriptor {
        Some(descriptor) => Source::Descriptor(descriptor.number()),
        None => Source::Host(operand.walk.host.bytes()),
    }
}

fn may_link_descriptors() -> bool {
    session().has(Flags::FAKE_ROOT)
        && owner::process::current().credentials.capable(Capabilities::DAC_READ_SEARCH)
}

/// Whether the host takes a descriptor for a link's old name: if not, the guest's root has the right all the same. The
/// kernel is asked with the root as new name, which is only taken.
///
/// # Errors
/// What the kernel says of the old name.
fn descriptors_taken(descriptor: i32, path: usize, flags: usize) -> Result<bool, Errno> {
    let taken = [descriptor as isize as usize, path, 0, c"/".as_ptr() as usize, flags, 0];
    match forward(raw::__NR_linkat, taken) {
        // Before Linux 6.10 only CAP_DAC_READ_SEARCH may.
        Err(Errno::NOENT) if may_link_descriptors() => Ok(false),
        // A host that makes no links at all.
        Err(error) if links::is_refusal(error) => Ok(false),
        Err(Errno::EXIST) | Ok(_) => Ok(true),
        Err(error) => Err(error),
    }
}

/// link(2) of what a descriptor is open for.
fn link_descriptor(
    Scratch { first, second, .. }: &mut Scratch,
    descriptor: i32,
    new: (i32, usize),
    allowed: bool,
) -> Result<usize, Errno> {
    if !allowed && descriptor != AT_FDCWD {
        host::fstat(descriptor)?;
    }
    let to = new_name(second, new)?;
    if session().mounts.mounts().len() > 1 {
        different_mounts(resolve::mount_of_directory(descriptor)?, to.mount()?)?;
    }
    let made = if allowed {
        make_link(&to, second, (descriptor, c"".as_ptr() as usize), EMPTY)
    } else if descriptor == AT_FDCWD {
        Err(Errno::PERM) // a directory
    } else {
        resolve::procfs::name_descriptor(descriptor, &mut first.name)?;
        make_link(&to, second, (AT_FDCWD, first.name.with_nul().as_ptr() as usize), FOLLOW)
    };
    made.or_else(|error| {
        // Only what has a name can get another without the host's help.
        if !links::is_refusal(error) {
            return Err(error);
        }
        links::give_name(Source::Descriptor(descriptor), &to, second, error)
    })
}

/// link(2) of what the old path leads to.
fn link_object(
    Scratch { first, second, .. }: &mut Scratch,
    old_directory: i32,
    new: (i32, usize),
) -> Result<usize, Errno> {
    let object = resolve::object(first, old_directory, Last::Follow)?;
    let to = new_name(second, new)?;
    if session().mounts.mounts().len() > 1 {
        different_mounts(object.mount()?, to.mount()?)?;
    }
    object.name(first)?;
    let name = first.name.with_nul().as_ptr() as usize;
    let made = match object.link {
        Some(_) => Err(Errno::PERM),
        None => make_link(&to, second, (AT_FDCWD, name), FOLLOW),
    };
    made.or_else(|error| {
        if !links::is_refusal(error) {
            return Err(error);
        }
        links::give_name(source_of(&object, first), &to, second, error)
    })
}

/// Where a link's new name goes. do_linkat() prepares it before it minds another mount, so that EEXIST comes
/// before EXDEV.
fn new_name(second: &mut Operand, (directory, path): (i32, usize)) -> Result<Entry, Errno> {
    read_path(second, path)?;
    let to = new_entry(second, directory, Errno::EXIST, false)?;
    match exists(&to, second) {
        Ok(()) => Err(Errno::EXIST),
        // procfs says so of every name that it hasn't got, where other file systems look on (proc_root_lookup()).
        Err(Errno::NOENT) if second.name.bytes().ends_with(b"/") || is_in_procfs(&to) => Err(Errno::NOENT),
        Err(Errno::NOENT) => Ok(to),
        Err(error) => Err(error),
    }
}

fn is_in_procfs(entry: &Entry) -> bool {
    let directory = host::fstatat(entry.directory(), Path::new(b".\0"), 0);
    directory.is_ok_and(|directory| resolve::procfs::device() == Some(directory.st_dev))
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
