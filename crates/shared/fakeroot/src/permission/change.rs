//! chmod, chown, utimes, setting an ACL, and writing.

use newroot_abi::Errno;

use super::{Owned, Want, Who, may, may_write_attribute, with_permissions};
use crate::Capabilities;
use crate::acl::{self, Equivalent};
use crate::credentials::LEAVE;
use crate::mode::{CHANGEABLE, GROUP_EXECUTE, SETGID, SETUID, is_directory, is_regular, is_symlink};

/// Returns the whole mode of `file` after chmod(2) (`setattr_prepare` of fs/attr.c).
/// [`acl::after_chmod`] returns the ACL that the file then has.
///
/// # Errors
/// EPERM if `who` neither owns the file nor has CAP_FOWNER.
pub fn change_mode(who: &Who<'_>, file: &Owned<'_>, new_mode: u32) -> Result<u32, Errno> {
    who.must_be_owner(file)?;
    let mode = file.mode & !CHANGEABLE | new_mode & CHANGEABLE;
    Ok(if who.may_set_group(file.gid) { mode } else { mode & !SETGID })
}

/// Returns the owner, group and mode of a file after chown(2) (`chown_common` of fs/open.c,
/// `notify_change` and `setattr_prepare` of fs/attr.c). [`LEAVE`] keeps an ID. A file that
/// [`loses_capabilities`] also loses its attribute `security.capability`.
///
/// # Errors
/// EPERM if `who` may not change the IDs.
pub fn change_owner<'a>(who: &Who<'_>, file: &Owned<'a>, uid: u32, gid: u32) -> Result<Owned<'a>, Errno> {
    let owns = who.credentials.fsuid == file.uid;
    let capable = who.capable(Capabilities::CHOWN);
    let uid_allowed = uid == LEAVE || capable || owns && uid == file.uid;
    let gid_allowed = gid == LEAVE || capable || owns && (gid == file.gid || who.in_group(gid));
    if !uid_allowed || !gid_allowed {
        return Err(Errno::PERM);
    }

    let new_uid = if uid == LEAVE { file.uid } else { uid };
    let new_gid = if gid == LEAVE { file.gid } else { gid };
    let mut mode = file.mode;
    if !is_directory(mode) {
        mode &= !SETUID;
        if drops_set_group(who, file) {
            mode &= !SETGID;
        }
    }
    if mode != file.mode {
        // Clearing a bit is a chmod as well, which CAP_CHOWN alone doesn't allow.
        who.must_be_owner(file)?;
        if !who.may_set_group(new_gid) {
            mode &= !SETGID;
        }
    }
    Ok(Owned { uid: new_uid, gid: new_gid, mode, acl: file.acl })
}

/// Checks whether a chown removes `file`'s capabilities, whatever it changes (`ATTR_KILL_PRIV` in
/// `chown_common` of fs/open.c). A write by any process removes them too.
#[must_use]
pub const fn loses_capabilities(file: &Owned<'_>) -> bool {
    !is_directory(file.mode)
}

/// Checks whether `who` may set the times of `file`: to the current time if `now` is true, else to
/// given times (`notify_change` and `setattr_prepare` of fs/attr.c). Only a call that sets both
/// times to the current time counts as `now` (utimensat(2)).
///
/// # Errors
/// EPERM for given times; EACCES for the current time.
pub fn may_set_times(who: &Who<'_>, file: &Owned<'_>, now: bool) -> Result<(), Errno> {
    if who.is_owner(file) {
        Ok(())
    } else if now {
        may(who, file, Want::WRITE)
    } else {
        Err(Errno::PERM)
    }
}

/// Returns the mode of `file` after `who` wrote to it, truncated it or allocated space in it
/// (`file_remove_privs` of fs/inode.c). Every write removes the
/// attribute `security.capability`, too.
#[must_use]
pub fn mode_after_write(who: &Who<'_>, file: &Owned<'_>) -> u32 {
    if !is_regular(file.mode) || who.capable(Capabilities::FSETID) {
        return file.mode;
    }
    let mode = file.mode & !SETUID;
    if drops_set_group(who, file) { mode & !SETGID } else { mode }
}

/// Checks whether a change of `file` clears set-group-ID (`setattr_should_drop_sgid` of fs/attr.c).
/// Without group execution the bit stays, if `who` could set it.
fn drops_set_group(who: &Who<'_>, file: &Owned<'_>) -> bool {
    file.mode & SETGID != 0 && (file.mode & GROUP_EXECUTE != 0 || !who.may_set_group(file.gid))
}

/// Returns the mode of `file` after its attribute `system.posix_acl_access` is set to `value`, and
/// whether the attribute is kept: a list that is equivalent to a mode isn't (`set_posix_acl` and
/// `posix_acl_update_mode` of fs/posix_acl.c). An empty `value`, or one without entries, removes
/// the list, as removing the attribute does. [`acl::normal`] returns the value that is kept.
///
/// # Errors
/// EPERM if `who` may not set the list; EINVAL or EOPNOTSUPP if [`acl::check`] rejects the value;
/// EOPNOTSUPP for a symbolic link.
pub fn change_acl(who: &Who<'_>, file: &Owned<'_>, value: &[u8]) -> Result<(u32, bool), Errno> {
    let has_entries = acl::check_form(value)?;
    may_write_attribute(who, file, acl::ACCESS)?;
    if !has_entries {
        return Ok((file.mode, false));
    }
    acl::check_entries(value)?;
    let (permissions, kept) = match acl::equivalent(value) {
        Equivalent::Mode(bits) => (bits, false),
        Equivalent::Mask(bits) => (bits, true),
    };
    let mode = with_permissions(file.mode, permissions);
    Ok((if who.may_set_group(file.gid) { mode } else { mode & !SETGID }, kept))
}

/// Returns whether the attribute `system.posix_acl_default` exists after it is set to `value`
/// (`set_posix_acl` of fs/posix_acl.c). An empty `value`, or one without entries, removes it.
///
/// # Errors
/// EPERM if `who` may not set the list; EACCES if the file isn't a directory; EINVAL or EOPNOTSUPP
/// if [`acl::check`] rejects the value; EOPNOTSUPP for a symbolic link.
pub fn change_default_acl(who: &Who<'_>, file: &Owned<'_>, value: &[u8]) -> Result<bool, Errno> {
    let has_entries = acl::check_form(value)?;
    // Any process may remove a default list from a file that can't have one.
    if has_entries || is_directory(file.mode) || is_symlink(file.mode) {
        may_write_attribute(who, file, acl::DEFAULT)?;
    }
    if has_entries {
        acl::check_entries(value)?;
    }
    Ok(has_entries)
}
