//! Unpacks an archive as a root.

mod give;
mod image;
mod publish;
mod staging;
mod unpack;

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, IsTerminal as _, Read};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use self::image::Signs;
use self::publish::Destination;
use self::unpack::Unpacker;
use crate::compression;
use crate::error::{Damage, Error, Result};
use crate::interruptible::InterruptibleIo;
use crate::observer::{Observer, Unit, tell};
use crate::tar::Reader;

/// The source of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file.
    File(PathBuf),
}

/// Options of an import.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportOptions {
    /// Unpack over existing files.
    pub force: bool,
    /// Keep hard links in the store where the host refuses them.
    pub own_links: bool,
}

/// Figures of a finished import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// Number of unpacked entries.
    pub entries: u64,
    /// Size of all file contents, in bytes.
    pub bytes: u64,
}

/// Unpacks the archive `input`, compressed or not, as a root in `directory`, which must be empty or
/// not exist.
///
/// While the writer of a pipe keeps newroot waiting, `ended` is polled to find out whether to stop.
///
/// No archive, however hostile, changes a file outside of `directory`. If the import fails,
/// `directory` is as it was. A process that is killed can leave a directory `.newroot-*` in
/// `directory` or beside it.
///
/// # Errors
/// [`Error`] for a damaged archive, for an entry that can't be unpacked, or if `ended` asked to
/// stop.
pub fn import(
    input: &Input,
    directory: &Path,
    options: ImportOptions,
    ended: &dyn Fn() -> bool,
    observer: &mut dyn Observer,
) -> Result<Imported> {
    let (file, name, total): (Box<dyn Read + '_>, _, _) = match input {
        Input::Stdin => {
            let stdin = io::stdin();
            if stdin.is_terminal() {
                return Err(Error::TerminalInput);
            }
            // Standard input's own buffer is bypassed: poll(2) doesn't know of data that is in the
            // buffer already.
            let file = File::from(
                stdin
                    .as_fd()
                    .try_clone_to_owned()
                    .map_err(|cause| Error::io("read", "standard input", cause))?,
            );
            (Box::new(InterruptibleIo::new(file, ended)), PathBuf::from("standard input"), None)
        }
        Input::File(path) => {
            let failed = |cause| Error::io("read", path, cause);
            let file = File::open(path).map_err(failed)?;
            let metadata = file.metadata().map_err(failed)?;
            if metadata.is_dir() {
                return Err(failed(io::ErrorKind::IsADirectory.into()));
            }
            (
                Box::new(InterruptibleIo::new(file, ended)),
                path.clone(),
                metadata.is_file().then_some(metadata.len()),
            )
        }
    };
    let damaged = |damage: Damage| Error::Archive { archive: name.clone(), damage };
    let destination = Destination::prepare(directory, options.force)?;
    let read = Rc::new(Cell::new(0));
    let counting = Counting { input: file, read: Rc::clone(&read) };
    let archive = compression::decode(BufReader::with_capacity(1 << 16, counting)).map_err(damaged)?;
    let mut reader = Reader::new(BufReader::with_capacity(1 << 16, archive));
    let staging = destination.make_staging_dir()?;
    let mut unpacker = Unpacker::new(&staging, options.own_links)?;
    let mut signs = Signs::default();
    while let Some(found) = reader.next_entry().map_err(damaged)? {
        signs.note(&found.entry.name);
        let current = found.entry.name.clone();
        let mut progress = |observer: &mut dyn Observer| {
            tell(observer, Unit::Bytes, read.get(), total, current.strip_prefix(b"./").unwrap_or(&current))
        };
        progress(observer)?;
        unpacker.unpack(found, &mut reader, &mut progress, &damaged, observer)?;
    }
    tell(observer, Unit::Bytes, read.get(), total, b"")?;
    if signs.is_image() {
        return Err(damaged(Damage::Image));
    }
    let unpacked = unpacker.finish(destination.is_new(), observer)?;
    let imported = unpacked.imported;
    destination.publish(staging, unpacked, observer)?;
    Ok(imported)
}

/// A reader that counts the bytes read.
struct Counting<'a> {
    input: Box<dyn Read + 'a>,
    read: Rc<Cell<u64>>,
}

impl Read for Counting<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(out)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
