//! The root's own index of libraries, for libraries outside of the loader's directories.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

use crate::error::{Error, Result};
use crate::guest::{Attributes, Directory, Node, Transaction, ensure};
use crate::loader::index::{Entry, Index};

/// Adds `entries` to the index at `path`, which may not exist yet. The index isn't a file of its
/// own, so extending it isn't a conflict.
pub(crate) fn extend(transaction: &mut Transaction, path: &Path, entries: &[Entry]) -> Result<()> {
    let failed = |cause: io::Error| Error::io("extend", path, cause);
    let (Some(above), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(failed(Errno::ISDIR.into()));
    };
    ensure::directory(transaction, above, 0o755)?;
    let parent =
        transaction.top().resolve_directory(above.as_os_str()).map_err(|error| failed(error.into()))?;
    rewrite(transaction, &parent, name, entries).map_err(failed)
}

fn rewrite(
    transaction: &mut Transaction,
    parent: &Directory,
    name: &OsStr,
    entries: &[Entry],
) -> io::Result<()> {
    let node = parent.node(name)?;
    let mut index = Index::default();
    if node == Node::File {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(parent.fd(), name, flags, Mode::empty())?;
        let mut bytes = Vec::new();
        fs::File::from(file).read_to_end(&mut bytes)?;
        index = Index::parse(&bytes).unwrap_or_default();
    }
    let mut changed = false;
    for entry in entries {
        changed |= index.insert(entry.clone());
    }
    if !changed {
        transaction.note_present();
        return Ok(());
    }
    if node != Node::Missing {
        transaction.move_away(parent, name)?;
    }
    transaction.make_file(parent, name, &mut index.to_bytes().as_slice(), Attributes::with_mode(0o644))
}
