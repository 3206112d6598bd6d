//! chmod, chown, utimes, setting an ACL, and writing.

use newroot_abi::Errno;

use super::{Owned, Want, Who, may, may_write_attribute, with_permissions};
use crate::Capabilities;
use crate::acl::{self, Equivalent};
use crate::credentials::LEAVE;
use crate::mode::{CHANGEABLE, GROUP_EXECUTE, SETGID, SETUID, is_directory, is_regular, is_symlink};

/// chmod(2): the mode that `file` gets, type and all (`setattr_prepare` of fs/attr.c).
/// What becomes of an ACL that it has, [`acl::after_chmod`] tells.
///
/// # Errors
/// EPERM.
pub fn change_mode(who: &Who<'_>, file: &Owned<'_>, new_mode: u32) -> Result<u32, Errno> {
    who.must_be_owner(file)?;
    let mode = file.mode & !CHANGEABLE | new_mode & CHANGEABLE;
    Ok(if who.may_set_group(file.gid) { mode } else { mode & !SETGID })
}

/// chown(2); [`LEAVE`] for an id that stays. Returns what the file is then (`chown_common` of
/// fs/open.c, `notify_change` and `setattr_prepare` of fs/attr.c). A file that [`loses_capabilities`]
/// loses its attribute `security.capability` also.
///
/// # Errors
/// EPERM.
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
        // A bit that goes makes a chmod of it, which CAP_CHOWN alone doesn't allow.
        who.must_be_owner(file)?;
        if !who.may_set_group(new_gid) {
            mode &= !SETGID;
        }
    }
    Ok(Owned { uid: new_uid, gid: new_gid, mode, acl: file.acl })
}

/// Whether a chown takes `file`'s capabilities, whatever it changes: `ATTR_KILL_PRIV` in
/// `chown_common` of fs/open.c. (A write takes them also, whoever writes.)
#[must_use]
pub const fn loses_capabilities(file: &Owned<'_>) -> bool {
    !is_directory(file.mode)
}

/// Whether `who` may set the times of `file`: to now, or (`now` is false) to times they chose, as
/// `notify_change` and `setattr_prepare` of fs/attr.c have it. Only a call that sets both times to now
/// counts as such (utimensat(2)).
///
/// # Errors
/// EPERM for times they chose; EACCES for now.
pub fn may_set_times(who: &Who<'_>, file: &Owned<'_>, now: bool) -> Result<(), Errno> {
    if who.is_owner(file) {
        Ok(())
    } else if now {
        may(who, file, Want::WRITE)
    } else {
        Err(Errno::PERM)
    }
}

/// The mode of a file with `file`'s owners and mode after `who` wrote to it, truncated it or
/// allocated room in it: `file_remove_privs` of fs/inode.c. Its attribute `security.capability` goes
/// as well, whoever writes.
#[must_use]
pub fn mode_after_write(who: &Who<'_>, file: &Owned<'_>) -> u32 {
    if !is_regular(file.mode) || who.capable(Capabilities::FSETID) {
        return file.mode;
    }
    let mode = file.mode & !SETUID;
    if drops_set_group(who, file) { mode & !SETGID } else { mode }
}

/// Whether set-group-ID goes with a change of `file`: `setattr_should_drop_sgid` of fs/attr.c.
/// Without group execution it may stay, for those who could set it.
fn drops_set_group(who: &Who<'_>, file: &Owned<'_>) -> bool {
    file.mode & SETGID != 0 && (file.mode & GROUP_EXECUTE != 0 || !who.may_set_group(file.gid))
}

/// Setting `system.posix_acl_access` to `value`: the mode that `file` gets, and whether the attribute is
/// kept, for a list that says no more than a mode isn't (`set_posix_acl` and `posix_acl_update_mode` of
/// fs/posix_acl.c). An empty `value`, and one without entries, takes the list from the file, as removing
/// the attribute does. What is kept, [`acl::normal`] tells.
///
/// # Errors
/// EPERM; for bad values as [`acl::check`].
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

/// Setting `system.posix_acl_default` to `value`: whether the attribute is there then (`set_posix_acl` of
/// fs/posix_acl.c). An empty `value`, and one without entries, removes it.
///
/// # Errors
/// EPERM; EACCES for what isn't a directory; for bad values as [`acl::check`].
pub fn change_default_acl(who: &Who<'_>, file: &Owned<'_>, value: &[u8]) -> Result<bool, Errno> {
    let has_entries = acl::check_form(value)?;
    // To take from a file what it can't have, anybody may.
    if has_entries || is_directory(file.mode) || is_symlink(file.mode) {
        may_write_attribute(who, file, acl::DEFAULT)?;
    }
    if has_entries {
        acl::check_entries(value)?;
    }
    Ok(has_entries)
}
