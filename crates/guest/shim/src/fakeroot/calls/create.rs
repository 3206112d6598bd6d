//! Calls that make a name: mkdir(2), mknod(2), symlink(2), bind(2) to a socket's path.

use newroot_abi::Errno;
use newroot_fakeroot::record_policy::host_mode;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Capabilities, Record, Want, permission as rules, record};
use newroot_sys::raw;
use newroot_sys::table::{Operation, PathCall};

use crate::call::{Outcome, Trapped, read_path};
use crate::calls::path::{argument, by_name, directory_of};
use crate::calls::socket;
use crate::fakeroot::file::{self, File, GuestStat};
use crate::fakeroot::list::Inherited;
use crate::fakeroot::remember::remember;
use crate::fakeroot::written::numbers_of;
use crate::fakeroot::{permission, sidecar};
use crate::identity::process::who;
use crate::kernel::{self, AT_FDCWD, FileType, Path};
use crate::limits::with_descriptors;
use crate::resolve::{self, Entry, new_entry};
use crate::slots::{Operand, Scratch};

/// The directory of a new name, as far as it matters for the new file.
pub(super) struct Parent {
    seen: GuestStat,
    ours: bool,
    inherited: Inherited,
}

impl Parent {
    /// Finds the directory of a name.
    ///
    /// # Errors
    /// EACCES if the identity may not make a file there.
    pub(super) fn of(me: &Identity<'_>, entry: &Entry<'_>) -> Result<Self, Errno> {
        Self::of_directory(me, entry.directory(), entry.named_mount())
    }

    /// Does the same for the directory's descriptor.
    ///
    /// # Errors
    /// EACCES if the identity may not make a file there.
    pub(super) fn of_directory(
        me: &Identity<'_>,
        directory: i32,
        mount: Option<usize>,
    ) -> Result<Self, Errno> {
        let file = File::Descriptor(directory);
        let stat = file.stat()?;
        let seen = file::guest_stat(me, file, &stat, mount)?;
        let ours = seen.is_ours(file, &stat, mount)?;
        if FileType::of(&stat) != FileType::Directory {
            return Err(Errno::NOTDIR);
        }
        permission::ask(me, file, &seen, |owned| {
            rules::may(&who(me), owned, Want::WRITE.with(Want::EXECUTE))
        })?;
        Ok(Self { seen, ours, inherited: Inherited::from(file)? })
    }

    /// Records the owner and mode of a file that was just made. `made` is the file on the host. Its
    /// mode shows what the umask left of the mode `asked`.
    ///
    /// # Errors
    /// The errnos of setxattr(2), symlink(2) and chmod(2), as [`remember`] gives them.
    pub(super) fn record(&self, me: &Identity<'_>, made: File<'_>, asked: u32) -> Result<(), Errno> {
        if !self.ours {
            return Ok(());
        }
        let stat = made.stat()?;
        let whole = stat.st_mode & raw::S_IFMT | asked & 0o7777;
        let mode = self.inherited.mode(whole).unwrap_or(stat.st_mode);
        let new = self.new_file(me, mode, Record::NONE);
        let set_mode = stat.st_mode & 0o7777 != host_mode(new.mode);
        remember(made, &stat, &Record::NONE, &new, set_mode)?;
        self.inherited.give(made, whole)
    }

    /// Returns the view of a new file with this mode, made in the directory by this identity.
    fn new_file(&self, me: &Identity<'_>, mode: u32, record: Record) -> GuestStat {
        let new = rules::new_file(&who(me), &self.seen.owned(), mode);
        GuestStat { uid: new.uid, gid: new.gid, mode: new.mode, record, ours: Some(true) }
    }
}

/// Runs mkdir(2), mknod(2), symlink(2) and their variants.
pub(super) fn create(
    call: &mut Trapped<'_>,
    me: &Identity<'_>,
    row: &PathCall,
    operand: &mut Operand,
) -> Result<usize, Errno> {
    let arguments = call.arguments;
    let directory = directory_of(&arguments, row);
    read_path(operand, argument(&arguments, row.path))?;
    permission::search(me, operand, directory, newroot_paths::Last::Keep)?;
    if makes_link_to_nothing(&arguments, row)? {
        return Err(Errno::NOENT);
    }
    let device = device_asked(&arguments, row);
    let makes_directory = matches!(row.operation, Operation::MakeDirectory { .. });
    let mut entry = new_entry(operand, directory, Errno::EXIST, makes_directory)?;
    let parent = match Parent::of(me, &entry) {
        Err(Errno::ACCES) if entry.exists().is_ok() => return Err(Errno::EXIST),
        parent => parent?,
    };
    if let Some((mode, device)) = device {
        if entry.name().ends_with(b"/") {
            return Err(match entry.exists() {
                Err(Errno::NOENT) => Errno::NOENT,
                _ => Errno::EXIST,
            });
        }
        // Every user may make a whiteout (vfs_mknod() in fs/namei.c).
        let whiteout = mode & raw::S_IFMT == raw::S_IFCHR && device == 0;
        if !whiteout && !me.credentials.effective.has(Capabilities::MKNOD) {
            return Err(Errno::PERM);
        }
        return make_device(me, &parent, &mut entry, mode, device).map(|()| 0);
    }
    by_name(&arguments, row, &mut entry)?;
    record_name(me, &parent, entry.at(), mode_asked(&arguments, row))
        .inspect_err(|_| take_back(entry.at(), makes_directory))?;
    Ok(0)
}

/// Removes a name that was just made, if nothing can be recorded for it: the file would have the
/// wrong owner.
pub(super) fn take_back((parent, name): (i32, Path<'_>), directory: bool) {
    if let Ok(stat) = kernel::fstatat(parent, name, raw::AT_SYMLINK_NOFOLLOW)
        && !file::bears_attributes(stat.st_mode)
    {
        sidecar::forget(&stat);
    }
    let _ = kernel::unlinkat(parent, name, if directory { raw::AT_REMOVEDIR } else { 0 });
}

/// Returns whether symlink(2) gets an empty text, which the kernel checks before the directory.
fn makes_link_to_nothing(arguments: &[usize; 6], row: &PathCall) -> Result<bool, Errno> {
    let Operation::MakeSymlink { text } = row.operation else { return Ok(false) };
    Ok(crate::memory::read::<u8>(argument(arguments, text))? == 0)
}

/// Records the maker of the file at a name in a directory.
pub(super) fn record_name(
    me: &Identity<'_>,
    parent: &Parent,
    (directory, name): (i32, Path<'_>),
    asked: u32,
) -> Result<(), Errno> {
    let flags = raw::O_PATH | raw::O_NOFOLLOW | raw::O_CLOEXEC;
    // The file exists already. It must get its record even if no descriptor is left.
    with_descriptors([directory, -1], || match kernel::openat(directory, name, flags, 0) {
        Ok(made) => parent.record(me, File::Found(made.number()), asked),
        // Another process removed it at once.
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
        Err(error) => Err(error),
    })
}

/// Returns the mode that mkdir(2) or mknod(2) asks for. A symlink's is never recorded.
fn mode_asked(arguments: &[usize; 6], row: &PathCall) -> u32 {
    match row.operation {
        Operation::MakeDirectory { mode } | Operation::MakeNode { mode } => argument(arguments, mode) as u32,
        _ => 0,
    }
}

/// Returns mode and device number of the device that a call asks for.
fn device_asked(arguments: &[usize; 6], row: &PathCall) -> Option<(u32, u64)> {
    let Operation::MakeNode { mode } = row.operation else { return None };
    let (mode, device) = (argument(arguments, mode) as u32, argument(arguments, mode + 1));
    // The kernel reads 32 bits of it.
    let is_device = matches!(mode & raw::S_IFMT, raw::S_IFCHR | raw::S_IFBLK);
    is_device.then_some((mode, u64::from(device as u32)))
}

/// Makes a stand-in for a device: a socket that no process listens at, so that programs that don't
/// know it can't open it. It gets its name after its record.
fn make_device(
    me: &Identity<'_>,
    parent: &Parent,
    entry: &mut Entry<'_>,
    mode: u32,
    device: u64,
) -> Result<(), Errno> {
    if !parent.ours {
        return Err(Errno::PERM);
    }
    match entry.stat() {
        Ok(_) => return Err(Errno::EXIST),
        Err(Errno::NOENT) => {}
        Err(error) => return Err(error),
    }
    let mut temporary = newroot_paths::Buffer::new();
    sidecar::temporary_name(&mut temporary)?;
    temporary.extend(b"-device")?;
    let temporary = Path::new(temporary.with_nul());
    let _ = kernel::unlinkat(AT_FDCWD, temporary, 0);
    // The type of a socket, and the mode of the device. The stand-in's mode shows what the umask
    // leaves of it.
    kernel::mknodat(AT_FDCWD, temporary, raw::S_IFSOCK | mode & 0o777)?;
    let made = File::Host(temporary);
    let result = record_device(me, parent, made, mode, device).and_then(|()| {
        const NOREPLACE: u32 = 1;
        let name = entry.at();
        match kernel::rename((AT_FDCWD, temporary), name, NOREPLACE) {
            // A file system that can't rename without replacing can still refuse to replace with a
            // link.
            Err(Errno::INVAL) => kernel::linkat((AT_FDCWD, temporary), name)
                .and_then(|()| kernel::unlinkat(AT_FDCWD, temporary, 0)),
            other => other,
        }
    });
    result.inspect_err(|_| {
        if let Ok(stat) = made.stat() {
            sidecar::forget(&stat);
        }
        let _ = kernel::unlinkat(AT_FDCWD, temporary, 0);
    })
}

fn record_device(
    me: &Identity<'_>,
    parent: &Parent,
    made: File<'_>,
    mode: u32,
    device: u64,
) -> Result<(), Errno> {
    let stat = made.stat()?;
    let (major, minor) = numbers_of(device);
    let asked =
        parent.inherited.mode(mode).unwrap_or(mode & raw::S_IFMT | stat.st_mode & 0o777 | mode & 0o7000);
    let record = Record { device: Some(record::device(major, minor)), ..Record::NONE };
    remember(made, &stat, &Record::NONE, &parent.new_file(me, asked, record), false)
}

/// Runs bind(2): a socket's path is a new file. `None` leaves the call to the ordinary code, which
/// makes the socket in any case.
pub(super) fn bind(call: &mut Trapped<'_>, me: &Identity<'_>, scratch: &mut Scratch) -> Option<Outcome> {
    let Scratch { first: operand, second, .. } = scratch;
    let mut taken = false;
    let parent = (|| {
        if !socket::read_unix_path(call, operand)? {
            return Ok(None);
        }
        permission::search(me, operand, AT_FDCWD, newroot_paths::Last::Keep)?;
        let mut entry = resolve::entry(operand, AT_FDCWD)?;
        taken = entry.exists().is_ok();
        // Binding the socket resolves the path again, in the same buffers.
        second.name.assign(entry.name())?;
        Parent::of(me, &entry).map(|parent| Some((parent, entry.into_directory())))
    })();
    let (parent, directory) = match parent {
        Ok(Some(found)) => found,
        Err(Errno::ACCES) if !taken => return Some(Errno::ACCES.into()),
        // The ordinary code may succeed, and would neither check nor record anything.
        Err(error) if error.is_shortage() => return Some(error.into()),
        // The ordinary code reports all other errors.
        _ => return None,
    };
    let outcome = socket::bind(call, operand);
    if outcome != Outcome::Done(0) {
        return Some(outcome);
    }
    let name = (directory.number(), Path::new(second.name.with_nul()));
    let recorded = record_name(me, &parent, name, 0o777).inspect_err(|_| take_back(name, false));
    Some(recorded.map(|()| 0).into())
}
