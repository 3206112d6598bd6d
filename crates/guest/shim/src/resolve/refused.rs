//! Links that the kernel refuses to follow: may_follow_link() and pick_link() in fs/namei.c.
//!
//! The walk reads links itself, so it has to refuse what the kernel would: links on a mount with `nosymfollow`, and, with
//! the sysctl `fs.protected_symlinks`, somebody else's link at the end of a path in a directory like `/tmp`. The launcher
//! says whether the host has either; elsewhere this costs nothing.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::HostBuf;
use newroot_sys::raw;

use super::{Anchored, NO_SYMLINKS};
use crate::host::{self, Stat};
use crate::limits::with_descriptors;
use crate::owner::permission;
use crate::session::session;

/// The mode of a directory whose links are protected: sticky, and writable by everybody.
pub(crate) const SHARED: u32 = raw::S_ISVTX | raw::S_IWOTH;

/// Whether a link at a host path may be followed. `last` says that nothing but slashes follows it in the path.
///
/// # Errors
/// EACCES and ELOOP where it may not; what finding that out gives.
pub(super) fn may_follow(host: &mut HostBuf, last: bool) -> Result<(), Errno> {
    let protected = last && session().has(Flags::PROTECTED_LINKS);
    let unfollowed = session().has(Flags::NOSYMFOLLOW);
    if !protected && !unfollowed {
        return Ok(());
    }
    let mut directory = directory_of(host)?;
    if protected {
        let mode = stat_of(&mut directory)?.st_mode;
        if mode & SHARED == SHARED {
            ask_kernel(host)?;
        }
        // Fake root's sticky bit isn't the host's.
        if mode & raw::S_IWOTH != 0 && session().has(Flags::FAKE_ROOT) {
            let ends = || Ok([open(&mut directory.clone())?, open(&mut host.clone())?]);
            with_descriptors([-1; 2], || {
                let [directory, link] = ends()?;
                permission::may_follow_link(directory.number(), link.number())
            })?;
        }
    }
    if unfollowed && has_no_links(&mut directory)? {
        return Err(Errno::LOOP);
    }
    Ok(())
}

/// Returns the path of the directory that a link lies in.
fn directory_of(link: &HostBuf) -> Result<HostBuf, Errno> {
    let slash = link.bytes().iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    let mut directory = HostBuf::new();
    directory.assign(link.bytes().get(..slash).unwrap_or(&[]))?;
    directory.extend(b"/.")?;
    Ok(directory)
}

/// Looks at a file without following a link.
fn stat_of(path: &mut HostBuf) -> Result<Stat, Errno> {
    let at = Anchored::new(path)?;
    host::fstatat(at.directory(), at.path(), raw::AT_SYMLINK_NOFOLLOW)
}

/// Asks the kernel about the process's real user. It refuses to follow any link here, with EACCES those that are protected.
fn ask_kernel(link: &mut HostBuf) -> Result<(), Errno> {
    let at = Anchored::new(link)?;
    let flags = raw::O_PATH | raw::O_CLOEXEC;
    if session().has_openat2() {
        return match host::openat2(at.directory(), at.path(), flags.into(), 0, NO_SYMLINKS) {
            Err(Errno::ACCES) => Err(Errno::ACCES),
            _ => Ok(()),
        };
    }
    // Without that call it isn't told apart from what lies behind the link: the rule itself.
    drop(at);
    let of_directory = stat_of(&mut directory_of(link)?)?.st_uid;
    let owner = stat_of(link)?.st_uid;
    if owner == host::geteuid() || owner == of_directory { Ok(()) } else { Err(Errno::ACCES) }
}

fn open(path: &mut HostBuf) -> Result<host::Descriptor, Errno> {
    let at = Anchored::new(path)?;
    host::openat(at.directory(), at.path(), raw::O_PATH | raw::O_NOFOLLOW | raw::O_CLOEXEC, 0)
}

/// Whether a directory's mount has the option `nosymfollow`.
fn has_no_links(directory: &mut HostBuf) -> Result<bool, Errno> {
    const ST_NOSYMFOLLOW: u64 = 0x2000;
    let at = Anchored::new(directory)?;
    // statfs(2) takes no directory; what lies so deep isn't asked.
    if at.directory() != host::AT_FDCWD {
        return Ok(false);
    }
    Ok(host::mount_flags(at.path())? & ST_NOSYMFOLLOW != 0)
}
