//! Permission to read and set extended attributes (`xattr_permission` of fs/xattr.c, and the checks
//! of security/commoncap.c and fs/posix_acl.c).

use newroot_abi::Errno;

use super::{Owned, Want, Who, may};
use crate::Capabilities;
use crate::acl;
use crate::mode::{STICKY, is_directory, is_regular, is_symlink};

/// Name of the attribute with a file's capabilities.
const CAPABILITY: &[u8] = b"security.capability";

/// Checks whether `who` may read the attribute `name` of `file`.
///
/// # Errors
/// EACCES if the file isn't readable; ENODATA for an attribute that `who` can't see or the file
/// can't have; EOPNOTSUPP for an ACL of a symbolic link.
pub fn may_read_attribute(who: &Who<'_>, file: &Owned<'_>, name: &[u8]) -> Result<(), Errno> {
    if name.starts_with(b"security.") {
        Ok(())
    } else if name.starts_with(b"trusted.") {
        if who.capable(Capabilities::SYS_ADMIN) { Ok(()) } else { Err(Errno::NODATA) }
    } else if name.starts_with(b"user.") {
        if has_user_attributes(file) { may(who, file, Want::READ) } else { Err(Errno::NODATA) }
    } else if name.starts_with(b"system.") {
        if is_acl(name) && is_symlink(file.mode) { Err(Errno::OPNOTSUPP) } else { Ok(()) }
    } else {
        may(who, file, Want::READ)
    }
}

/// Checks whether `who` may set or remove the attribute `name` of `file`. For some attributes the
/// kernel checks the value first, or in between: see [`change_acl`](super::change_acl),
/// [`change_default_acl`](super::change_default_acl) and
/// [`FileCapabilities::check`](crate::FileCapabilities::check).
///
/// # Errors
/// EACCES if the file isn't writable, or for a default ACL of a file that isn't a directory; EPERM
/// if `who` lacks the capability or doesn't own the file; EOPNOTSUPP for an ACL of a symbolic link.
pub fn may_write_attribute(who: &Who<'_>, file: &Owned<'_>, name: &[u8]) -> Result<(), Errno> {
    let need = |capability| if who.capable(capability) { Ok(()) } else { Err(Errno::PERM) };
    if name == CAPABILITY {
        need(Capabilities::SETFCAP)
    } else if name.starts_with(b"security.") || name.starts_with(b"trusted.") {
        need(Capabilities::SYS_ADMIN)
    } else if name.starts_with(b"user.") {
        let sticky = is_directory(file.mode) && file.mode & STICKY != 0;
        if !has_user_attributes(file) || sticky && !who.is_owner(file) {
            return Err(Errno::PERM);
        }
        may(who, file, Want::WRITE)
    } else if is_acl(name) {
        if is_symlink(file.mode) {
            return Err(Errno::OPNOTSUPP);
        }
        // This holds for the owner too. To remove such an ACL, see `change_default_acl`.
        if name == acl::DEFAULT && !is_directory(file.mode) {
            return Err(Errno::ACCES);
        }
        who.must_be_owner(file)
    } else if name.starts_with(b"system.") {
        Ok(())
    } else {
        may(who, file, Want::WRITE)
    }
}

/// Checks whether listxattr(2) shows `who` an existing attribute `name` (the `list` handlers in
/// fs/xattr.c and the file systems).
#[must_use]
pub fn lists_attribute(who: &Who<'_>, name: &[u8]) -> bool {
    !name.starts_with(b"trusted.") || who.capable(Capabilities::SYS_ADMIN)
}

fn is_acl(name: &[u8]) -> bool {
    name == acl::ACCESS || name == acl::DEFAULT
}

/// Checks whether the file may have attributes of users: only where the permission bits control
/// write access.
const fn has_user_attributes(file: &Owned<'_>) -> bool {
    is_regular(file.mode) || is_directory(file.mode)
}
