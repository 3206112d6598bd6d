//! What a root has in it, in the order in which it is exported.

use std::os::fd::AsFd as _;

use rustix::fs::{AtFlags, Dir, FileType, statat};

use super::source::Source;
use crate::beneath::{join, split};
use crate::error::{Error, Result};
use crate::observer::{Observer, Unit, Warning, guest_path, tell};

/// Paths relative to the root, the root's own being empty: each directory before what is in it, and what is in it
/// in the order of the names' bytes. The store isn't among them, nor is what other file systems have.
pub(super) fn list(source: &Source, observer: &mut dyn Observer) -> Result<Vec<Vec<u8>>> {
    let mut planned = Vec::new();
    // What comes next is at the end.
    let mut pending = vec![(Vec::new(), true)];
    while let Some((path, is_directory)) = pending.pop() {
        if is_directory {
            tell(observer, Unit::Files, 0, None, &path)?;
            if source.is_mount_point(&path)? {
                observer.warn(&Warning::MountPoint { path: guest_path(&path) });
            } else {
                let mut entries = entries(source, &path)?;
                entries.sort_by(|one, other| other.cmp(one));
                pending.extend(
                    entries.into_iter().map(|(name, is_directory)| (join(&path, &name), is_directory)),
                );
            }
        }
        planned.push(path);
    }
    Ok(planned)
}

fn entries(source: &Source, path: &[u8]) -> Result<Vec<(Vec<u8>, bool)>> {
    let unreadable = |cause: std::io::Error| Error::io("read", guest_path(path), cause);
    let failed = |cause: rustix::io::Errno| unreadable(cause.into());
    let directory = source.open_directory(path).map_err(unreadable)?;
    let mut found = Vec::new();
    for entry in Dir::read_from(&directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_bytes();
        if matches!(name, b"." | b"..") || path.is_empty() && name == newroot_records::store::NAME.as_bytes()
        {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => {
                let (_, last) = split(name);
                let stat = statat(directory.as_fd(), last, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
                FileType::from_raw_mode(stat.st_mode)
            }
            known => known,
        };
        found.push((name.to_vec(), kind == FileType::Directory));
    }
    Ok(found)
}
