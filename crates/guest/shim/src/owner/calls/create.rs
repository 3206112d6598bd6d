//! Calls that make a name: mkdir(2), mknod(2), symlink(2), bind(2) of a socket's path.

use newroot_abi::Errno;
use newroot_fakeroot::keep::host_mode;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Capabilities, Record, Want, permission as rules, record};
use newroot_sys::arch::legacy;
use newroot_sys::raw;
use newroot_sys::table::PathCall;

use crate::calls::path::{argument, by_name, directory_of, new_entry};
use crate::calls::{read_path, socket};
use crate::host::{self, AT_FDCWD, FileType, Path};
use crate::limits::with_descriptors;
use crate::owner::file::{self, File, Seen};
use crate::owner::list::Inherited;
use crate::owner::process::who;
use crate::owner::remember::remember;
use crate::owner::written::numbers_of;
use crate::owner::{permission, sidecar};
use crate::resolve::{self, Entry};
use crate::slots::{Operand, Scratch};
use crate::trap::{Outcome, Trapped};

/// The directory that a name is to be made in, as far as it matters for what is made.
pub(super) struct Parent {
    seen: Seen,
    ours: bool,
    inherited: Inherited,
}

impl Parent {
    /// Looks at the directory of a name.
    ///
    /// # Errors
    /// EACCES if the identity may not make anything there.
    pub(super) fn of(me: &Identity<'_>, entry: &Entry) -> Result<Self, Errno> {
        Self::of_directory(me, entry.directory(), entry.mount)
    }

    /// The same by the directory's descriptor.
    ///
    /// # Errors
    /// As for [`Self::of`].
    pub(super) fn of_directory(
        me: &Identity<'_>,
        directory: i32,
        mount: Option<usize>,
    ) -> Result<Self, Errno> {
        let file = File::Descriptor(directory);
        let stat = file.stat()?;
        let seen = file::look(me, file, &stat, mount)?;
        let ours = seen.is_ours(file, &stat, mount)?;
        if FileType::of(&stat) != FileType::Directory {
            return Err(Errno::NOTDIR);
        }
        permission::ask(me, file, &seen, |owned| {
            rules::may(&who(me), owned, Want::WRITE.with(Want::EXECUTE))
        })?;
        Ok(Self { seen, ours, inherited: Inherited::from(file)? })
    }

    /// Records of a file that was just made what its maker and its directory say. `made` is what the host has of
    /// it; its mode tells what is left by the umask of the mode that was `asked` for.
    ///
    /// # Errors
    /// What recording gives.
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

    /// What a file of this mode is, made in the directory by this identity.
    fn new_file(&self, me: &Identity<'_>, mode: u32, record: Record) -> Seen {
        let new = rules::new_file(&who(me), &self.seen.owned(), mode);
        Seen { uid: new.uid, gid: new.gid, mode: new.mode, record, ours: Some(true) }
    }
}

/// mkdir(2), mknod(2), symlink(2) and their kin.
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
    if makes_link_to_nothing(call)? {
        return Err(Errno::NOENT);
    }
    let device = device_asked(call);
    let makes_directory = row.reissue == raw::__NR_mkdirat;
    let entry = new_entry(operand, directory, Errno::EXIST, makes_directory)?;
    let parent = match Parent::of(me, &entry) {
        Err(Errno::ACCES) if crate::calls::path::exists(&entry, operand).is_ok() => return Err(Errno::EXIST),
        parent => parent?,
    };
    if let Some((mode, device)) = device {
        if operand.name.bytes().ends_with(b"/") {
            return Err(match crate::calls::path::exists(&entry, operand) {
                Err(Errno::NOENT) => Errno::NOENT,
                _ => Errno::EXIST,
            });
        }
        // One that stands for nothing is anybody's to make (vfs_mknod() in fs/namei.c).
        let whiteout = mode & raw::S_IFMT == raw::S_IFCHR && device == 0;
        if !whiteout && !me.credentials.effective.has(Capabilities::MKNOD) {
            return Err(Errno::PERM);
        }
        return make_device(me, &parent, &entry, operand, mode, device).map(|()| 0);
    }
    by_name(&arguments, row, operand, &entry)?;
    record_name(me, &parent, &entry, operand, mode_asked(call))
        .inspect_err(|_| take_back(&entry, operand, makes_directory))?;
    Ok(0)
}

/// Takes a name away that was just made, of which nothing can be recorded: it would be somebody else's.
pub(super) fn take_back(entry: &Entry, operand: &mut Operand, directory: bool) {
    let name = Path::new(operand.name.with_nul());
    if let Ok(stat) = host::fstatat(entry.directory(), name, raw::AT_SYMLINK_NOFOLLOW)
        && !file::bears_attributes(stat.st_mode)
    {
        sidecar::forget(&stat);
    }
    let _ = host::unlinkat(entry.directory(), name, if directory { raw::AT_REMOVEDIR } else { 0 });
}

/// Whether symlink(2) is given an empty text, which is found wrong before the directory is.
fn makes_link_to_nothing(call: &Trapped<'_>) -> Result<bool, Errno> {
    let is_symlink = matches!(call.number as u32, legacy::__NR_symlink | raw::__NR_symlinkat);
    Ok(is_symlink && crate::memory::read::<u8>(call.arguments[0])? == 0)
}

/// Records of what was just made at a name.
pub(super) fn record_name(
    me: &Identity<'_>,
    parent: &Parent,
    entry: &Entry,
    operand: &mut Operand,
    asked: u32,
) -> Result<(), Errno> {
    let flags = raw::O_PATH | raw::O_NOFOLLOW | raw::O_CLOEXEC;
    let name = Path::new(operand.name.with_nul());
    // It is there already: that no descriptor is left is no reason to leave it to somebody else.
    with_descriptors([entry.directory(), -1], || match host::openat(entry.directory(), name, flags, 0) {
        Ok(made) => parent.record(me, File::Found(made.number()), asked),
        // Somebody took it away at once.
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(()),
        Err(error) => Err(error),
    })
}

/// The mode that mkdir(2) or mknod(2) asks for.
fn mode_asked(call: &Trapped<'_>) -> u32 {
    let [_, b, c, ..] = call.arguments;
    match call.number as u32 {
        raw::__NR_mkdirat | raw::__NR_mknodat => c as u32,
        _ => b as u32,
    }
}

/// Mode and device number of the device that a call asks for.
fn device_asked(call: &Trapped<'_>) -> Option<(u32, u64)> {
    let [_, b, c, d, ..] = call.arguments;
    let (mode, device) = match call.number as u32 {
        legacy::__NR_mknod => (b as u32, c),
        raw::__NR_mknodat => (c as u32, d),
        _ => return None,
    };
    // The kernel takes 32 bits of it.
    let is_device = matches!(mode & raw::S_IFMT, raw::S_IFCHR | raw::S_IFBLK);
    is_device.then_some((mode, u64::from(device as u32)))
}

/// Makes a stand-in for a device: a socket that nobody ever listens at, so that opening it fails for everybody
/// who doesn't know. It gets its name when it has its record.
fn make_device(
    me: &Identity<'_>,
    parent: &Parent,
    entry: &Entry,
    operand: &mut Operand,
    mode: u32,
    device: u64,
) -> Result<(), Errno> {
    if !parent.ours {
        return Err(Errno::PERM);
    }
    let name = Path::new(operand.name.with_nul());
    match host::fstatat(entry.directory(), name, raw::AT_SYMLINK_NOFOLLOW) {
        Ok(_) => return Err(Errno::EXIST),
        Err(Errno::NOENT) => {}
        Err(error) => return Err(error),
    }
    let mut temporary = newroot_paths::Buffer::new();
    sidecar::temporary_name(&mut temporary)?;
    temporary.extend(b"-device")?;
    let temporary = Path::new(temporary.with_nul());
    let _ = host::unlinkat(AT_FDCWD, temporary, 0);
    // The type of a socket, the mode of a device: what the umask leaves of it shows in the stand-in's.
    host::mknodat(AT_FDCWD, temporary, raw::S_IFSOCK | mode & 0o777)?;
    let made = File::Host(temporary);
    let result = record_device(me, parent, made, mode, device).and_then(|()| {
        const NOREPLACE: u32 = 1;
        match host::rename((AT_FDCWD, temporary), (entry.directory(), name), NOREPLACE) {
            // A file system that can't refuse to replace can still refuse to link.
            Err(Errno::INVAL) => host::linkat((AT_FDCWD, temporary), (entry.directory(), name))
                .and_then(|()| host::unlinkat(AT_FDCWD, temporary, 0)),
            other => other,
        }
    });
    result.inspect_err(|_| {
        if let Ok(stat) = made.stat() {
            sidecar::forget(&stat);
        }
        let _ = host::unlinkat(AT_FDCWD, temporary, 0);
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

/// bind(2): a socket's path is a file that is made. `None` leaves the call to the ordinary code, which it is for
/// in any case.
pub(super) fn bind(call: &mut Trapped<'_>, me: &Identity<'_>, scratch: &mut Scratch) -> Option<Outcome> {
    let operand = &mut scratch.first;
    let mut taken = false;
    let parent = (|| {
        if !socket::read_unix_path(call, operand)? {
            return Ok(None);
        }
        permission::search(me, operand, AT_FDCWD, newroot_paths::Last::Keep)?;
        let entry = resolve::entry(operand, AT_FDCWD)?;
        taken = crate::calls::path::exists(&entry, operand).is_ok();
        Parent::of(me, &entry).map(|parent| Some((parent, entry)))
    })();
    let (parent, entry) = match parent {
        Ok(Some(found)) => found,
        Err(Errno::ACCES) if !taken => return Some(Errno::ACCES.into()),
        // The ordinary code may have more luck, and would neither ask nor record anything.
        Err(error) if error.is_shortage() => return Some(error.into()),
        // What else is wrong, the ordinary code will say.
        _ => return None,
    };
    let second = &mut scratch.second;
    let outcome = match second.name.assign(operand.name.bytes()) {
        Ok(()) => socket::bind(call, operand),
        Err(error) => error.into(),
    };
    if outcome != Outcome::Done(0) {
        return Some(outcome);
    }
    let recorded =
        record_name(me, &parent, &entry, second, 0o777).inspect_err(|_| take_back(&entry, second, false));
    Some(recorded.map(|()| 0).into())
}
