//! The IDs and capabilities of a process (credentials(7), capabilities(7), `struct cred` of
//! `linux/cred.h`). The caller keeps the supplementary groups, because there may be 65536 of them.

mod control;
mod exec;
mod identity;

pub use exec::{Executed, FileCapabilities, Program};

use newroot_abi::Errno;

use crate::Capabilities;

/// ID that means "leave unchanged" (setresuid(2), chown(2)).
pub const LEAVE: u32 = u32::MAX;

/// IDs and capabilities of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Credentials {
    /// Real user ID: the user who started the process.
    pub ruid: u32,
    /// Effective user ID.
    pub euid: u32,
    /// Saved set-user-ID, to which the process may return.
    pub suid: u32,
    /// User ID for file access.
    pub fsuid: u32,
    /// Real group ID.
    pub rgid: u32,
    /// Effective group ID.
    pub egid: u32,
    /// Saved set-group-ID.
    pub sgid: u32,
    /// Group ID for file access.
    pub fsgid: u32,
    /// Capabilities that a program may get from its file's inheritable set.
    pub inheritable: Capabilities,
    /// Capabilities that the process may make effective.
    pub permitted: Capabilities,
    /// Capabilities in effect.
    pub effective: Capabilities,
    /// Upper limit of the capabilities that an exec gives.
    pub bounding: Capabilities,
    /// Capabilities that an exec of an ordinary program keeps.
    pub ambient: Capabilities,
    /// Extent to which user ID zero is special ([`secure`]).
    pub securebits: u32,
    /// [`Credentials::NO_NEW_PRIVS`], or zero.
    pub flags: u32,
}

/// Bits of [`Credentials::securebits`] (`linux/securebits.h`). The next higher bit of each locks
/// it.
pub mod secure {
    /// An exec gives no capabilities to user ID zero.
    pub const NOROOT: u32 = 1 << 0;
    /// A change from or to user ID zero leaves capabilities unchanged.
    pub const NO_SETUID_FIXUP: u32 = 1 << 2;
    /// Leaving user ID zero keeps the permitted set, until the next exec.
    pub const KEEP_CAPS: u32 = 1 << 4;
    /// The ambient set can't be extended.
    pub const NO_CAP_AMBIENT_RAISE: u32 = 1 << 6;
    /// Interpreters ask the kernel whether a file may be executed (Linux 6.14).
    pub const EXEC_RESTRICT_FILE: u32 = 1 << 8;
    /// Interpreters accept commands only from files (Linux 6.14).
    pub const EXEC_DENY_INTERACTIVE: u32 = 1 << 10;

    /// Bits that need no privilege, because they bind only interpreters that cooperate.
    pub(crate) const UNPRIVILEGED: u32 = EXEC_RESTRICT_FILE | EXEC_DENY_INTERACTIVE;
    /// All bits, without their locks.
    pub(crate) const ALL: u32 = NOROOT | NO_SETUID_FIXUP | KEEP_CAPS | NO_CAP_AMBIENT_RAISE | UNPRIVILEGED;
    /// The locks of all bits.
    pub(crate) const LOCKS: u32 = ALL << 1;
}

impl Credentials {
    /// Bit of [`Self::flags`]: an exec gives no privileges any more (`PR_SET_NO_NEW_PRIVS`).
    pub const NO_NEW_PRIVS: u32 = 1;

    /// Returns the credentials of root as init has them: all capabilities, permitted and effective.
    #[must_use]
    pub const fn root() -> Self {
        Self::user(0, 0)
    }

    /// Returns the credentials that login(1) gives a user: no capability, except for root.
    #[must_use]
    pub const fn user(uid: u32, gid: u32) -> Self {
        let held = if uid == 0 { Capabilities::ALL } else { Capabilities::NONE };
        Self {
            ruid: uid,
            euid: uid,
            suid: uid,
            fsuid: uid,
            rgid: gid,
            egid: gid,
            sgid: gid,
            fsgid: gid,
            inheritable: Capabilities::NONE,
            permitted: held,
            effective: held,
            bounding: Capabilities::ALL,
            ambient: Capabilities::NONE,
            securebits: 0,
            flags: 0,
        }
    }

    /// Checks whether `capability` is in effect (`capable()` of kernel/capability.c).
    #[must_use]
    pub const fn capable(&self, capability: Capabilities) -> bool {
        self.effective.has(capability)
    }

    /// Checks whether the securebit is set.
    #[must_use]
    pub const fn is_secure(&self, bit: u32) -> bool {
        self.securebits & bit != 0
    }

    /// Fails with EPERM without `capability`.
    const fn need(&self, capability: Capabilities) -> Result<(), Errno> {
        if self.capable(capability) { Ok(()) } else { Err(Errno::PERM) }
    }
}
