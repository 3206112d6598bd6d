//! Names in directories: new ones, and those that go.

use newroot_abi::Errno;

use super::{Owned, Want, Who, may};
use crate::Capabilities;
use crate::mode::{SETGID, SETUID, STICKY, is_directory, is_regular, runs_as_group};

/// Whose a new file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its whole `st_mode`.
    pub mode: u32,
}

/// Whose a file is that `who` makes in `parent`, and its mode: `inode_init_owner` of fs/inode.c and
/// `mode_strip_sgid` of the same. `mode` is the whole one, type and all.
///
/// The kernel looks at the mode *before* the umask: give that, and mask what comes back, or have
/// [`acl::on_creation`](crate::acl::on_creation) do it. Whether it may be made is for [`may`] to say:
/// write and search on `parent`.
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

/// Whether `who` may take the name of `victim` from `directory`: unlink(2) and rmdir(2) (`may_delete` of
/// fs/namei.c). `as_directory` is whether the call is one for directories, as rmdir is.
///
/// # Errors
/// EACCES; EPERM in a sticky directory; ENOTDIR, EISDIR.
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

/// What rename(2) is to do.
#[derive(Clone, Copy, Debug)]
pub struct Rename<'a> {
    /// The directory that has the old name.
    pub from: Owned<'a>,
    /// The file.
    pub file: Owned<'a>,
    /// The directory that gets the new name.
    pub to: Owned<'a>,
    /// Whether `from` and `to` are one and the same directory.
    pub within: bool,
    /// What has the new name now.
    pub other: Option<Owned<'a>>,
    /// Whether that one gets the old name (`RENAME_EXCHANGE`), and doesn't go.
    pub exchange: bool,
}

/// Whether `who` may do so: `vfs_rename` of fs/namei.c. (Two names of the same file are left as they are,
/// before anything is asked.)
///
/// # Errors
/// As [`may_delete`]; EACCES for a directory that moves into another one and can't be written to.
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
    // Its entry `..` changes.
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

/// Whether `who` may give `file` another name, as far as the file goes: `may_linkat` of fs/namei.c,
/// where `protected` is the sysctl `fs.protected_hardlinks`. Write and search on the directory are for
/// [`may`], and come next; that a directory gets no other name is for the file system to say.
///
/// # Errors
/// EPERM.
pub fn may_link(who: &Who<'_>, file: &Owned<'_>, protected: bool) -> Result<(), Errno> {
    let harmless = is_regular(file.mode)
        && file.mode & SETUID == 0
        && !runs_as_group(file.mode)
        && may(who, file, Want::READ.with(Want::WRITE)).is_ok();
    if !protected || harmless || who.is_owner(file) { Ok(()) } else { Err(Errno::PERM) }
}
