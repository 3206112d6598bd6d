//! capset(2), and the prctl(2) calls about privileges (`cap_capset` and `cap_task_prctl` of
//! security/commoncap.c; kernel/sys.c for no_new_privs).
//!
//! The caller checks the arguments that prctl requires to be zero.

use newroot_abi::Errno;

use super::{Credentials, secure};
use crate::Capabilities;

/// Returns the capability with this number, or EINVAL.
fn numbered(number: u64) -> Result<Capabilities, Errno> {
    Capabilities::from_number(number).ok_or(Errno::INVAL)
}

impl Credentials {
    /// Performs capset(2). Bits without a meaning are dropped.
    ///
    /// # Errors
    /// EPERM if a set isn't within the limits of the current sets.
    pub fn capset(
        &mut self,
        effective: Capabilities,
        permitted: Capabilities,
        inheritable: Capabilities,
    ) -> Result<(), Errno> {
        let (effective, permitted) = (effective.existing(), permitted.existing());
        let inheritable = inheritable.existing();
        let within_permitted = self.inheritable.with(self.permitted).has(inheritable);
        let within_bounding = self.inheritable.with(self.bounding).has(inheritable);
        if !(within_permitted || self.capable(Capabilities::SETPCAP))
            || !within_bounding
            || !self.permitted.has(permitted)
            || !permitted.has(effective)
        {
            return Err(Errno::PERM);
        }
        self.effective = effective;
        self.permitted = permitted;
        self.inheritable = inheritable;
        self.ambient = self.ambient.intersection(permitted.intersection(inheritable));
        Ok(())
    }

    /// Performs `PR_GET_KEEPCAPS`.
    #[must_use]
    pub const fn keep_caps(&self) -> bool {
        self.is_secure(secure::KEEP_CAPS)
    }

    /// Performs `PR_SET_KEEPCAPS`.
    ///
    /// # Errors
    /// EINVAL if `value` is neither 0 nor 1; EPERM if the bit is locked.
    pub fn set_keep_caps(&mut self, value: u64) -> Result<(), Errno> {
        if value > 1 {
            return Err(Errno::INVAL);
        }
        if self.is_secure(secure::KEEP_CAPS << 1) {
            return Err(Errno::PERM);
        }
        if value == 1 {
            self.securebits |= secure::KEEP_CAPS;
        } else {
            self.securebits &= !secure::KEEP_CAPS;
        }
        Ok(())
    }

    /// Performs `PR_SET_SECUREBITS`. (`PR_GET_SECUREBITS` returns [`Self::securebits`].)
    ///
    /// # Errors
    /// EPERM for a locked or unknown bit, or without CAP_SETPCAP.
    pub fn set_securebits(&mut self, value: u64) -> Result<(), Errno> {
        let Ok(bits) = u32::try_from(value) else { return Err(Errno::PERM) };
        let locks = self.securebits & secure::LOCKS;
        let changed = self.securebits ^ bits;
        if (locks >> 1) & changed != 0 || locks & !bits != 0 || bits & !(secure::ALL | secure::LOCKS) != 0 {
            return Err(Errno::PERM);
        }
        // Since Linux 6.14, bits that only programs evaluate need no privilege. But without
        // CAP_SETPCAP a call that changes nothing still fails, as it always did.
        let free = secure::UNPRIVILEGED | secure::UNPRIVILEGED << 1;
        if !self.capable(Capabilities::SETPCAP) && (changed == 0 || changed & !free != 0) {
            return Err(Errno::PERM);
        }
        self.securebits = bits;
        Ok(())
    }

    /// Performs `PR_CAPBSET_READ`.
    ///
    /// # Errors
    /// EINVAL if no capability has this number.
    pub fn bounding_read(&self, number: u64) -> Result<bool, Errno> {
        Ok(self.bounding.has(numbered(number)?))
    }

    /// Performs `PR_CAPBSET_DROP`.
    ///
    /// # Errors
    /// EPERM without CAP_SETPCAP; EINVAL if no capability has this number.
    pub fn bounding_drop(&mut self, number: u64) -> Result<(), Errno> {
        self.need(Capabilities::SETPCAP)?;
        self.bounding = self.bounding.without(numbered(number)?);
        Ok(())
    }

    /// Performs `PR_CAP_AMBIENT_IS_SET`.
    ///
    /// # Errors
    /// EINVAL if no capability has this number.
    pub fn ambient_is_set(&self, number: u64) -> Result<bool, Errno> {
        Ok(self.ambient.has(numbered(number)?))
    }

    /// Performs `PR_CAP_AMBIENT_RAISE`.
    ///
    /// # Errors
    /// EPERM if the capability isn't both permitted and inheritable, or if a securebit forbids it;
    /// EINVAL if no capability has this number.
    pub fn ambient_raise(&mut self, number: u64) -> Result<(), Errno> {
        let capability = numbered(number)?;
        if !self.permitted.intersection(self.inheritable).has(capability)
            || self.is_secure(secure::NO_CAP_AMBIENT_RAISE)
        {
            return Err(Errno::PERM);
        }
        self.ambient = self.ambient.with(capability);
        Ok(())
    }

    /// Performs `PR_CAP_AMBIENT_LOWER`.
    ///
    /// # Errors
    /// EINVAL if no capability has this number.
    pub fn ambient_lower(&mut self, number: u64) -> Result<(), Errno> {
        self.ambient = self.ambient.without(numbered(number)?);
        Ok(())
    }

    /// Performs `PR_CAP_AMBIENT_CLEAR_ALL`.
    pub fn ambient_clear(&mut self) {
        self.ambient = Capabilities::NONE;
    }

    /// Performs `PR_GET_NO_NEW_PRIVS`.
    #[must_use]
    pub const fn no_new_privs(&self) -> bool {
        self.flags & Self::NO_NEW_PRIVS != 0
    }

    /// Performs `PR_SET_NO_NEW_PRIVS`.
    ///
    /// # Errors
    /// EINVAL if `value` isn't 1, because the bit can't be cleared.
    pub fn set_no_new_privs(&mut self, value: u64) -> Result<(), Errno> {
        if value != 1 {
            return Err(Errno::INVAL);
        }
        self.flags |= Self::NO_NEW_PRIVS;
        Ok(())
    }
}
