//! The terms in which permission checks are asked: the process, the file and the access.

use newroot_abi::Errno;

use crate::{Capabilities, Credentials};

/// Identity of the process that asks for access.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// IDs and capabilities of the process.
    pub credentials: &'a Credentials,
    /// Supplementary groups of the process, in any order.
    pub groups: &'a [u32],
}

/// Owner and permissions of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owned<'a> {
    /// Owner of the file.
    pub uid: u32,
    /// Group of the file.
    pub gid: u32,
    /// The whole `st_mode`, including the type.
    pub mode: u32,
    /// Value of the attribute `system.posix_acl_access`, if the file has one.
    pub acl: Option<&'a [u8]>,
}

/// Requested access: a set of read, write and execute. For a directory, execute means search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want(pub u32);

impl Want {
    /// No access: checks only that the file exists.
    pub const NOTHING: Self = Self(0);
    /// Execute a file or search a directory.
    pub const EXECUTE: Self = Self(1);
    /// Write.
    pub const WRITE: Self = Self(2);
    /// Read.
    pub const READ: Self = Self(4);

    /// Returns the union of both sets.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Checks whether all of `other` is in the set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    pub(crate) const fn bits(self) -> u32 {
        self.0 & 7
    }
}

impl Who<'_> {
    /// Checks whether the process belongs to `gid` for file access (`in_group_p` of
    /// kernel/groups.c).
    #[must_use]
    pub fn in_group(&self, gid: u32) -> bool {
        gid == self.credentials.fsgid || self.groups.contains(&gid)
    }

    /// Checks whether the process belongs to `gid` for anything but file access (`in_egroup_p` of
    /// kernel/groups.c).
    #[must_use]
    pub fn in_effective_group(&self, gid: u32) -> bool {
        gid == self.credentials.egid || self.groups.contains(&gid)
    }

    /// Checks whether `capability` is in the effective set.
    #[must_use]
    pub const fn capable(&self, capability: Capabilities) -> bool {
        self.credentials.capable(capability)
    }

    /// Checks whether the process owns the file or has CAP_FOWNER (`inode_owner_or_capable` of
    /// fs/inode.c).
    #[must_use]
    pub const fn is_owner(&self, file: &Owned<'_>) -> bool {
        self.credentials.fsuid == file.uid || self.capable(Capabilities::FOWNER)
    }

    /// Fails with EPERM unless [`is_owner`](Self::is_owner) returns true.
    pub(crate) const fn must_be_owner(&self, file: &Owned<'_>) -> Result<(), Errno> {
        if self.is_owner(file) { Ok(()) } else { Err(Errno::PERM) }
    }

    /// Checks whether the process may keep set-group-ID on a file of group `gid`
    /// (`in_group_or_capable` of fs/inode.c).
    pub(crate) fn may_set_group(&self, gid: u32) -> bool {
        self.in_group(gid) || self.capable(Capabilities::FSETID)
    }
}
