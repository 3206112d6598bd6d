//! The calls that change ids (kernel/sys.c), and what becomes of the capabilities then
//! (`cap_task_fix_setuid` of security/commoncap.c).

use newroot_abi::Errno;

use super::{Credentials, LEAVE, secure};
use crate::Capabilities;

/// The four ids of a kind. Users and groups follow the same rules.
#[derive(Clone, Copy)]
struct Ids {
    real: u32,
    effective: u32,
    saved: u32,
    fs: u32,
}

impl Ids {
    /// Whether `id` is one that the process may take without privilege.
    const fn has(self, id: u32) -> bool {
        id == self.real || id == self.effective || id == self.saved
    }

    /// setuid(2), setgid(2).
    fn set(self, id: u32, capable: bool) -> Result<Self, Errno> {
        if id == LEAVE {
            Err(Errno::INVAL)
        } else if capable {
            Ok(Self { real: id, effective: id, saved: id, fs: id })
        } else if id == self.real || id == self.saved {
            Ok(Self { effective: id, fs: id, ..self })
        } else {
            Err(Errno::PERM)
        }
    }

    /// setreuid(2), setregid(2).
    fn set_two(self, real: u32, effective: u32, capable: bool) -> Result<Self, Errno> {
        let real_allowed = real == LEAVE || real == self.real || real == self.effective;
        let effective_allowed = effective == LEAVE || self.has(effective);
        let allowed = real_allowed && effective_allowed;
        if !capable && !allowed {
            return Err(Errno::PERM);
        }
        let mut new = self;
        new.real = or(real, self.real);
        new.effective = or(effective, self.effective);
        if real != LEAVE || (effective != LEAVE && effective != self.real) {
            new.saved = new.effective;
        }
        new.fs = new.effective;
        Ok(new)
    }

    /// setresuid(2), setresgid(2). A call that changes nothing leaves even the file system id alone
    /// (since Linux 6.1; before, it became the effective one).
    fn set_three(self, real: u32, effective: u32, saved: u32, capable: bool) -> Result<Self, Errno> {
        let new = Self {
            real: or(real, self.real),
            effective: or(effective, self.effective),
            saved: or(saved, self.saved),
            fs: or(effective, self.effective),
        };
        if new.real == self.real
            && new.effective == self.effective
            && new.saved == self.saved
            && (effective == LEAVE || effective == self.fs)
        {
            return Ok(self);
        }
        let allowed = self.has(new.real) && self.has(new.effective) && self.has(new.saved);
        if capable || allowed { Ok(new) } else { Err(Errno::PERM) }
    }
}

/// What an id becomes.
const fn or(new: u32, old: u32) -> u32 {
    if new == LEAVE { old } else { new }
}

impl Credentials {
    /// setuid(2).
    ///
    /// # Errors
    /// EPERM; EINVAL for [`LEAVE`], which is nobody's.
    pub fn setuid(&mut self, uid: u32) -> Result<(), Errno> {
        let new = self.uids().set(uid, self.capable(Capabilities::SETUID))?;
        self.take_uids(new);
        Ok(())
    }

    /// setgid(2).
    ///
    /// # Errors
    /// EPERM; EINVAL for [`LEAVE`], which is nobody's.
    pub fn setgid(&mut self, gid: u32) -> Result<(), Errno> {
        let new = self.gids().set(gid, self.capable(Capabilities::SETGID))?;
        self.take_gids(new);
        Ok(())
    }

    /// setreuid(2).
    ///
    /// # Errors
    /// EPERM.
    pub fn setreuid(&mut self, real: u32, effective: u32) -> Result<(), Errno> {
        let new = self.uids().set_two(real, effective, self.capable(Capabilities::SETUID))?;
        self.take_uids(new);
        Ok(())
    }

    /// setregid(2).
    ///
    /// # Errors
    /// EPERM.
    pub fn setregid(&mut self, real: u32, effective: u32) -> Result<(), Errno> {
        let new = self.gids().set_two(real, effective, self.capable(Capabilities::SETGID))?;
        self.take_gids(new);
        Ok(())
    }

    /// setresuid(2).
    ///
    /// # Errors
    /// EPERM.
    pub fn setresuid(&mut self, real: u32, effective: u32, saved: u32) -> Result<(), Errno> {
        let new = self.uids().set_three(real, effective, saved, self.capable(Capabilities::SETUID))?;
        self.take_uids(new);
        Ok(())
    }

    /// setresgid(2).
    ///
    /// # Errors
    /// EPERM.
    pub fn setresgid(&mut self, real: u32, effective: u32, saved: u32) -> Result<(), Errno> {
        let new = self.gids().set_three(real, effective, saved, self.capable(Capabilities::SETGID))?;
        self.take_gids(new);
        Ok(())
    }

    /// setfsuid(2): returns the old one, and doesn't tell whether it was changed.
    pub fn setfsuid(&mut self, uid: u32) -> u32 {
        let old = self.fsuid;
        let allowed = self.uids().has(uid) || self.capable(Capabilities::SETUID);
        if uid == LEAVE || uid == old || !allowed {
            return old;
        }
        self.fsuid = uid;
        if !self.is_secure(secure::NO_SETUID_FIXUP) {
            let of_files = Capabilities::FILE_SYSTEM;
            if old == 0 {
                self.effective = self.effective.without(of_files);
            } else if uid == 0 {
                self.effective = self.effective.with(self.permitted.intersection(of_files));
            }
        }
        old
    }

    /// setfsgid(2): returns the old one, and doesn't tell whether it was changed.
    pub fn setfsgid(&mut self, gid: u32) -> u32 {
        let old = self.fsgid;
        if gid != LEAVE && (self.gids().has(gid) || self.capable(Capabilities::SETGID)) {
            self.fsgid = gid;
        }
        old
    }

    /// Whether setgroups(2) is allowed.
    ///
    /// # Errors
    /// EPERM.
    pub fn may_set_groups(&self) -> Result<(), Errno> {
        self.need(Capabilities::SETGID)
    }

    const fn uids(&self) -> Ids {
        Ids { real: self.ruid, effective: self.euid, saved: self.suid, fs: self.fsuid }
    }

    const fn gids(&self) -> Ids {
        Ids { real: self.rgid, effective: self.egid, saved: self.sgid, fs: self.fsgid }
    }

    fn take_gids(&mut self, new: Ids) {
        self.rgid = new.real;
        self.egid = new.effective;
        self.sgid = new.saved;
        self.fsgid = new.fs;
    }

    fn take_uids(&mut self, new: Ids) {
        let old = self.uids();
        self.ruid = new.real;
        self.euid = new.effective;
        self.suid = new.saved;
        self.fsuid = new.fs;
        if self.is_secure(secure::NO_SETUID_FIXUP) {
            return;
        }
        if old.has(0) && !new.has(0) {
            if !self.is_secure(secure::KEEP_CAPS) {
                self.permitted = Capabilities::NONE;
                self.effective = Capabilities::NONE;
            }
            // Programs older than the ambient set take it that this and an exec leave nothing.
            self.ambient = Capabilities::NONE;
        }
        if old.effective == 0 && new.effective != 0 {
            self.effective = Capabilities::NONE;
        }
        if old.effective != 0 && new.effective == 0 {
            self.effective = self.permitted;
        }
    }
}
