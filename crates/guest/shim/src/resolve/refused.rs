//! Links that the kernel refuses to follow: may_follow_link() and pick_link() in fs/namei.c.
//!
//! The walk reads links itself, so it must refuse the same ones as the kernel. These are links on a
//! mount with `nosymfollow` and, with the sysctl `fs.protected_symlinks`, another user's link at
//! the end of a path in a directory like `/tmp`. The launcher reports whether the host has either;
//! without both, the check costs nothing.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::HostBuf;
use newroot_sys::raw;

use crate::host_path::{Anchored, NO_SYMLINKS};
use crate::kernel::{self, Stat};
use crate::limits::with_descriptors;
use crate::session::session;

/// Mode bits of a directory whose links are protected: sticky and world-writable.
pub(crate) const SHARED: u32 = raw::S_ISVTX | raw::S_IWOTH;

/// Checks that a link at a host path may be followed. `last` is set if only slashes follow it in
/// the path.
///
/// # Errors
/// EACCES and ELOOP if it may not be followed; the errnos of openat2(2), fstatat(2) and statfs(2)
/// if that can't be determined.
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
        // Fake root records a sticky bit that the host's directory lacks.
        if mode & raw::S_IWOTH != 0
            && let Some(policy) = session().policy
        {
            let ends = || Ok([open(&mut directory.clone())?, open(&mut host.clone())?]);
            with_descriptors([-1; 2], || {
                let [directory, link] = ends()?;
                (policy.may_follow_link)(directory.number(), link.number())
            })?;
        }
    }
    if unfollowed && has_no_links(&mut directory)? {
        return Err(Errno::LOOP);
    }
    Ok(())
}

/// Returns the path of a link's directory.
fn directory_of(link: &HostBuf) -> Result<HostBuf, Errno> {
    let slash = link.bytes().iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    let mut directory = HostBuf::new();
    directory.assign(link.bytes().get(..slash).unwrap_or(&[]))?;
    directory.extend(b"/.")?;
    Ok(directory)
}

/// Returns a file's status without following a link.
fn stat_of(path: &mut HostBuf) -> Result<Stat, Errno> {
    let at = Anchored::new(path)?;
    kernel::fstatat(at.directory(), at.path(), raw::AT_SYMLINK_NOFOLLOW)
}

/// Makes the kernel check the link, for the process's real user. The openat2(2) here refuses every
/// link, and a protected one with EACCES.
fn ask_kernel(link: &mut HostBuf) -> Result<(), Errno> {
    let at = Anchored::new(link)?;
    let flags = raw::O_PATH | raw::O_CLOEXEC;
    if session().has_openat2() {
        return match kernel::openat2(at.directory(), at.path(), flags.into(), 0, NO_SYMLINKS) {
            Err(Errno::ACCES) => Err(Errno::ACCES),
            _ => Ok(()),
        };
    }
    // Without openat2(2), an EACCES for the link looks like one for its target. Apply the kernel's
    // rule.
    drop(at);
    let of_directory = stat_of(&mut directory_of(link)?)?.st_uid;
    let owner = stat_of(link)?.st_uid;
    if owner == kernel::geteuid() || owner == of_directory { Ok(()) } else { Err(Errno::ACCES) }
}

fn open(path: &mut HostBuf) -> Result<kernel::Descriptor, Errno> {
    let at = Anchored::new(path)?;
    kernel::openat(at.directory(), at.path(), raw::O_PATH | raw::O_NOFOLLOW | raw::O_CLOEXEC, 0)
}

/// Returns whether a directory's mount has the option `nosymfollow`.
fn has_no_links(directory: &mut HostBuf) -> Result<bool, Errno> {
    const ST_NOSYMFOLLOW: u64 = 0x2000;
    let at = Anchored::new(directory)?;
    // statfs(2) takes no directory descriptor. A path that needs one isn't checked.
    if at.directory() != kernel::AT_FDCWD {
        return Ok(false);
    }
    Ok(kernel::mount_flags(at.path())? & ST_NOSYMFOLLOW != 0)
}
