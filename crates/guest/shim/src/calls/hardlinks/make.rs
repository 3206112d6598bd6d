//! Gives a file another name.

use newroot_abi::Errno;
use newroot_abi::links::{FILE, Id, NAMES, TEXT_LEN};
use newroot_paths::HostBuf;
use newroot_sys::raw;

use super::lock::{self, Lock};
use super::name_refs;
use super::tally::Tally;
use super::{unlikely_number, unlinked};
use crate::hardlinks::name_refs::NamePath;
use crate::hardlinks::{StorePath, in_store, of_name, of_path, on, root};
use crate::host_path::{Anchored, raw_host_path};
use crate::kernel::{self, AT_FDCWD, FileType, Path, Stat};
use crate::limits::with_descriptors;
use crate::resolve::Entry;

/// Returns whether link(2) may have failed because the host refuses all hard links: by a policy
/// (EACCES, EPERM), or because the file system has none.
#[must_use]
pub fn is_refusal(error: Errno) -> bool {
    on() && matches!(error, Errno::ACCES | Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS)
}

/// A file that gets another name.
#[derive(Clone, Copy, Debug)]
pub enum Source<'a> {
    /// By a name in a directory, which isn't followed.
    Name(i32, &'a [u8]),
    /// By a descriptor.
    Descriptor(i32),
    /// By its host path, where no descriptor can be had.
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

/// Gives a file the name of an entry, after the host refused to.
///
/// # Errors
/// `refusal` for a file that can't get a kept link either: a directory, another user's file (which
/// link(2) may refuse for a reason), a file in a binding or on another file system than the root's;
/// the errnos of symlink(2).
pub fn give_name(source: Source<'_>, to: &mut Entry<'_>, refusal: Errno) -> Result<usize, Errno> {
    let name = to.at();
    let mut from = HostBuf::new();
    let mut target = HostBuf::new();
    source.path(&mut from)?;
    directory_path(name.0, name.1.bytes(), &mut target)?;
    if !is_inside(&from) || !is_inside(&target) {
        return Err(refusal);
    }
    kernel::faccessat(name.0, Path::new(b".\0"), raw::W_OK | raw::X_OK)?;
    let mut place = NamePath::new();
    name_refs::place_of(AT_FDCWD, from.bytes(), &mut place);
    let kept = of_path(from.bytes());
    let at = Anchored::new(&mut from)?;
    let from = (at.directory(), at.path());
    let keep = match source {
        Source::Descriptor(descriptor) => [name.0, descriptor],
        _ => [name.0, from.0],
    };
    with_descriptors(keep, || {
        let lock = lock::take()?;
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

/// Writes the host path of a name's directory, with a slash behind it. Writes nothing for a name
/// that is a whole path, as where no descriptor can be had.
fn directory_path(directory: i32, name: &[u8], out: &mut HostBuf) -> Result<(), Errno> {
    out.clear();
    if name.first() == Some(&b'/') {
        return Ok(());
    }
    raw_host_path(directory, out)?;
    out.extend(b"/")
}

/// Returns whether a path leads into the root's own tree. Files in bindings belong to the host, and
/// stay where they are.
fn is_inside(path: &HostBuf) -> bool {
    path.is_empty() || newroot_paths::strip_prefix(path.bytes(), root()).is_some()
}

fn with_nul(id: Id) -> [u8; TEXT_LEN + 1] {
    let mut text = [0; TEXT_LEN + 1];
    text[..TEXT_LEN].copy_from_slice(&id.text());
    text
}

/// Adds a name. The name reference comes first: an interruption can leave one too many, and a file
/// that isn't missed.
fn add_name(lock: &Lock, id: Id, name: (i32, Path<'_>)) -> Result<usize, Errno> {
    let mut place = NamePath::new();
    name_refs::place_of(name.0, name.1.bytes(), &mut place);
    let mut name_ref = StorePath::new();
    let tally = Tally::begin(lock, id);
    name_refs::add(id, &mut place, &mut name_ref)?;
    tally.note(1);
    let text = with_nul(id);
    kernel::symlinkat(Path::new(&text), name.0, name.1).inspect_err(|_| {
        if unlinked(&mut name_ref).is_ok() {
            tally.note(0);
        }
    })?;
    Ok(0)
}

/// Moves a file with one name into the store, and leaves a link at its name.
fn take_in(
    lock: &Lock,
    source: Source<'_>,
    from: (i32, Path<'_>),
    place: &mut NamePath,
    refusal: Errno,
) -> Result<Id, Errno> {
    const TRIES: u64 = 16;
    let stat = kernel::fstatat(from.0, from.1, raw::AT_SYMLINK_NOFOLLOW)?;
    if FileType::of(&stat) == FileType::Directory || stat.st_uid != kernel::geteuid() {
        return Err(refusal);
    }
    // A file without a name, or whose name was changed, can't get one.
    if let Source::Descriptor(descriptor) = source
        && !same(&kernel::fstat(descriptor)?, &stat)
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

/// Exchanges the file and a link that leads to it. EAGAIN if another file has the name by then.
fn exchange(
    lock: &Lock,
    id: Id,
    from: (i32, Path<'_>),
    place: &mut NamePath,
    stat: &Stat,
) -> Result<Id, Errno> {
    let mut path = StorePath::new();
    in_store(id, b"", &mut path)?;
    kernel::mkdirat(AT_FDCWD, Path::new(path.with_nul()), 0o700)?;
    prepare(lock, id, from, place, stat).inspect_err(|_| name_refs::abandon(id)).map(|()| id)
}

fn prepare(
    lock: &Lock,
    id: Id,
    name: (i32, Path<'_>),
    place: &mut NamePath,
    stat: &Stat,
) -> Result<(), Errno> {
    /// RENAME_EXCHANGE (rename(2)).
    const EXCHANGE: u32 = 2;
    let mut path = StorePath::new();
    in_store(id, NAMES, &mut path)?;
    kernel::mkdirat(AT_FDCWD, Path::new(path.with_nul()), 0o700)?;
    name_refs::add(id, place, &mut StorePath::new())?;
    Tally::first(lock, id).note(1);
    in_store(id, FILE, &mut path)?;
    let text = with_nul(id);
    let text = Path::new(&text);
    let kept = (AT_FDCWD, Path::new(path.with_nul()));
    kernel::symlinkat(text, kept.0, kept.1)?;
    match kernel::rename(name, kept, EXCHANGE) {
        Ok(()) => {
            let error = match kernel::fstatat(kept.0, kept.1, raw::AT_SYMLINK_NOFOLLOW) {
                Ok(there) if same(&there, stat) => return Ok(()),
                // A program that doesn't know the lock changed it.
                Ok(_) => Errno::AGAIN,
                Err(error) => error,
            };
            kernel::rename(name, kept, EXCHANGE)?;
            Err(error)
        }
        // A file system that can't exchange: for a moment the name doesn't exist.
        Err(Errno::INVAL | Errno::NOSYS) => {
            kernel::rename(name, kept, 0)?;
            kernel::symlinkat(text, name.0, name.1).inspect_err(|_| {
                let _ = kernel::rename(kept, name, 0);
            })
        }
        Err(error) => Err(error),
    }
}
