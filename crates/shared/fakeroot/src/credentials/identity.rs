//! The system calls that change IDs (kernel/sys.c), and their effect on capabilities
//! (`cap_task_fix_setuid` of security/commoncap.c).

use newroot_abi::Errno;

use super::{Credentials, LEAVE, secure};
use crate::Capabilities;

/// The four IDs of a kind. Users and groups follow the same rules.
#[derive(Clone, Copy)]
struct Ids {
    real: u32,
    effective: u32,
    saved: u32,
    fs: u32,
}

impl Ids {
    /// Checks whether the process may assume `id` without privilege.
    const fn has(self, id: u32) -> bool {
        id == self.real || id == self.effective || id == self.saved
    }

    /// Performs setuid(2) or setgid(2).
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

    /// Performs setreuid(2) or setregid(2).
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

    /// Performs setresuid(2) or setresgid(2). A call that changes nothing leaves even the file
    /// system ID unchanged (since Linux 6.1; before, it was set to the effective ID).
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

/// Returns the new value of an ID.
const fn or(new: u32, old: u32) -> u32 {
    if new == LEAVE { old } else { new }
}

impl Credentials {
    /// Performs setuid(2).
    ///
    /// # Errors
    /// EPERM without permission; EINVAL for [`LEAVE`], which isn't a valid ID.
    pub fn setuid(&mut self, uid: u32) -> Result<(), Errno> {
        let new = self.uids().set(uid, self.capable(Capabilities::SETUID))?;
        self.set_uids(new);
        Ok(())
    }

    /// Performs setgid(2).
    ///
    /// # Errors
    /// EPERM without permission; EINVAL for [`LEAVE`], which isn't a valid ID.
    pub fn setgid(&mut self, gid: u32) -> Result<(), Errno> {
        let new = self.gids().set(gid, self.capable(Capabilities::SETGID))?;
        self.set_gids(new);
        Ok(())
    }

    /// Performs setreuid(2).
    ///
    /// # Errors
    /// EPERM without permission.
    pub fn setreuid(&mut self, real: u32, effective: u32) -> Result<(), Errno> {
        let new = self.uids().set_two(real, effective, self.capable(Capabilities::SETUID))?;
        self.set_uids(new);
        Ok(())
    }

    /// Performs setregid(2).
    ///
    /// # Errors
    /// EPERM without permission.
    pub fn setregid(&mut self, real: u32, effective: u32) -> Result<(), Errno> {
        let new = self.gids().set_two(real, effective, self.capable(Capabilities::SETGID))?;
        self.set_gids(new);
        Ok(())
    }

    /// Performs setresuid(2).
    ///
    /// # Errors
    /// EPERM without permission.
    pub fn setresuid(&mut self, real: u32, effective: u32, saved: u32) -> Result<(), Errno> {
        let new = self.uids().set_three(real, effective, saved, self.capable(Capabilities::SETUID))?;
        self.set_uids(new);
        Ok(())
    }

    /// Performs setresgid(2).
    ///
    /// # Errors
    /// EPERM without permission.
    pub fn setresgid(&mut self, real: u32, effective: u32, saved: u32) -> Result<(), Errno> {
        let new = self.gids().set_three(real, effective, saved, self.capable(Capabilities::SETGID))?;
        self.set_gids(new);
        Ok(())
    }

    /// Performs setfsuid(2). Returns the previous ID, whether it was changed or not.
    pub fn setfsuid(&mut self, uid: u32) -> u32 {
        let old = self.fsuid;
        let allowed = self.uids().has(uid) || self.capable(Capabilities::SETUID);
        if uid == LEAVE || uid == old || !allowed {
            return old;
        }
        self.fsuid = uid;
        if !self.is_secure(secure::NO_SETUID_FIXUP) {
            let file_system = Capabilities::FILE_SYSTEM;
            if old == 0 {
                self.effective = self.effective.without(file_system);
            } else if uid == 0 {
                self.effective = self.effective.with(self.permitted.intersection(file_system));
            }
        }
        old
    }

    /// Performs setfsgid(2). Returns the previous ID, whether it was changed or not.
    pub fn setfsgid(&mut self, gid: u32) -> u32 {
        let old = self.fsgid;
        if gid != LEAVE && (self.gids().has(gid) || self.capable(Capabilities::SETGID)) {
            self.fsgid = gid;
        }
        old
    }

    /// Checks whether setgroups(2) is allowed.
    ///
    /// # Errors
    /// EPERM without CAP_SETGID.
    pub fn may_set_groups(&self) -> Result<(), Errno> {
        self.need(Capabilities::SETGID)
    }

    const fn uids(&self) -> Ids {
        Ids { real: self.ruid, effective: self.euid, saved: self.suid, fs: self.fsuid }
    }

    const fn gids(&self) -> Ids {
        Ids { real: self.rgid, effective: self.egid, saved: self.sgid, fs: self.fsgid }
    }

    fn set_gids(&mut self, new: Ids) {
        self.rgid = new.real;
        self.egid = new.effective;
        self.sgid = new.saved;
        self.fsgid = new.fs;
    }

    fn set_uids(&mut self, new: Ids) {
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
            // Programs older than the ambient set assume that this call and an exec leave no
            // capabilities.
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
