//! The operations that a process may perform on a file of given owner, group, mode and ACL, and
//! their effect on the file's metadata. The rules are those of the kernel's fs/namei.c, fs/attr.c,
//! fs/open.c, fs/inode.c and fs/xattr.c, applied to the credentials and owners that the guest
//! believes in.

mod attribute;
mod change;
mod entry;
mod process;

pub use crate::access::{Owned, Want, Who};
pub use attribute::{lists_attribute, may_read_attribute, may_write_attribute};
pub use change::{
    change_acl, change_default_acl, change_mode, change_owner, loses_capabilities, may_set_times,
    mode_after_write,
};
pub use entry::{NewFile, Rename, may_delete, may_link, may_rename, new_file};
pub use process::{may_limit, may_schedule, may_signal, may_trace};

use newroot_abi::Errno;

use crate::acl;
use crate::credentials::secure;
use crate::mode::{ANY_EXECUTE, PERMISSIONS, is_directory};
use crate::{Capabilities, Credentials};

/// Checks whether `who` may do `want` with `file` (`generic_permission` of fs/namei.c).
///
/// # Errors
/// EACCES if access is denied; EIO for an invalid ACL.
pub fn may(who: &Who<'_>, file: &Owned<'_>, want: Want) -> Result<(), Errno> {
    match by_mode(who, file, want) {
        Err(Errno::ACCES) => {}
        result => return result,
    }
    let directory = is_directory(file.mode);
    let reads = if directory { !want.has(Want::WRITE) } else { want.bits() == Want::READ.0 };
    if reads && who.capable(Capabilities::DAC_READ_SEARCH) {
        return Ok(());
    }
    // A file without any execute bit can't be executed, even by root.
    let overridable = directory || !want.has(Want::EXECUTE) || file.mode & ANY_EXECUTE != 0;
    if overridable && who.capable(Capabilities::DAC_OVERRIDE) { Ok(()) } else { Err(Errno::ACCES) }
}

/// Checks access without capabilities (`acl_permission_check` of fs/namei.c).
fn by_mode(who: &Who<'_>, file: &Owned<'_>, want: Want) -> Result<(), Errno> {
    let granted = |bits: u32| if want.bits() & !bits == 0 { Ok(()) } else { Err(Errno::ACCES) };
    if who.credentials.fsuid == file.uid {
        return granted(file.mode >> 6);
    }
    // The kernel ignores an ACL with an empty mask; users named in it then count as others.
    if let Some(list) = file.acl.filter(|_| file.mode & 0o070 != 0) {
        return acl::permits(list, who, file, want);
    }
    // The kernel checks the group only where the bits of group and others differ; otherwise the
    // result is the same.
    granted(if who.in_group(file.gid) { file.mode >> 3 } else { file.mode })
}

/// Checks whether `who` may do `want` with `file` for access(2), and for faccessat2(2) without
/// `AT_EACCESS`: with the real IDs, and with the capabilities that belong to these
/// (`access_override_creds` of fs/open.c).
///
/// # Errors
/// EACCES if access is denied; EIO for an invalid ACL.
pub fn may_as_real(who: &Who<'_>, file: &Owned<'_>, want: Want) -> Result<(), Errno> {
    may(&Who { credentials: &as_real(who.credentials), groups: who.groups }, file, want)
}

/// Returns the credentials with which access(2) checks a file and the directories on its path.
#[must_use]
pub fn as_real(credentials: &Credentials) -> Credentials {
    let mut real = *credentials;
    real.fsuid = real.ruid;
    real.fsgid = real.rgid;
    if !real.is_secure(secure::NO_SETUID_FIXUP) {
        real.effective = if real.ruid == 0 { real.permitted } else { Capabilities::NONE };
    }
    real
}

/// Replaces the permission bits of `mode` with those of `permissions`.
const fn with_permissions(mode: u32, permissions: u32) -> u32 {
    mode & !PERMISSIONS | permissions & PERMISSIONS
}
