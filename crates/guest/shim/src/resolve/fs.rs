//! The host's file system, for the walk.

use newroot_abi::Errno;
use newroot_paths::{Buffer, Fs, GuestBuf, Host, HostBuf, Link};

use super::{procfs, refused};
use crate::hardlinks;
use crate::host_path::Anchored;
use crate::kernel::{self, AT_FDCWD, Path};

/// The host's file system, which the walk reads by system calls.
pub(crate) struct HostFs;

impl Fs for HostFs {
    fn read_link(
        &mut self,
        guest: &GuestBuf,
        host: &mut HostBuf,
        last: bool,
        text: &mut GuestBuf,
    ) -> Result<Link, Errno> {
        let at = Anchored::new(host)?;
        let read = kernel::readlinkat(at.directory(), at.path(), text.space());
        drop(at);
        let link = match read {
            Ok(len) => {
                text.set_len(len);
                procfs::classify(host.bytes())
            }
            Err(Errno::INVAL) => return Ok(Link::No),
            // A magic link into a root whose own path is long.
            Err(Errno::NAMETOOLONG) => {
                let mut path = Buffer::<Host, 128>::new();
                path.assign(host.bytes())?;
                let link = procfs::classify(host.bytes()).ok_or(Errno::NAMETOOLONG)?;
                procfs::show_long(link, AT_FDCWD, Path::new(path.with_nul()), text)?;
                return Ok(Link::MagicText);
            }
            Err(error) => return Err(error),
        };
        match link {
            Some(link) => procfs::follow(link, last, text),
            None if let Some(id) = hardlinks::of_text(text.bytes()) => {
                Ok(if hardlinks::read_link(id, host, text)? { Link::Text } else { Link::Relocated })
            }
            None => {
                super::merged::note(guest.bytes(), text.bytes());
                Ok(Link::Text)
            }
        }
    }

    fn may_follow(&mut self, host: &mut HostBuf, last: bool) -> Result<(), Errno> {
        refused::may_follow(host, last)
    }

    fn search(&mut self, host: &mut HostBuf) -> Result<(), Errno> {
        let len = host.len();
        host.extend(b"/.")?;
        let at = Anchored::new(host)?;
        let result = kernel::fstatat(at.directory(), at.path(), newroot_sys::raw::AT_SYMLINK_NOFOLLOW);
        drop(at);
        host.truncate(len);
        result.map(|_| ())
    }

    fn elsewhere(&mut self, host: &mut HostBuf) -> Result<bool, Errno> {
        hardlinks::follow(host)
    }
}
