//! Creation and removal of names in directories.

use newroot_abi::Errno;

use super::{Owned, Want, Who, may};
use crate::Capabilities;
use crate::mode::{SETGID, SETUID, STICKY, is_directory, is_regular, runs_as_group};

/// Owner, group and mode of a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Owner of the file.
    pub uid: u32,
    /// Group of the file.
    pub gid: u32,
    /// The whole `st_mode`.
    pub mode: u32,
}

/// Returns owner, group and mode of a file that `who` creates in `parent` (`inode_init_owner` and
/// `mode_strip_sgid` of fs/inode.c). `mode` is the whole mode, including the type.
///
/// The kernel applies these rules to the mode *before* the umask. Pass that mode and mask the
/// result, or let [`acl::on_creation`](crate::acl::on_creation) do so. The caller checks with
/// [`may`] whether the file may be created: that takes write and search permission on `parent`.
#[must_use]
pub fn new_file(who: &Who<'_>, parent: &Owned<'_>, mode: u32) -> NewFile {
    let uid = who.credentials.fsuid;
    if parent.mode & SETGID == 0 {
        return NewFile { uid, gid: who.credentials.fsgid, mode };
    }
    let mode = if is_directory(mode) {
        mode | SETGID
    } else if runs_as_group(mode) && !who.may_set_group(parent.gid) {
        mode & !SETGID
    } else {
        mode
    };
    NewFile { uid, gid: parent.gid, mode }
}

/// Checks whether `who` may remove the name of `victim` from `directory`, as unlink(2) and rmdir(2)
/// do (`may_delete` of fs/namei.c). `as_directory` is true for a call that removes directories,
/// such as rmdir.
///
/// # Errors
/// EACCES if `directory` isn't writable and searchable; EPERM in a sticky directory; ENOTDIR or
/// EISDIR if the type doesn't fit the call.
pub fn may_delete(
    who: &Who<'_>,
    directory: &Owned<'_>,
    victim: &Owned<'_>,
    as_directory: bool,
) -> Result<(), Errno> {
    may(who, directory, Want::WRITE.with(Want::EXECUTE))?;
    let own = who.credentials.fsuid == victim.uid || who.credentials.fsuid == directory.uid;
    if directory.mode & STICKY != 0 && !own && !who.capable(Capabilities::FOWNER) {
        return Err(Errno::PERM);
    }
    match (as_directory, is_directory(victim.mode)) {
        (true, false) => Err(Errno::NOTDIR),
        (false, true) => Err(Errno::ISDIR),
        _ => Ok(()),
    }
}

/// A rename as rename(2) performs it.
#[derive(Clone, Copy, Debug)]
pub struct Rename<'a> {
    /// Directory that contains the old name.
    pub from: Owned<'a>,
    /// The renamed file.
    pub file: Owned<'a>,
    /// Directory that gets the new name.
    pub to: Owned<'a>,
    /// Whether `from` and `to` are the same directory.
    pub within: bool,
    /// File that has the new name now.
    pub other: Option<Owned<'a>>,
    /// Whether that file gets the old name (`RENAME_EXCHANGE`) instead of being removed.
    pub exchange: bool,
}

/// Checks whether `who` may perform a rename (`vfs_rename` of fs/namei.c). The kernel leaves two
/// names of the same file as they are, before any check.
///
/// # Errors
/// EACCES, EPERM, ENOTDIR or EISDIR if [`may_delete`] rejects one of the names; EACCES for an
/// unwritable directory that moves into another directory.
pub fn may_rename(who: &Who<'_>, rename: &Rename<'_>) -> Result<(), Errno> {
    let directory = is_directory(rename.file.mode);
    may_delete(who, &rename.from, &rename.file, directory)?;
    match &rename.other {
        None => may(who, &rename.to, Want::WRITE.with(Want::EXECUTE))?,
        Some(other) => {
            let as_directory = if rename.exchange { is_directory(other.mode) } else { directory };
            may_delete(who, &rename.to, other, as_directory)?;
        }
    }
    // A directory's entry `..` changes.
    if !rename.within && directory {
        may(who, &rename.file, Want::WRITE)?;
    }
    match &rename.other {
        Some(other) if rename.exchange && !rename.within && is_directory(other.mode) => {
            may(who, other, Want::WRITE)
        }
        _ => Ok(()),
    }
}

/// Checks whether `who` may link to `file`, as far as that depends on the file (`may_linkat` of
/// fs/namei.c). `protected` is the sysctl `fs.protected_hardlinks`. The kernel next checks write
/// and search permission on the directory with [`may`]. The file system itself refuses links to
/// directories.
///
/// # Errors
/// EPERM if links are protected, `who` neither owns the file nor has CAP_FOWNER, and the file isn't
/// regular, has set-ID bits, or isn't readable and writable.
pub fn may_link(who: &Who<'_>, file: &Owned<'_>, protected: bool) -> Result<(), Errno> {
    let harmless = is_regular(file.mode)
        && file.mode & SETUID == 0
        && !runs_as_group(file.mode)
        && may(who, file, Want::READ.with(Want::WRITE)).is_ok();
    if !protected || harmless || who.is_owner(file) { Ok(()) } else { Err(Errno::PERM) }
}
