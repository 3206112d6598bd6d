//! Records beside their files: symlinks in the store's `owners`. The name is the file's inode
//! number, the target is the record's text. The file's time of birth distinguishes a later file
//! with the same inode number.
//!
//! Where a root lies in the tree of another root, the outermost store's record of a file counts.

use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use newroot_fakeroot::Record;
use newroot_fakeroot::record::TEXT_MAX;
use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, StatxFlags, openat, readlinkat, renameat, statx, symlinkat, unlinkat,
};
use rustix::io::Errno;

use crate::store::OWNERS;

const NANOSECONDS: u64 = 1_000_000_000;

/// The `owners` directories of one or more stores. The last is the root's own.
#[derive(Debug)]
pub struct Sidecar(Vec<OwnedFd>);

impl Sidecar {
    /// Opens the sidecar of the store at `store`.
    ///
    /// # Errors
    /// The errnos of openat(2).
    pub fn open(store: &Path) -> io::Result<Self> {
        Ok(Self(vec![owners(store)?]))
    }

    /// Opens the sidecars of the stores in whose roots a root lies (`outer`), and the root's own,
    /// if it has one.
    ///
    /// # Errors
    /// The errnos of openat(2), for the root's own sidecar.
    pub fn open_with(outer: &[PathBuf], own: Option<&Path>) -> io::Result<Self> {
        let mut all: Vec<OwnedFd> = outer.iter().filter_map(|store| owners(store).ok()).collect();
        all.extend(own.map(owners).transpose()?);
        Ok(Self(all))
    }

    /// Returns the record of the file with this inode number and time of birth.
    #[must_use]
    pub fn read(&self, inode: u64, birth: Option<u64>) -> Option<Record> {
        self.0.iter().find_map(|owners| {
            let text = readlinkat(owners, inode.to_string(), Vec::new()).ok()?;
            let record = Record::decode_text(text.to_bytes()).ok()?;
            match (record.birth, birth) {
                (Some(recorded), Some(birth)) if recorded != birth => None,
                _ => Some(record),
            }
        })
    }

    /// Records `record` for the file with this inode number and time of birth.
    ///
    /// # Errors
    /// The errnos of symlink(2) and rename(2).
    pub fn write(&self, inode: u64, birth: Option<u64>, record: &Record) -> io::Result<()> {
        // The outermost record counts, so it is written last.
        self.0.iter().rev().try_for_each(|owners| write(owners, inode, birth, record))
    }

    /// Removes the record of a file that was removed.
    pub fn forget(&self, inode: u64) {
        for owners in self.0.iter().rev() {
            let _ = unlinkat(owners, inode.to_string(), AtFlags::empty());
        }
    }
}

fn owners(store: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(CWD, store.join(OWNERS), flags, Mode::empty())?)
}

fn write(owners: &OwnedFd, inode: u64, birth: Option<u64>, record: &Record) -> io::Result<()> {
    let mut room = [0; TEXT_MAX];
    let len = Record { birth, ..*record }.encode_text(&mut room);
    let (text, name) = (&room[..len], inode.to_string());
    match symlinkat(text, owners, &name) {
        Err(Errno::EXIST) => {}
        other => return Ok(other?),
    }
    let temporary = format!("new-{}", std::process::id());
    // A killed process with the same process id may have left it.
    let _ = unlinkat(owners, &temporary, AtFlags::empty());
    symlinkat(text, owners, &temporary)?;
    Ok(renameat(owners, &temporary, owners, &name)?)
}

/// Copies into a root's new store the records that outer stores have of the root's files. Returns
/// false if there are none.
///
/// # Errors
/// The errno of symlink(2) if a record can't be written. A directory that can't be read is skipped.
pub(crate) fn take_over(root: &Path, store: &Path, outer: &[PathBuf]) -> io::Result<bool> {
    let mut found = false;
    let [known, own] = [Sidecar::open_with(outer, None)?, Sidecar::open(store)?];
    let device = fs::metadata(root)?.dev();
    let mut rest = vec![root.to_owned()];
    while let Some(directory) = rest.pop() {
        let (Ok(entries), Ok(opened)) = (fs::read_dir(&directory), fs::File::open(&directory)) else {
            continue;
        };
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                if metadata.dev() == device && entry.path() != store {
                    rest.push(entry.path());
                }
            } else if !metadata.is_file()
                && let Ok(birth) = birth(&opened, entry.file_name().as_bytes())
                && let Some(record) = known.read(metadata.ino(), birth)
            {
                own.write(metadata.ino(), birth, &record)?;
                found = true;
            }
        }
    }
    Ok(found)
}

/// Returns a file's time of birth, in nanoseconds since 1970, if its file system has one. Doesn't
/// follow a symlink.
///
/// # Errors
/// The errnos of statx(2).
pub fn birth(directory: impl AsFd, name: &[u8]) -> io::Result<Option<u64>> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::EMPTY_PATH;
    let found = match statx(directory, name, flags, StatxFlags::BTIME) {
        // Linux before 4.11. The shim does without it, too.
        Err(Errno::NOSYS) => return Ok(None),
        other => other?,
    };
    let known = found.stx_mask & StatxFlags::BTIME.bits() != 0;
    let seconds = u64::try_from(found.stx_btime.tv_sec).unwrap_or(0);
    Ok(known.then(|| seconds.wrapping_mul(NANOSECONDS).wrapping_add(found.stx_btime.tv_nsec.into())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store;

    #[test]
    fn record_comes_back_until_its_number_is_anothers() {
        let directory = tempfile::tempdir().unwrap();
        store::make(directory.path()).unwrap();
        let sidecar = Sidecar::open(directory.path()).unwrap();
        let record = Record { uid: Some(7), gid: Some(8), ..Record::NONE };
        assert_eq!(sidecar.read(5, None), None);
        for uid in [1, 7] {
            sidecar.write(5, Some(99), &Record { uid: Some(uid), ..record }).unwrap();
        }
        assert_eq!(sidecar.read(5, Some(99)), Some(Record { birth: Some(99), ..record }));
        assert_eq!(sidecar.read(5, Some(100)), None);
    }

    #[test]
    fn birth_is_told_of_a_link_itself() {
        let directory = tempfile::tempdir().unwrap();
        let opened = std::fs::File::open(directory.path()).unwrap();
        std::os::unix::fs::symlink("/nowhere/at/all", directory.path().join("link")).unwrap();
        assert!(birth(&opened, b"link").is_ok());
        assert_eq!(birth(&opened, b"gone").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
