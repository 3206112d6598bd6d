//! Lists the files of a root, in the order in which they are exported.

use std::os::fd::AsFd as _;

use rustix::fs::{AtFlags, Dir, FileType, statat};

use super::source::Source;
use crate::beneath::{join, split};
use crate::error::{Error, Result};
use crate::observer::{Observer, Unit, Warning, guest_path, tell};

/// Returns the paths of all files, relative to the root. The root's own path is empty. A directory
/// comes before its entries, and entries are sorted by the bytes of their names. The store and
/// other file systems are left out.
pub(super) fn list(source: &Source, observer: &mut dyn Observer) -> Result<Vec<Vec<u8>>> {
    let mut planned = Vec::new();
    // The next path is at the end.
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
