//! Extended attributes: who may read and set them (`xattr_permission` of fs/xattr.c, and the
//! checks of security/commoncap.c and fs/posix_acl.c).

use newroot_abi::Errno;

use super::{Owned, Want, Who, may};
use crate::Capabilities;
use crate::acl;
use crate::mode::{STICKY, is_directory, is_regular, is_symlink};

/// The attribute with a file's capabilities.
const CAPABILITY: &[u8] = b"security.capability";

/// Whether `who` may read the attribute `name` of `file`.
///
/// # Errors
/// EACCES; ENODATA for what isn't theirs to see; EOPNOTSUPP.
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

/// Whether `who` may set or remove the attribute `name` of `file`. The values of some are looked at first,
/// or meanwhile: see [`change_acl`](super::change_acl), [`change_default_acl`](super::change_default_acl)
/// and [`FileCapabilities::check`](crate::FileCapabilities::check).
///
/// # Errors
/// EACCES, EPERM; EOPNOTSUPP.
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
        // Not even its owner; but see `change_default_acl` for taking it away.
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

/// Whether listxattr(2) tells `who` of an attribute `name` that is there: each kind's `list` in
/// fs/xattr.c and the file systems.
#[must_use]
pub fn lists_attribute(who: &Who<'_>, name: &[u8]) -> bool {
    !name.starts_with(b"trusted.") || who.capable(Capabilities::SYS_ADMIN)
}

fn is_acl(name: &[u8]) -> bool {
    name == acl::ACCESS || name == acl::DEFAULT
}

/// Only where the permission bits tell who may write is there room for what users think of.
const fn has_user_attributes(file: &Owned<'_>) -> bool {
    is_regular(file.mode) || is_directory(file.mode)
}
