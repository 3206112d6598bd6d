//! Removing and changing names: unlink(2), rmdir(2), rename(2), link(2).

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Want, permission as rules};
use newroot_paths::{HostBuf, Last};
use newroot_sys::arch::legacy;
use newroot_sys::raw;
use newroot_sys::table::{self, PathCall};

use crate::call::{Outcome, Trapped, read_path};
use crate::calls::names;
use crate::calls::path::{self, argument, named};
use crate::fakeroot::file::{self, File, GuestStat, bears_attributes};
use crate::fakeroot::{marks, permission, sidecar};
use crate::hardlinks;
use crate::identity::process::who;
use crate::kernel::{self, AT_FDCWD, Descriptor, FileType, Path, Stat};
use crate::limits::with_descriptors;
use crate::resolve::{self, Entry};
use crate::slots::{Operand, Scratch};

/// The file that a name leads to.
struct Victim {
    stat: Stat,
    seen: Option<GuestStat>,
    /// Open as long as there may be a record beside it to remove, so that no other file gets its
    /// inode number.
    file: Option<Descriptor>,
}

impl Victim {
    /// Finds a name's file. `None` if there is none, or it can't be looked up.
    ///
    /// # Errors
    /// EMFILE, ENFILE or ENOMEM if a check is needed: the call itself makes none.
    fn at(me: &Identity<'_>, entry: &mut Entry<'_>) -> Result<Option<Self>, Errno> {
        let mount = entry.named_mount();
        let stat = match entry.stat() {
            Ok(stat) => stat,
            Err(error) if error.is_shortage() => return Err(error),
            Err(_) => return Ok(None),
        };
        if let Some(id) = entry.hardlink()? {
            let mut path = HostBuf::new();
            hardlinks::locate(id, &mut path)?;
            return Self::found(me, (AT_FDCWD, Path::new(path.with_nul())), mount, &stat);
        }
        if permission::is_unlimited(me) && (bears_attributes(stat.st_mode) || stat.st_nlink > 1) {
            return Ok(Some(Self { stat, seen: None, file: None }));
        }
        Self::found(me, entry.at(), mount, &stat)
    }

    fn found(
        me: &Identity<'_>,
        (directory, name): (i32, Path<'_>),
        mount: Option<usize>,
        stat: &Stat,
    ) -> Result<Option<Self>, Errno> {
        let unlimited = permission::is_unlimited(me);
        let look = || -> Result<Self, Errno> {
            let file = kernel::openat(directory, name, raw::O_PATH | raw::O_NOFOLLOW | raw::O_CLOEXEC, 0)?;
            let found = File::Found(file.number());
            // The name may lead to another file by now.
            let stat = found.stat()?;
            let seen = if unlimited { None } else { Some(file::guest_stat(me, found, &stat, mount)?) };
            Ok(Self { stat, seen, file: Some(file) })
        };
        match look() {
            Ok(victim) => Ok(Some(victim)),
            // Without a check the file need not be looked up.
            Err(_) if unlimited => Ok(Some(Self { stat: *stat, seen: None, file: None })),
            Err(error) if error.is_shortage() => {
                // The descriptor can't stay open.
                with_descriptors([directory, -1], || look().map(|victim| Some(Self { file: None, ..victim })))
            }
            Err(_) => Ok(None),
        }
    }

    fn is_directory(&self) -> bool {
        FileType::of(&self.stat) == FileType::Directory
    }

    /// Removes the record beside a file that has lost its last name. A process that still has it
    /// open sees it without.
    fn is_gone(&self) {
        let Some(file) = self.file.as_ref().filter(|_| !bears_attributes(self.stat.st_mode)) else { return };
        // The file may have got another name since.
        if kernel::fstat(file.number()).is_ok_and(|stat| stat.st_nlink == 0) {
            sidecar::forget(&self.stat);
        }
    }
}

/// Runs unlink(2), rmdir(2) and unlinkat(2).
pub(super) fn remove(
    call: &mut Trapped<'_>,
    me: &Identity<'_>,
    row: &PathCall,
    operand: &mut Operand,
) -> Result<usize, Errno> {
    let arguments = call.arguments;
    let directory = path::directory_of(&arguments, row);
    read_path(operand, argument(&arguments, row.path))?;
    permission::search(me, operand, directory, Last::Keep)?;
    let victim = match resolve::entry(operand, directory) {
        Ok(mut entry) if !entry.mount_point => {
            let victim = Victim::at(me, &mut entry)?;
            let flags = path::removal_flags(&arguments, row);
            let as_directory = flags & raw::AT_REMOVEDIR != 0;
            let name = entry.name();
            // The call itself first reports errors that don't depend on the file.
            let hopeless =
                is_dots(name) || flags & !raw::AT_REMOVEDIR != 0 || !as_directory && name.ends_with(b"/");
            if let Some(Victim { seen: Some(seen), .. }) = victim.as_ref().filter(|_| !hopeless) {
                may_delete(me, &entry, seen, as_directory)?;
            }
            victim
        }
        Err(error) if error.is_shortage() => return Err(error),
        _ => None,
    };
    let outcome = path::run(call, row, operand);
    if let (Outcome::Done(0), Some(victim)) = (outcome, victim) {
        victim.is_gone();
    }
    outcome.result()
}

fn is_dots(name: &[u8]) -> bool {
    matches!(name.strip_suffix(b"/").unwrap_or(name), b"." | b"..")
}

fn may_delete(
    me: &Identity<'_>,
    entry: &Entry<'_>,
    victim: &GuestStat,
    as_directory: bool,
) -> Result<(), Errno> {
    let parent = permission::directory(me, entry)?;
    permission::ask(me, File::Descriptor(entry.directory()), &parent, |parent| {
        rules::may_delete(&who(me), parent, &victim.owned(), as_directory)
    })
}

/// Checks whether a name may be made in a directory.
fn may_make(me: &Identity<'_>, entry: &Entry<'_>) -> Result<(), Errno> {
    let file = File::Descriptor(entry.directory());
    permission::may(me, file, entry.named_mount(), Want::WRITE.with(Want::EXECUTE))
}

/// Returns the two names of a call: directory and address of the path.
fn two_names(call: &Trapped<'_>) -> [(i32, usize); 2] {
    let paths = table::row_of(call.number).map_or([None; 2], |row| row.paths);
    paths.map(|path| path.map_or((AT_FDCWD, 0), |path| named(&call.arguments, path)))
}

/// Runs rename(2) and its variants.
pub(super) fn rename(
    call: &mut Trapped<'_>,
    me: &Identity<'_>,
    scratch: &mut Scratch,
) -> Result<usize, Errno> {
    let flags = if call.number as u32 == raw::__NR_renameat2 { call.arguments[4] } else { 0 };
    let Renamed { moved, replaced } = check_rename(call, me, scratch, flags)?;
    let outcome = match call.number as u32 {
        legacy::__NR_rename => names::rename(call, scratch),
        raw::__NR_renameat => names::renameat(call, scratch),
        _ => names::renameat2(call, scratch),
    };
    if outcome == Outcome::Done(0) {
        if let Some(Victim { stat, file: Some(file), .. }) = &moved {
            marks::renamed(file, stat);
        }
        if let Some(replaced) = replaced {
            replaced.is_gone();
        }
    }
    outcome.result()
}

/// Files whose records change when a rename has succeeded.
#[derive(Default)]
struct Renamed {
    /// A socket that gets another name. It may be a stand-in.
    moved: Option<Victim>,
    /// The old file at the new name.
    replaced: Option<Victim>,
}

/// Finds the directory of a name. `None` for an error that the call itself reports.
fn entry<'a>(
    me: &Identity<'_>,
    operand: &'a mut Operand,
    (directory, path): (i32, usize),
) -> Result<Option<Entry<'a>>, Errno> {
    if read_path(operand, path).is_err() {
        return Ok(None);
    }
    permission::search(me, operand, directory, Last::Keep)?;
    match resolve::entry(operand, directory) {
        Ok(entry) => Ok(Some(entry)),
        Err(error) if error.is_shortage() => Err(error),
        Err(_) => Ok(None),
    }
}

/// Checks whether both names may be changed.
fn check_rename(
    call: &Trapped<'_>,
    me: &Identity<'_>,
    scratch: &mut Scratch,
    flags: usize,
) -> Result<Renamed, Errno> {
    const NOREPLACE: usize = 1;
    const EXCHANGE: usize = 2;
    const WHITEOUT: usize = 4;
    let exchange = flags & EXCHANGE != 0;
    let [old, new] = two_names(call);
    let Scratch { first, second, .. } = scratch;
    let (Some(mut from), Some(mut to)) = (entry(me, first, old)?, entry(me, second, new)?) else {
        return Ok(Renamed::default());
    };
    if from.mount_point || to.mount_point {
        return Ok(Renamed::default());
    }
    let moved = Victim::at(me, &mut from)?;
    let replaced = Victim::at(me, &mut to)?;
    let same = |a: &Stat, b: &Stat| (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino);
    let is_same = matches!((&moved, &replaced), (Some(a), Some(b)) if same(&a.stat, &b.stat));
    // The call itself first reports errors that don't depend on the file.
    let hopeless = is_same
        || is_dots(from.name())
        || is_dots(to.name())
        || flags & !(NOREPLACE | EXCHANGE | WHITEOUT) != 0
        || flags & NOREPLACE != 0 && replaced.is_some()
        || exchange && replaced.is_none();
    if let Some(victim @ Victim { seen: Some(seen), .. }) = moved.as_ref().filter(|_| !hopeless) {
        let is_directory = victim.is_directory();
        may_delete(me, &from, seen, is_directory)?;
        match &replaced {
            Some(victim @ Victim { seen: Some(other), .. }) => {
                let as_directory = if exchange { victim.is_directory() } else { is_directory };
                may_delete(me, &to, other, as_directory)?;
            }
            _ => may_make(me, &to)?,
        }
        // A move writes to a directory, because its `..` changes.
        let parents = [&from, &to].map(|entry| File::Descriptor(entry.directory()).stat());
        if let [Ok(a), Ok(b)] = &parents
            && !same(a, b)
        {
            if is_directory {
                rules::may(&who(me), &seen.owned(), Want::WRITE)?;
            }
            if let (true, Some(other)) = (exchange, &replaced)
                && other.is_directory()
                && let Some(seen) = &other.seen
            {
                rules::may(&who(me), &seen.owned(), Want::WRITE)?;
            }
        }
    }
    // Two names of one file: nothing happens. An exchange loses no file.
    let replaced = if exchange || is_same { None } else { replaced };
    let moved = moved.filter(|moved| !is_same && moved.stat.st_mode & raw::S_IFMT == raw::S_IFSOCK);
    Ok(Renamed { moved, replaced })
}

/// Checks link(2) and linkat(2). The ordinary code makes the link.
pub(super) fn check_link(call: &Trapped<'_>, me: &Identity<'_>, scratch: &mut Scratch) -> Result<(), Errno> {
    if permission::is_unlimited(me) {
        return Ok(());
    }
    let [old, new] = two_names(call);
    let flags = if call.number as u32 == raw::__NR_linkat { call.arguments[4] as u32 } else { 0 };
    let Scratch { first, second, .. } = scratch;
    read_path(second, new.1)?;
    let by_descriptor = flags & raw::AT_EMPTY_PATH != 0 && read_path(first, old.1) == Err(Errno::NOENT);
    let mut object;
    let (file, mount) = if by_descriptor {
        (File::Descriptor(old.0), None)
    } else {
        read_path(first, old.1)?;
        let last = if flags & raw::AT_SYMLINK_FOLLOW != 0 { Last::Follow } else { Last::Keep };
        object = permission::object(me, first, old.0, last)?;
        permission::object_file(&mut object)
    };
    let seen = file::guest_stat(me, file, &file.stat()?, mount)?;
    permission::search(me, second, new.0, Last::Keep)?;
    let mut to = resolve::entry(second, new.0)?;
    if to.exists().is_ok() {
        return Ok(());
    }
    // /proc/sys/fs/protected_hardlinks, which is usually on.
    permission::ask(me, file, &seen, |owned| rules::may_link(&who(me), owned, true))?;
    may_make(me, &to)
}
