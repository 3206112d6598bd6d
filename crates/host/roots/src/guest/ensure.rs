//! Makes files in a root where none exist yet.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use rustix::io::Errno;

use super::directory::{Directory, Node};
use super::journal::{Attributes, Transaction};
use crate::error::{Error, Result};

/// Makes the directory `path` and its parents, as far as they are missing.
pub(crate) fn directory(transaction: &mut Transaction, path: &Path, mode: u32) -> Result<()> {
    let failed = |cause: io::Error| Error::io("make", path, cause);
    let mut here = transaction.top();
    let mut names = path.iter().skip(1).peekable();
    while let Some(name) = names.next() {
        if here.node(name).map_err(|error| failed(error.into()))? == Node::Missing {
            let mode = if names.peek().is_none() { mode } else { 0o755 };
            transaction.make_directory(&here, name, Attributes::with_mode(mode)).map_err(failed)?;
        }
        here = here.resolve_directory(name).map_err(|error| failed(error.into()))?;
    }
    Ok(())
}

/// Makes the file `path`, if it is missing.
pub(crate) fn file(transaction: &mut Transaction, path: &Path, content: &[u8]) -> Result<()> {
    with_missing(transaction, path, |transaction, parent, name| {
        transaction.make_file(parent, name, &mut &content[..], Attributes::with_mode(0o644))
    })
}

/// Makes the symlink `path`, if it is missing.
pub(crate) fn link(transaction: &mut Transaction, path: &Path, text: &OsStr) -> Result<()> {
    with_missing(transaction, path, |transaction, parent, name| transaction.make_symlink(parent, name, text))
}

fn with_missing(
    transaction: &mut Transaction,
    path: &Path,
    make: impl FnOnce(&mut Transaction, &Directory, &OsStr) -> io::Result<()>,
) -> Result<()> {
    let failed = |cause: io::Error| Error::io("make", path, cause);
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(failed(Errno::ISDIR.into()));
    };
    directory(transaction, above, 0o755)?;
    let parent =
        transaction.top().resolve_directory(above.as_os_str()).map_err(|error| failed(error.into()))?;
    if parent.node(name).map_err(|error| failed(error.into()))? != Node::Missing {
        transaction.note_present();
        return Ok(());
    }
    make(transaction, &parent, name).map_err(failed)
}
