//! What an exec makes of credentials (`bprm_fill_uid` of fs/exec.c, `cap_bprm_creds_from_file` of
//! security/commoncap.c). A process that is traced, or that shares its working directory with
//! another, isn't modelled: such a one gets less.

use newroot_abi::Errno;

use super::{Credentials, secure};
use crate::Capabilities;
use crate::mode::{SETUID, runs_as_group};

/// What matters of the file that is executed. For a script this is the interpreter in the end: the
/// script's own owner, mode and capabilities mean nothing. On a file system that is mounted nosuid, the
/// caller leaves out the set-id bits and the capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its owner.
    pub owner: u32,
    /// Its group.
    pub group: u32,
    /// Its `st_mode`.
    pub mode: u32,
    /// What its attribute `security.capability` holds.
    pub capabilities: Option<FileCapabilities>,
}

/// A file's capabilities (capabilities(7), `struct vfs_ns_cap_data` of `linux/capability.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileCapabilities {
    /// What the process gets, as far as its bounding set has it.
    pub permitted: Capabilities,
    /// What the process gets if it has it in its inheritable set.
    pub inheritable: Capabilities,
    /// Whether what it gets is in effect at once.
    pub effective: bool,
    /// The user ID of the root of the user namespace where they count. Ours is 0.
    pub root: u32,
}

/// What an exec leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executed {
    /// The new program's.
    pub credentials: Credentials,
    /// The value of `AT_SECURE`: the new program has more than its caller, and mustn't trust them.
    pub secure: bool,
}

impl FileCapabilities {
    /// Reads the value of an attribute `security.capability`: `get_vfs_caps_from_disk` of
    /// security/commoncap.c.
    ///
    /// # Errors
    /// EINVAL, with which an exec of such a file fails.
    pub fn decode(value: &[u8]) -> Result<Self, Errno> {
        const REVISION: u32 = 0xff00_0000;
        const EFFECTIVE: u32 = 1;
        let word = |index: usize| {
            let (words, _) = value.as_chunks::<4>();
            words.get(index).map_or(0, |word| u32::from_le_bytes(*word))
        };
        let head = if value.len() < 4 { 0 } else { word(0) };
        let (halves, root) = match (head & REVISION, value.len()) {
            (0x0100_0000, 12) => (1, 0),
            (0x0200_0000, 20) => (2, 0),
            (0x0300_0000, 24) => (2, word(5)),
            _ => return Err(Errno::INVAL),
        };
        let wide = |low: u32, high: u32| {
            let high = if halves == 2 { high } else { 0 };
            Capabilities(u64::from(low) | u64::from(high) << 32).existing()
        };
        Ok(Self {
            permitted: wide(word(1), word(3)),
            inheritable: wide(word(2), word(4)),
            effective: head & EFFECTIVE != 0,
            root,
        })
    }
}

impl Credentials {
    /// execve(2) of `program`, by a process with these supplementary groups.
    ///
    /// # Errors
    /// EPERM if the file's capabilities are to be in effect, and the process can't have all of them.
    pub fn exec(&self, groups: &[u32], program: &Program) -> Result<Executed, Errno> {
        let mut new = *self;
        if !self.no_new_privs() {
            if program.mode & SETUID != 0 {
                new.euid = program.owner;
            }
            if runs_as_group(program.mode) {
                new.egid = program.group;
            }
        }

        new.permitted = Capabilities::NONE;
        let from_file = program.capabilities.filter(|file| file.root == 0);
        let mut effective = false;
        if let Some(file) = from_file {
            effective = file.effective;
            new.permitted = self
                .bounding
                .intersection(file.permitted)
                .with(self.inheritable.intersection(file.inheritable));
            if effective && !new.permitted.has(file.permitted) {
                return Err(Errno::PERM);
            }
        }

        // Root gets all there is; but what a file says it needs is not exceeded by its set-user-ID bit.
        let becomes_root = new.ruid != 0 && new.euid == 0;
        let overrides = from_file.is_none() || !becomes_root;
        if overrides && !self.is_secure(secure::NOROOT) {
            if new.euid == 0 || new.ruid == 0 {
                new.permitted = self.bounding.with(self.inheritable);
            }
            effective |= new.euid == 0;
        }

        // Before Linux 6.16 it was the real ids that counted here.
        let in_group = new.egid == self.fsgid || groups.contains(&new.egid);
        let changed = new.euid != self.euid || !in_group;
        if (changed || !self.permitted.has(new.permitted)) && self.no_new_privs() {
            new.euid = new.ruid;
            new.egid = new.rgid;
            new.permitted = new.permitted.intersection(self.permitted);
        }
        (new.suid, new.fsuid) = (new.euid, new.euid);
        (new.sgid, new.fsgid) = (new.egid, new.egid);

        if from_file.is_some() || changed {
            new.ambient = Capabilities::NONE;
        }
        new.permitted = new.permitted.with(new.ambient);
        new.effective = if effective { new.permitted } else { new.ambient };
        new.securebits &= !secure::KEEP_CAPS;

        let elevated = new.ruid != 0 && (effective || !new.ambient.has(new.permitted));
        let secure = changed || new.euid != self.ruid || new.egid != self.rgid || elevated;
        Ok(Executed { credentials: new, secure })
    }
}
