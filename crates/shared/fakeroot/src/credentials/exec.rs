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

/// The parts of a value's first word.
const REVISION: u32 = 0xff00_0000;
const REVISION_1: u32 = 0x0100_0000;
const REVISION_2: u32 = 0x0200_0000;
const REVISION_3: u32 = 0x0300_0000;
const EFFECTIVE: u32 = 1;

/// The length of a value of revision 2; one of revision 3 has the root's user ID behind that.
const LENGTH_2: usize = 20;
const LENGTH_3: usize = 24;

/// A word of a value, from its number.
fn word(value: &[u8], index: usize) -> u32 {
    let (words, _) = value.as_chunks::<4>();
    words.get(index).map_or(0, |word| u32::from_le_bytes(*word))
}

impl FileCapabilities {
    /// The length of the longest value.
    pub const MAX: usize = LENGTH_3;

    /// Whether setxattr takes such a value, before it asks who sets it: `cap_convert_nscap` of
    /// security/commoncap.c. An empty value is refused, on purpose: the kernel forgets to look at it, lets
    /// anybody set it on any file, and executes that file no more.
    ///
    /// # Errors
    /// EINVAL.
    pub fn check(value: &[u8]) -> Result<(), Errno> {
        match (word(value, 0) & !EFFECTIVE, value.len()) {
            (REVISION_2, LENGTH_2) => Ok(()),
            (REVISION_3, LENGTH_3) if word(value, 5) != u32::MAX => Ok(()),
            _ => Err(Errno::INVAL),
        }
    }

    /// The value that getxattr shows after setxattr was given `value`, which has to be one that
    /// [`Self::check`] passes: root's of revision 3 looks like one of revision 2 (`cap_inode_getsecurity`
    /// of security/commoncap.c). Returns its length.
    #[must_use]
    pub fn shown(value: &[u8], out: &mut [u8; Self::MAX]) -> usize {
        let len = if value.len() == LENGTH_3 && word(value, 5) == 0 { LENGTH_2 } else { value.len() };
        let len = len.min(Self::MAX);
        if let (Some(to), Some(from)) = (out.get_mut(..len), value.get(..len)) {
            to.copy_from_slice(from);
        }
        if let (LENGTH_2, Some(head)) = (len, out.first_chunk_mut()) {
            *head = (REVISION_2 | word(value, 0) & EFFECTIVE).to_le_bytes();
        }
        len
    }

    /// Reads the value of an attribute `security.capability`: `get_vfs_caps_from_disk` of
    /// security/commoncap.c.
    ///
    /// # Errors
    /// EINVAL, with which an exec of such a file fails.
    pub fn decode(value: &[u8]) -> Result<Self, Errno> {
        let head = word(value, 0);
        let (halves, root) = match (head & REVISION, value.len()) {
            (REVISION_1, 12) => (1, 0),
            (REVISION_2, LENGTH_2) => (2, 0),
            (REVISION_3, LENGTH_3) => (2, word(value, 5)),
            _ => return Err(Errno::INVAL),
        };
        let wide = |low: u32, high: u32| {
            let high = if halves == 2 { high } else { 0 };
            Capabilities(u64::from(low) | u64::from(high) << 32).existing()
        };
        Ok(Self {
            permitted: wide(word(value, 1), word(value, 3)),
            inheritable: wide(word(value, 2), word(value, 4)),
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
