//! The effect of an exec on credentials (`bprm_fill_uid` of fs/exec.c, `cap_bprm_creds_from_file`
//! of security/commoncap.c). The model doesn't cover a process that is traced or that shares its
//! working directory with another process: such a process gets fewer privileges.

use newroot_abi::Errno;

use super::{Credentials, secure};
use crate::Capabilities;
use crate::mode::{SETUID, runs_as_group};

/// The metadata of the executed file that affects credentials. For a script it is that of the last
/// interpreter: the script's own owner, mode and capabilities have no effect. On a file system that
/// is mounted nosuid, the caller leaves out the set-ID bits and the capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// Owner of the file.
    pub owner: u32,
    /// Group of the file.
    pub group: u32,
    /// `st_mode` of the file.
    pub mode: u32,
    /// Value of the attribute `security.capability`.
    pub capabilities: Option<FileCapabilities>,
}

/// Capabilities of a file (capabilities(7), `struct vfs_ns_cap_data` of `linux/capability.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileCapabilities {
    /// Capabilities that the process gets if its bounding set contains them.
    pub permitted: Capabilities,
    /// Capabilities that the process gets if its inheritable set contains them.
    pub inheritable: Capabilities,
    /// Whether the capabilities that the process gets are effective at once.
    pub effective: bool,
    /// User ID of the root of the user namespace in which the capabilities apply. Here it is 0.
    pub root: u32,
}

/// Result of an exec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Executed {
    /// Credentials of the new program.
    pub credentials: Credentials,
    /// Value of `AT_SECURE`: the new program has more privileges than its caller, and must not
    /// trust it.
    pub secure: bool,
}

/// Fields of a value's first word.
const REVISION: u32 = 0xff00_0000;
const REVISION_1: u32 = 0x0100_0000;
const REVISION_2: u32 = 0x0200_0000;
const REVISION_3: u32 = 0x0300_0000;
const EFFECTIVE: u32 = 1;

/// Lengths of a value of revision 2 and of revision 3, which adds the root's user ID.
const LENGTH_2: usize = 20;
const LENGTH_3: usize = 24;

/// Returns the word of a value with this index.
fn word(value: &[u8], index: usize) -> u32 {
    let (words, _) = value.as_chunks::<4>();
    words.get(index).map_or(0, |word| u32::from_le_bytes(*word))
}

impl FileCapabilities {
    /// Length of the longest value.
    pub const MAX: usize = LENGTH_3;

    /// Checks whether setxattr accepts such a value, which it does before it checks the caller's
    /// permission (`cap_convert_nscap` of security/commoncap.c).
    ///
    /// Unlike the kernel, this function deliberately rejects an empty value. The kernel skips the
    /// check for it, so that any process may set it on any file, and then refuses to execute that
    /// file.
    ///
    /// # Errors
    /// EINVAL if the revision or the length is wrong.
    pub fn check(value: &[u8]) -> Result<(), Errno> {
        match (word(value, 0) & !EFFECTIVE, value.len()) {
            (REVISION_2, LENGTH_2) => Ok(()),
            (REVISION_3, LENGTH_3) if word(value, 5) != u32::MAX => Ok(()),
            _ => Err(Errno::INVAL),
        }
    }

    /// Writes the value that getxattr returns after setxattr(`value`) to `out`, and returns its
    /// length. `value` must pass [`Self::check`]. A value of revision 3 for root appears as one of
    /// revision 2 (`cap_inode_getsecurity` of security/commoncap.c).
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

    /// Reads the value of an attribute `security.capability` (`get_vfs_caps_from_disk` of
    /// security/commoncap.c).
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
    /// Returns the result of an execve(2) of `program` by a process with these supplementary
    /// groups.
    ///
    /// # Errors
    /// EPERM if the file's capabilities are to be effective and the process can't get all of them.
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

        // Root gets all capabilities. But if a file has capabilities, its set-user-ID bit for root
        // doesn't add to them.
        let becomes_root = new.ruid != 0 && new.euid == 0;
        let overrides = from_file.is_none() || !becomes_root;
        if overrides && !self.is_secure(secure::NOROOT) {
            if new.euid == 0 || new.ruid == 0 {
                new.permitted = self.bounding.with(self.inheritable);
            }
            effective |= new.euid == 0;
        }

        // Before Linux 6.16 the kernel compared the real IDs here.
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
