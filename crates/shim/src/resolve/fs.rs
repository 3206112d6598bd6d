//! The host's file system, as the walk sees it.

use newroot_abi::Errno;
use newroot_paths::{Fs, GuestBuf, HostBuf, Link};

use super::{Anchored, procfs};
use crate::host;

/// The real thing.
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
        let len = match host::readlinkat(at.directory(), at.path(), text.space()) {
            Ok(len) => len,
            Err(Errno::INVAL) => return Ok(Link::No),
            Err(error) => return Err(error),
        };
        drop(at);
        text.set_len(len);
        match procfs::classify(host.bytes()) {
            Some(link) => procfs::follow(link, last, text),
            None => {
                super::merged::note(guest.bytes(), text.bytes());
                Ok(Link::Text)
            }
        }
    }

    fn search(&mut self, host: &mut HostBuf) -> Result<(), Errno> {
        let len = host.len();
        host.extend(b"/.")?;
        let at = Anchored::new(host)?;
        let result = host::fstatat(at.directory(), at.path(), newroot_sys::raw::AT_SYMLINK_NOFOLLOW);
        drop(at);
        host.truncate(len);
        result.map(|_| ())
    }
}
