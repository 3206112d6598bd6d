//! Calls with two names: rename(2) and link(2).

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_fakeroot::Capabilities;
use newroot_paths::Last;
use newroot_sys::raw;

use super::hardlinks::{self, Source, give_name, is_refusal};
use crate::call::{Outcome, Trapped, descriptor_argument, forward, read_path};
use crate::identity::process;
use crate::kernel::{self, AT_FDCWD, FileType};
use crate::memory;
use crate::resolve::{self, Entry, Object, Target as _, ends_in_dots, new_entry};
use crate::session::session;
use crate::slots::{Operand, Scratch};

/// Runs rename(2).
pub fn rename(call: &mut Trapped<'_>, scratch: &mut Scratch) -> Outcome {
    let [old, new, ..] = call.arguments;
    rename_inner(scratch, (AT_FDCWD, old), (AT_FDCWD, new), None).into()
}

/// Runs renameat(2).
pub fn renameat(call: &mut Trapped<'_>, scratch: &mut Scratch) -> Outcome {
    let [old_directory, old, new_directory, new, ..] = call.arguments;
    let old = (descriptor_argument(old_directory), old);
    rename_inner(scratch, old, (descriptor_argument(new_directory), new), None).into()
}

/// Runs renameat2(2).
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

/// Returns whether renameat2(2) gets as far as looking at the paths.
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
    let mut from = resolve::entry(first, old_directory)?;
    let to = read_path(second, new).and_then(move |()| resolve::entry(second, new_directory));
    let mut to = to.or_else(|error| from.check_directory().and(Err(error)))?;
    from.check_same_mount(&to).or_else(|error| check_directories(&from, &to).and(Err(error)))?;
    if from.is_read_only()? && !from.ends_in_dots() && !to.ends_in_dots() {
        return check_directories(&from, &to).and(Err(Errno::ROFS));
    }
    if from.mount_point || to.mount_point || from.above_mount {
        check_directories(&from, &to)?;
        return rename_mount_point(&mut from, &mut to, flags.unwrap_or(0) as u32);
    }
    if let Some(renamed) = hardlinks::rename(&mut from, &mut to, flags.unwrap_or(0) as u32) {
        return renamed;
    }
    let ((from, old), (to, new)) = (from.at(), to.at());
    let arguments =
        [from as isize as usize, old.address(), to as isize as usize, new.address(), flags.unwrap_or(0), 0];
    forward(if flags.is_some() { raw::__NR_renameat2 } else { raw::__NR_renameat }, arguments)
}

/// Checks both directories of a rename, which the kernel finds before it checks anything else.
fn check_directories(from: &Entry<'_>, to: &Entry<'_>) -> Result<(), Errno> {
    from.check_directory()?;
    to.check_directory()
}

/// Returns the result of a rename that a mount point takes part in, with the errno order of
/// do_renameat2() and vfs_rename(). The kernel renames a directory above a mount point, and the
/// mount goes with it; here bindings stay where they are, so that is EBUSY as well.
fn rename_mount_point(from: &mut Entry<'_>, to: &mut Entry<'_>, flags: u32) -> Result<usize, Errno> {
    let exchange = flags & EXCHANGE != 0;
    let taken = if flags & NOREPLACE != 0 { Errno::EXIST } else { Errno::BUSY };
    if from.ends_in_dots() {
        return Err(Errno::BUSY);
    }
    if to.ends_in_dots() {
        return Err(taken);
    }
    let [old_slash, new_slash] = [from.take_slashes(), to.take_slashes()];
    let old = Kind::of(from)?.ok_or(Errno::NOENT)?;
    let new = Kind::of(to)?;
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
    let both_mount_points = from.mount_point && to.mount_point;
    if new.is_some() && both_mount_points && from.guest_path() == to.guest_path() {
        return Ok(0);
    }
    from.check_writable()?;
    to.check_writable()?;
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
        old.may_get_another_parent(from)?;
        if let Some(new) = new.filter(|_| exchange) {
            new.may_get_another_parent(to)?;
        }
    }
    Err(Errno::BUSY)
}

fn is_same_directory(from: &Entry<'_>, to: &Entry<'_>) -> Result<bool, Errno> {
    let (a, b) = (from.directory_stat(), to.directory_stat());
    let (a, b) = (a?, b?);
    Ok((a.st_dev, a.st_ino) == (b.st_dev, b.st_ino))
}

/// The file at a name of a rename.
#[derive(Clone, Copy)]
struct Kind {
    directory: bool,
}

impl Kind {
    /// Finds the file that the guest sees at the name. `None` if there is none.
    fn of(entry: &mut Entry<'_>) -> Result<Option<Self>, Errno> {
        let Some(file) = entry.open_seen()? else { return Ok(None) };
        let kind = FileType::of(&kernel::fstat(file.number())?);
        Ok(Some(Self { directory: kind == FileType::Directory }))
    }

    /// Checks that a directory may get another parent, for which the kernel writes its `..`.
    /// [`Self::of`] has looked at the entry before.
    fn may_get_another_parent(self, entry: &mut Entry<'_>) -> Result<(), Errno> {
        if !self.directory || session().has(Flags::FAKE_ROOT) {
            return Ok(());
        }
        entry.check_name_writable()
    }
}

/// Runs link(2).
pub fn link(call: &mut Trapped<'_>, scratch: &mut Scratch) -> Outcome {
    let [old, new, ..] = call.arguments;
    link_inner(scratch, (AT_FDCWD, old), (AT_FDCWD, new), 0).into()
}

/// Runs linkat(2).
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
        // The kernel checks the right to this for every path.
        let by_descriptor = first.text.is_empty();
        let whose = if by_descriptor { old_directory } else { AT_FDCWD };
        let taken = descriptors_taken(whose, c"".as_ptr() as usize, flags)?;
        if by_descriptor {
            return link_descriptor(scratch, old_directory, (new_directory, new), taken);
        }
    }
    // The host may refuse it.
    let flags = flags & !EMPTY;
    read_path(first, old)?;
    // A trailing slash follows a link anyway, and dots name a directory by another of its names.
    if flags & FOLLOW != 0 || first.text.bytes().ends_with(b"/") || ends_in_dots(first.text.bytes()) {
        return link_object(scratch, old_directory, (new_directory, new));
    }
    let mut from = resolve::entry(first, old_directory)?;
    if from.mount_point {
        return link_object(scratch, old_directory, (new_directory, new));
    }
    from.exists()?;
    let mut to = new_name(second, (new_directory, new))?;
    from.check_same_mount(&to)?;
    // The new link would be to the host's symlink, not to the file.
    let made = if from.hardlink()?.is_some() {
        Err(Errno::PERM)
    } else {
        let (directory, name) = from.at();
        make_link(&mut to, (directory, name.address()), flags)
    };
    made.or_else(|error| {
        if !is_refusal(error) {
            return Err(error);
        }
        give_name(Source::Name(from.directory(), from.name()), &mut to, error)
    })
}

fn source_of<'a>(object: &'a Object<'_>) -> Source<'a> {
    match &object.descriptor {
        Some(descriptor) => Source::Descriptor(descriptor.number()),
        None => Source::Host(object.host_bytes()),
    }
}

fn may_link_descriptors() -> bool {
    session().has(Flags::FAKE_ROOT) && process::current().credentials.capable(Capabilities::DAC_READ_SEARCH)
}

/// Returns whether the host accepts a descriptor as a link's old name. If not, the guest's root has
/// the right anyway. The kernel is asked with the root as the new name, which exists.
///
/// # Errors
/// The errno of linkat(2), if the old name is wrong.
fn descriptors_taken(descriptor: i32, path: usize, flags: usize) -> Result<bool, Errno> {
    let taken = [descriptor as isize as usize, path, 0, c"/".as_ptr() as usize, flags, 0];
    match forward(raw::__NR_linkat, taken) {
        // Before Linux 6.10 this needs CAP_DAC_READ_SEARCH.
        Err(Errno::NOENT) if may_link_descriptors() => Ok(false),
        // A host that refuses all links.
        Err(error) if is_refusal(error) => Ok(false),
        Err(Errno::EXIST) | Ok(_) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Links the file that a descriptor has open.
fn link_descriptor(
    Scratch { first, second, .. }: &mut Scratch,
    descriptor: i32,
    new: (i32, usize),
    allowed: bool,
) -> Result<usize, Errno> {
    if !allowed && descriptor != AT_FDCWD {
        kernel::fstat(descriptor)?;
    }
    let mut to = new_name(second, new)?;
    if session().mounts.mounts().len() > 1 {
        to.check_mount(resolve::mount_of_directory(descriptor)?)?;
    }
    let made = if allowed {
        make_link(&mut to, (descriptor, c"".as_ptr() as usize), EMPTY)
    } else if descriptor == AT_FDCWD {
        Err(Errno::PERM) // a directory
    } else {
        resolve::procfs::name_descriptor(descriptor, &mut first.name)?;
        make_link(&mut to, (AT_FDCWD, first.name.with_nul().as_ptr() as usize), FOLLOW)
    };
    made.or_else(|error| {
        // Without the host's help, only a file with a name can get another one.
        if !is_refusal(error) {
            return Err(error);
        }
        give_name(Source::Descriptor(descriptor), &mut to, error)
    })
}

/// Links the file that the old path leads to.
fn link_object(
    Scratch { first, second, .. }: &mut Scratch,
    old_directory: i32,
    new: (i32, usize),
) -> Result<usize, Errno> {
    let mut object = resolve::object(first, old_directory, Last::Follow)?;
    let mut to = new_name(second, new)?;
    if session().mounts.mounts().len() > 1 {
        to.check_mount(object.mount()?)?;
    }
    let name = object.path()?.address();
    let made = match object.link {
        Some(_) => Err(Errno::PERM),
        None => make_link(&mut to, (AT_FDCWD, name), FOLLOW),
    };
    made.or_else(|error| {
        if !is_refusal(error) {
            return Err(error);
        }
        give_name(source_of(&object), &mut to, error)
    })
}

/// Finds the directory of a link's new name. do_linkat() prepares it before it compares the mounts,
/// so EEXIST comes before EXDEV.
fn new_name(second: &mut Operand, (directory, path): (i32, usize)) -> Result<Entry<'_>, Errno> {
    read_path(second, path)?;
    let mut to = new_entry(second, directory, Errno::EXIST, false)?;
    match to.exists() {
        Ok(()) => Err(Errno::EXIST),
        // procfs reports this for every name that it lacks, where other file systems go on
        // (proc_root_lookup()).
        Err(Errno::NOENT) if to.name().ends_with(b"/") || to.directory_is_in_procfs() => Err(Errno::NOENT),
        Err(Errno::NOENT) => Ok(to),
        Err(error) => Err(error),
    }
}

fn make_link(to: &mut Entry<'_>, (directory, name): (i32, usize), flags: usize) -> Result<usize, Errno> {
    let (to, new) = to.at();
    let arguments = [directory as isize as usize, name, to as isize as usize, new.address(), flags, 0];
    forward(raw::__NR_linkat, arguments)
}
