//! What a process may do to a file of given owner, group, mode and ACL, and what the file is
//! afterwards. The rules are those of the kernel's fs/namei.c, fs/attr.c, fs/open.c, fs/inode.c and
//! fs/xattr.c, with the credentials and the owners that the guest believes in.

mod attribute;
mod change;
mod entry;
mod process;

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

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// Their ids and capabilities.
    pub credentials: &'a Credentials,
    /// Their supplementary groups, in any order.
    pub groups: &'a [u32],
}

/// What is known of a file's owners and permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owned<'a> {
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its whole `st_mode`, with the type.
    pub mode: u32,
    /// The value of its attribute `system.posix_acl_access`, if it has one.
    pub acl: Option<&'a [u8]>,
}

/// What is asked for: a set of read, write and execute. For a directory, to execute is to search it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want(pub u32);

impl Want {
    /// Nothing: whether it is there.
    pub const NOTHING: Self = Self(0);
    /// To execute, or to search.
    pub const EXECUTE: Self = Self(1);
    /// To write.
    pub const WRITE: Self = Self(2);
    /// To read.
    pub const READ: Self = Self(4);

    /// Both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of `other` is in it.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    const fn bits(self) -> u32 {
        self.0 & 7
    }
}

impl Who<'_> {
    /// Whether they belong to `gid`, where files are concerned: `in_group_p` of kernel/groups.c.
    #[must_use]
    pub fn in_group(&self, gid: u32) -> bool {
        gid == self.credentials.fsgid || self.groups.contains(&gid)
    }

    /// Whether they belong to `gid`, where files aren't concerned: `in_egroup_p` of kernel/groups.c.
    #[must_use]
    pub fn in_effective_group(&self, gid: u32) -> bool {
        gid == self.credentials.egid || self.groups.contains(&gid)
    }

    /// Whether they have `capability` in effect.
    #[must_use]
    pub const fn capable(&self, capability: Capabilities) -> bool {
        self.credentials.capable(capability)
    }

    /// Whether they own the file, or may do as if: `inode_owner_or_capable` of fs/inode.c.
    #[must_use]
    pub const fn is_owner(&self, file: &Owned<'_>) -> bool {
        self.credentials.fsuid == file.uid || self.capable(Capabilities::FOWNER)
    }

    /// EPERM for who isn't like the owner.
    const fn must_be_owner(&self, file: &Owned<'_>) -> Result<(), Errno> {
        if self.is_owner(file) { Ok(()) } else { Err(Errno::PERM) }
    }

    /// Whether they may leave set-group-ID on a file of group `gid`: `in_group_or_capable` of
    /// fs/inode.c.
    fn may_set_group(&self, gid: u32) -> bool {
        self.in_group(gid) || self.capable(Capabilities::FSETID)
    }
}

/// Whether `who` may do `want` with `file`: `generic_permission` of fs/namei.c.
///
/// # Errors
/// EACCES; EIO for an ACL that makes no sense.
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
    // Nobody may execute what nobody may execute.
    let overridable = directory || !want.has(Want::EXECUTE) || file.mode & ANY_EXECUTE != 0;
    if overridable && who.capable(Capabilities::DAC_OVERRIDE) { Ok(()) } else { Err(Errno::ACCES) }
}

/// The part that asks for no capability: `acl_permission_check` of fs/namei.c.
fn by_mode(who: &Who<'_>, file: &Owned<'_>, want: Want) -> Result<(), Errno> {
    let granted = |bits: u32| if want.bits() & !bits == 0 { Ok(()) } else { Err(Errno::ACCES) };
    if who.credentials.fsuid == file.uid {
        return granted(file.mode >> 6);
    }
    // An ACL whose mask is empty isn't asked. Who it names then counts among the others.
    if let Some(list) = file.acl.filter(|_| file.mode & 0o070 != 0) {
        return acl::permits(list, who, file, want);
    }
    // It matters only where group and others differ; where they don't, the kernel doesn't look.
    granted(if who.in_group(file.gid) { file.mode >> 3 } else { file.mode })
}

/// Whether `who` may do `want` with `file`, for access(2) and for faccessat2(2) without
/// `AT_EACCESS`: as their real ids, and with the capabilities that go with these
/// (`access_override_creds` of fs/open.c).
///
/// # Errors
/// EACCES; EIO for an ACL that makes no sense.
pub fn may_as_real(who: &Who<'_>, file: &Owned<'_>, want: Want) -> Result<(), Errno> {
    may(&Who { credentials: &as_real(who.credentials), groups: who.groups }, file, want)
}

/// The credentials that access(2) looks at files with; those on the way to the file as well.
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

/// `mode` with the permission bits of `permissions`.
const fn with_permissions(mode: u32, permissions: u32) -> u32 {
    mode & !PERMISSIONS | permissions & PERMISSIONS
}
