//! What a process is, to the kernel: its ids and its capabilities (credentials(7), capabilities(7),
//! `struct cred` of `linux/cred.h`). Supplementary groups are kept by the caller, for there may be
//! 65536 of them.

mod control;
mod exec;
mod identity;

pub use exec::{Executed, FileCapabilities, Program};

use newroot_abi::Errno;

use crate::Capabilities;

/// An id that stands for "leave it as it is" (setresuid(2), chown(2)).
pub const LEAVE: u32 = u32::MAX;

/// A process's ids and capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Credentials {
    /// The real user ID: who started it.
    pub ruid: u32,
    /// The effective user ID.
    pub euid: u32,
    /// The saved set-user-ID: what it may return to.
    pub suid: u32,
    /// The user ID that files are asked about.
    pub fsuid: u32,
    /// The real group ID.
    pub rgid: u32,
    /// The effective group ID.
    pub egid: u32,
    /// The saved set-group-ID.
    pub sgid: u32,
    /// The group ID that files are asked about.
    pub fsgid: u32,
    /// What a program may get from its file's inheritable set.
    pub inheritable: Capabilities,
    /// What it may make effective.
    pub permitted: Capabilities,
    /// What it can do now.
    pub effective: Capabilities,
    /// What an exec may give at most.
    pub bounding: Capabilities,
    /// What an exec of an ordinary program keeps.
    pub ambient: Capabilities,
    /// How far user ID zero is special ([`secure`]).
    pub securebits: u32,
    /// [`Credentials::NO_NEW_PRIVS`], or nothing.
    pub flags: u32,
}

/// Bits of [`Credentials::securebits`] (`linux/securebits.h`). The bit above each locks it.
pub mod secure {
    /// User ID zero gets no capabilities by an exec.
    pub const NOROOT: u32 = 1 << 0;
    /// Changes from and to user ID zero leave capabilities alone.
    pub const NO_SETUID_FIXUP: u32 = 1 << 2;
    /// Leaving user ID zero keeps the permitted set; until the next exec.
    pub const KEEP_CAPS: u32 = 1 << 4;
    /// Nothing is added to the ambient set.
    pub const NO_CAP_AMBIENT_RAISE: u32 = 1 << 6;
    /// Interpreters ask the kernel about files (Linux 6.14).
    pub const EXEC_RESTRICT_FILE: u32 = 1 << 8;
    /// Interpreters take no commands but from files (Linux 6.14).
    pub const EXEC_DENY_INTERACTIVE: u32 = 1 << 10;

    /// Those that anybody may set, for they bind none but willing interpreters.
    pub(crate) const UNPRIVILEGED: u32 = EXEC_RESTRICT_FILE | EXEC_DENY_INTERACTIVE;
    /// All of them, without their locks.
    pub(crate) const ALL: u32 = NOROOT | NO_SETUID_FIXUP | KEEP_CAPS | NO_CAP_AMBIENT_RAISE | UNPRIVILEGED;
    /// The locks.
    pub(crate) const LOCKS: u32 = ALL << 1;
}

impl Credentials {
    /// In [`Self::flags`]: no exec gives privileges any more (`PR_SET_NO_NEW_PRIVS`).
    pub const NO_NEW_PRIVS: u32 = 1;

    /// Root, as init is it: all capabilities, permitted and effective.
    #[must_use]
    pub const fn root() -> Self {
        Self::user(0, 0)
    }

    /// A user as login(1) leaves them: no capability, unless they are root.
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

    /// Whether it has `capability` in effect: `capable()` of kernel/capability.c.
    #[must_use]
    pub const fn capable(&self, capability: Capabilities) -> bool {
        self.effective.has(capability)
    }

    /// Whether the securebit is set.
    #[must_use]
    pub const fn is_secure(&self, bit: u32) -> bool {
        self.securebits & bit != 0
    }

    /// EPERM without `capability`.
    const fn need(&self, capability: Capabilities) -> Result<(), Errno> {
        if self.capable(capability) { Ok(()) } else { Err(Errno::PERM) }
    }
}
