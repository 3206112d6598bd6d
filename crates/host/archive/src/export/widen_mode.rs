//! Opens files whose mode keeps their own user out.
//!
//! A file that got such a mode under fake root only has it recorded. But a root that the user
//! unpacked with another program may have files of mode 0111 or 0000, and root in the guest can
//! read them. So export does as the shim does when a guest opens one
//! (`shim/src/fakeroot/widen_mode.rs`): it records the mode and widens the host's. The guest sees
//! no change.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;

use newroot_fakeroot::Record;
use newroot_fakeroot::record_policy::{Shown, host_mode, keep};
use newroot_records::{attribute, sidecar};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, chmodat, fchmod, openat, statat};
use rustix::io::Errno;

use super::source::Source;
use crate::beneath::split;

impl Source {
    /// Opens a directory for reading by its path.
    pub(super) fn open_directory(&self, path: &[u8]) -> io::Result<OwnedFd> {
        match self.beneath.readable(path) {
            Err(Errno::ACCESS) if !path.is_empty() => {
                let (above, name) = split(path);
                self.open_file(self.beneath.directory(above)?.as_fd(), name)
            }
            other => Ok(other?),
        }
    }

    /// Opens a regular file or a directory for reading.
    pub(super) fn open_file(&self, parent: BorrowedFd<'_>, name: &OsStr) -> io::Result<OwnedFd> {
        // O_NONBLOCK, in case that a FIFO replaced the file meanwhile.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let open = || openat(parent, name, flags, Mode::empty());
        match open() {
            Err(Errno::ACCESS) => {
                let stat = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
                let wider = host_mode(stat.st_mode);
                let kind = FileType::from_raw_mode(stat.st_mode);
                let is_ours = !rustix::process::geteuid().is_root()
                    && self.user().is_some_and(|(user, _)| user == stat.st_uid);
                if !is_ours
                    || stat.st_mode & 0o7777 == wider
                    || !matches!(kind, FileType::RegularFile | FileType::Directory)
                {
                    return Err(Errno::ACCESS.into());
                }
                chmodat(parent, name, Mode::from_raw_mode(stat.st_mode | wider), AtFlags::empty())?;
                let recorded = open().map_err(io::Error::from).and_then(|file| {
                    self.record_mode(file.as_fd(), parent, name, &stat)?;
                    Ok(file)
                });
                recorded.inspect_err(|_| {
                    let _ = chmodat(parent, name, Mode::from_raw_mode(stat.st_mode), AtFlags::empty());
                })
            }
            other => Ok(other?),
        }
    }

    fn record_mode(
        &self,
        file: BorrowedFd<'_>,
        parent: BorrowedFd<'_>,
        name: &OsStr,
        stat: &Stat,
    ) -> io::Result<()> {
        let borne = attribute::read(file)?;
        let record = match borne.record {
            None if !borne.supported => self.recorded_beside(parent, name, stat)?,
            record => record.unwrap_or(Record::NONE),
        };
        let (uid, gid) = self.owners(stat, &record);
        let is_default = (uid, gid) == (0, 0) && Some((stat.st_uid, stat.st_gid)) == self.user();
        let shown = Shown { uid, gid, mode: record.mode_of(stat.st_mode), device: None };
        let kept = keep(&shown, stat.st_mode, is_default);
        if borne.supported {
            attribute::write_record(file, &kept.record)?;
        } else {
            let birth = sidecar::birth(parent, name.as_bytes())?;
            // Without a store there is no place for the record.
            self.sidecar().ok_or(Errno::ACCESS)?.write(stat.st_ino, birth, &kept.record)?;
        }
        match kept.host_mode {
            Some(mode) => Ok(fchmod(file, Mode::from_raw_mode(mode))?),
            None => Ok(()),
        }
    }
}
