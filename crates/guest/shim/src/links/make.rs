//! Another name for a file.

use newroot_abi::Errno;
use newroot_abi::links::{FILE, Id, NAMES, TEXT_LEN};
use newroot_paths::HostBuf;
use newroot_sys::raw;

use super::lock::Lock;
use super::tally::Tally;
use super::tokens::{self, Place};
use super::{StorePath, in_store, of_name, of_path, root, unlikely_number};
use crate::host::{self, AT_FDCWD, FileType, Path, Stat};
use crate::limits::with_descriptors;
use crate::resolve::{Anchored, Entry, raw_host_path};
use crate::slots::Operand;

/// Whether link(2) may have answered so because the host grants nobody a hard link: a policy does (EACCES,
/// EPERM), or the file system has none.
#[must_use]
pub fn is_refusal(error: Errno) -> bool {
    super::on() && matches!(error, Errno::ACCES | Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS)
}

/// A file that is to get another name.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// By a name in a directory, which isn't followed.
    Name(i32, &'a [u8]),
    /// By a descriptor.
    Descriptor(i32),
    /// By its host path, where no descriptor could be had.
    Host(&'a [u8]),
}

impl Source<'_> {
    fn path(self, out: &mut HostBuf) -> Result<(), Errno> {
        match self {
            Self::Descriptor(descriptor) => raw_host_path(descriptor, out),
            Self::Host(path) => out.assign(path),
            Self::Name(directory, name) => {
                directory_path(directory, name, out)?;
                out.extend(name)
            }
        }
    }
}

/// Gives a file the name of an entry, since the host refused to. `operand` is the entry's.
///
/// # Errors
/// `refusal` for what can't be linked to here either: directories, other users' files (link(2) may be refused
/// them for a reason), files of another file system than the root's, or in bindings; those of symlink(2).
pub fn give_name(
    source: Source<'_>,
    to: &Entry,
    operand: &mut Operand,
    refusal: Errno,
) -> Result<usize, Errno> {
    let name = (to.directory(), Path::new(operand.name.with_nul()));
    let mut from = HostBuf::new();
    let mut target = HostBuf::new();
    source.path(&mut from)?;
    directory_path(name.0, name.1.bytes(), &mut target)?;
    if !is_inside(&from) || !is_inside(&target) {
        return Err(refusal);
    }
    host::faccessat(name.0, Path::new(b".\0"), raw::W_OK | raw::X_OK)?;
    let mut place = Place::new();
    tokens::place_of(AT_FDCWD, from.bytes(), &mut place);
    let kept = of_path(from.bytes());
    let at = Anchored::new(&mut from)?;
    let from = (at.directory(), at.path());
    let keep = match source {
        Source::Descriptor(descriptor) => [name.0, descriptor],
        _ => [name.0, from.0],
    };
    with_descriptors(keep, || {
        let lock = Lock::take()?;
        let known = match kept {
            None => of_name(from.0, from.1)?,
            kept => kept,
        };
        let id = match known {
            Some(id) => id,
            None => take_in(&lock, source, from, &mut place.clone(), refusal)?,
        };
        add_name(&lock, id, name)
    })
}

/// Writes the host path of the directory that a name is in, with a slash behind it: nothing for a name that is a
/// whole path, as it is where no descriptor was to be had.
fn directory_path(directory: i32, name: &[u8], out: &mut HostBuf) -> Result<(), Errno> {
    out.clear();
    if name.first() == Some(&b'/') {
        return Ok(());
    }
    raw_host_path(directory, out)?;
    out.extend(b"/")
}

/// Whether a path leads into the root's own tree. What is bound there is the host's, and stays where it is.
fn is_inside(path: &HostBuf) -> bool {
    path.is_empty() || newroot_paths::strip_prefix(path.bytes(), root()).is_some()
}

fn with_nul(id: Id) -> [u8; TEXT_LEN + 1] {
    let mut text = [0; TEXT_LEN + 1];
    text[..TEXT_LEN].copy_from_slice(&id.text());
    text
}

/// The token comes first: what is interrupted leaves one too many, and a file that nobody misses.
fn add_name(lock: &Lock, id: Id, name: (i32, Path<'_>)) -> Result<usize, Errno> {
    let mut place = Place::new();
    tokens::place_of(name.0, name.1.bytes(), &mut place);
    let mut token = StorePath::new();
    let tally = Tally::begin(lock, id);
    tokens::add(id, &mut place, &mut token)?;
    tally.note(1);
    let text = with_nul(id);
    host::symlinkat(Path::new(&text), name.0, name.1).inspect_err(|_| {
        if super::unlinked(&mut token).is_ok() {
            tally.note(0);
        }
    })?;
    Ok(0)
}

/// Moves a file with one name into the store, and leaves a link in its place.
fn take_in(
    lock: &Lock,
    source: Source<'_>,
    from: (i32, Path<'_>),
    place: &mut Place,
    refusal: Errno,
) -> Result<Id, Errno> {
    const TRIES: u64 = 16;
    let stat = host::fstatat(from.0, from.1, raw::AT_SYMLINK_NOFOLLOW)?;
    if FileType::of(&stat) == FileType::Directory || stat.st_uid != host::geteuid() {
        return Err(refusal);
    }
    // What has no name, or no longer this one, can get none.
    if let Source::Descriptor(descriptor) = source
        && !same(&host::fstat(descriptor)?, &stat)
    {
        return Err(refusal);
    }
    for salt in 0..TRIES {
        match exchange(lock, Id(unlikely_number(salt ^ stat.st_ino)), from, place, &stat) {
            Err(Errno::EXIST | Errno::AGAIN) => {}
            Err(error) if error == Errno::NOENT || error.is_shortage() => return Err(error),
            Err(_) => break,
            Ok(id) => return Ok(id),
        }
    }
    Err(refusal)
}

fn same(a: &Stat, b: &Stat) -> bool {
    (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)
}

/// Puts the file and a link that leads to it into each other's places. EAGAIN if by then another file had the name.
fn exchange(lock: &Lock, id: Id, from: (i32, Path<'_>), place: &mut Place, stat: &Stat) -> Result<Id, Errno> {
    let mut path = StorePath::new();
    in_store(id, b"", &mut path)?;
    host::mkdirat(AT_FDCWD, Path::new(path.with_nul()), 0o700)?;
    prepare(lock, id, from, place, stat).inspect_err(|_| tokens::abandon(id)).map(|()| id)
}

fn prepare(lock: &Lock, id: Id, name: (i32, Path<'_>), place: &mut Place, stat: &Stat) -> Result<(), Errno> {
    /// RENAME_EXCHANGE (rename(2)).
    const EXCHANGE: u32 = 2;
    let mut path = StorePath::new();
    in_store(id, NAMES, &mut path)?;
    host::mkdirat(AT_FDCWD, Path::new(path.with_nul()), 0o700)?;
    tokens::add(id, place, &mut StorePath::new())?;
    Tally::first(lock, id).note(1);
    in_store(id, FILE, &mut path)?;
    let text = with_nul(id);
    let text = Path::new(&text);
    let kept = (AT_FDCWD, Path::new(path.with_nul()));
    host::symlinkat(text, kept.0, kept.1)?;
    match host::rename(name, kept, EXCHANGE) {
        Ok(()) => {
            let error = match host::fstatat(kept.0, kept.1, raw::AT_SYMLINK_NOFOLLOW) {
                Ok(there) if same(&there, stat) => return Ok(()),
                // By somebody who doesn't know of the lock.
                Ok(_) => Errno::AGAIN,
                Err(error) => error,
            };
            host::rename(name, kept, EXCHANGE)?;
            Err(error)
        }
        // A file system that doesn't know how: for a moment the name isn't there.
        Err(Errno::INVAL | Errno::NOSYS) => {
            host::rename(name, kept, 0)?;
            host::symlinkat(text, name.0, name.1).inspect_err(|_| {
                let _ = host::rename(kept, name, 0);
            })
        }
        Err(error) => Err(error),
    }
}
