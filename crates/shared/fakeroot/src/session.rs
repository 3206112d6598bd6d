//! The session file: data that all processes with fake root on the same root share.
//!
//! The identity of a process must follow it across fork and exec, be its own after vfork, disappear
//! with it, and be visible to other processes (kill(2), `SO_PEERCRED`, `/proc/PID/status`). The
//! kernel keeps one word for each process that meets all these requirements: the soft limit of
//! `RLIMIT_LOCKS`, which Linux has not enforced since 2.4. It refers to a record in the file. A
//! record never changes, and its space isn't reused while a limit refers to it.
//!
//! The first launcher creates the file with a [header](encode_header), and every process maps it.
//! Behind the header lie the blocks of an [`arena`]. They hold
//! [identities](encode_record), the [launches](encode_session) from which processes come, and
//! [roots and mounts](crate::tree). All data consists of native-endian words.

use crate::arena::{self, HEAD_WORDS};
use crate::{Capabilities, Credentials};

/// Version in the file's name: each version of newroot uses only files of its own version.
pub const VERSION: &str = "2";
/// Initial size of the file in bytes, all of which are allocated on disk.
pub const FIRST_SIZE: usize = 64 << 10;
/// Maximum size of the file in bytes.
pub const MAX_SIZE: usize = 64 << 20;
/// Suffix that is added to the file's name for the directory that holds the guest's file systems in
/// memory.
pub const MEMORY_SUFFIX: &[u8] = b".d";
/// Position of the first block, in bytes.
pub const RECORDS: usize = 8192;

/// The resource limit that refers to a process's record (getrlimit(2)).
pub const RESOURCE: u32 = 10;

const MAGIC: u32 = 0x6e72_7332;

/// Words of the header.
pub const HEADER_WORDS: usize = 16;
/// Index of the header's word with the number of bytes in use.
pub const USED: usize = 1;
/// Index of the word with the number of bytes allocated on disk, which can be written to.
pub const RESERVED: usize = 7;
/// Index of the word with the number of bytes in use from which on a collection is worth its time.
pub const THRESHOLD: usize = 8;
/// Index of the word with the number of the next [collection](crate::arena::Arena::collect), from
/// 2.
pub const EPOCH: usize = 9;
/// Index of the word with the number of the latest collection that freed a block.
pub const FREED: usize = 10;
/// Index of the word with the ID of the collecting thread.
pub const COLLECTOR: usize = 11;
/// Index of the word with the number of mount changes numbered so far.
pub const NUMBERED: usize = 12;

/// Length of the longest host or domain name (`__NEW_UTS_LEN`).
pub const NAME_MAX: usize = 64;

/// Position, in bytes, of the table of identities that processes had when they last connected or
/// listened. Each entry has 64 bits: a process and its record. The slot of a process depends on its
/// number, and the latest process in a slot replaces the one before.
pub const PEERS: usize = 1024;
/// Number of slots in this table.
pub const PEER_SLOTS: usize = 256;
/// Position, in bytes, of the same table for identities that processes had when they last changed
/// identity or sent a message.
pub const SENDERS: usize = PEERS + PEER_SLOTS * 8;
/// Number of slots in this table.
pub const SENDER_SLOTS: usize = 128;
/// Position, in bytes, of the announcements of threads that use blocks: pairs of a thread and an
/// epoch.
pub const CHANGERS: usize = SENDERS + SENDER_SLOTS * 8;
/// Number of threads that can announce themselves at a time.
pub const CHANGER_SLOTS: usize = 256;
const _: () = assert!(CHANGERS + CHANGER_SLOTS * 8 <= RECORDS && HEADER_WORDS * 4 <= PEERS);

/// Values that are the same for all processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Tag that distinguishes this file's limits from limits that other programs set.
    pub tag: u16,
    /// The user ID under which the kernel knows all of the processes.
    pub real_uid: u32,
    /// The group ID of that user.
    pub real_gid: u32,
    /// Inode number of the PID namespace in which all of the processes were launched.
    pub namespace: u64,
}

/// Returns the first words of a new file.
#[must_use]
pub fn encode_header(header: &Header) -> [u32; HEADER_WORDS] {
    let Header { tag, real_uid, real_gid, namespace } = *header;
    let (records, reserved) = (RECORDS as u32, FIRST_SIZE as u32);
    let [tag, low, high] = [tag.into(), low(namespace), high(namespace)];
    let threshold = reserved / 2;
    [MAGIC, records, tag, real_uid, real_gid, low, high, reserved, threshold, 2, 0, 0, 0, 0, 0, 0]
}

/// Reads a header back. Returns `None` if the words aren't a header.
#[must_use]
pub fn decode_header(words: &[u32; HEADER_WORDS]) -> Option<Header> {
    let [magic, _, tag, real_uid, real_gid, low, high, ..] = *words;
    let tag = u16::try_from(tag).ok()?;
    let namespace = u64::from(high) << 32 | u64::from(low);
    (magic == MAGIC).then_some(Header { tag, real_uid, real_gid, namespace })
}

/// Values that all processes of a launch share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// User whom the guest sees as owner of files in the root that have no record.
    pub uid: u32,
    /// Group of such files.
    pub gid: u32,
}

/// Words of a launch's block, including its head.
pub const SESSION_WORDS: usize = NAMES + NAMES_WORDS;
/// Index of the first word of the launch's host name, with the domain name behind it. Each is a
/// length and the name. The length is stored plus one if a name was set, else as zero.
pub const NAMES: usize = HEAD_WORDS + 2;
/// Words of a name.
pub const NAME_WORDS: usize = (1 + NAME_MAX).div_ceil(4);
/// Words of both names.
pub const NAMES_WORDS: usize = 2 * NAME_WORDS;

/// Returns the first words of a launch's block behind its head. The others are zero.
#[must_use]
pub const fn encode_session(defaults: &Defaults) -> [u32; 2] {
    [defaults.uid, defaults.gid]
}

/// Reads these words back from the block. Returns `None` if it is too short.
#[must_use]
pub fn decode_session(block: &[u32]) -> Option<Defaults> {
    let [_, _, _, uid, gid, ..] = *block else { return None };
    Some(Defaults { uid, gid })
}

/// Words of a record without groups, including the head of its block.
pub const RECORD_WORDS: usize = HEAD_WORDS + CONTENT_WORDS;
/// Words of a record without groups and without the head.
pub const CONTENT_WORDS: usize = 1 + 8 + 2 * 5 + 2 + 4;
/// Index of the first word of the record's [`FsContext`], which begins with the launch; the mount
/// namespace, the root and the names follow.
pub const FS_CONTEXT: usize = RECORD_WORDS - 4;
/// Maximum number of supplementary groups of a process (`NGROUPS_MAX`).
pub const MAX_GROUPS: usize = 65536;

/// The launch, namespaces and root of a process. chroot(2) changes the root, and unshare(2) the
/// namespaces that newroot emulates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FsContext {
    /// Byte offset of the launch's [record](encode_session); 0 for no launch.
    pub session: u32,
    /// Byte offset of the mount namespace's [record](crate::tree); 0 for a namespace that was never
    /// changed.
    pub namespace: u32,
    /// Byte offset of the [record](crate::tree) of the root's path; 0 for the namespace's own root.
    pub root: u32,
    /// Byte offset of the [record](crate::tree) of the host and domain names; 0 for the launch's.
    pub names: u32,
}

/// Identity of a process: its credentials, supplementary groups and context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// IDs and capabilities.
    pub credentials: Credentials,
    /// Supplementary groups, in the order in which they were set.
    pub groups: &'a [u32],
    /// Launch, namespaces and root.
    pub fs: FsContext,
}

/// Returns the words of a record behind the head of its block, except the groups, which follow
/// them.
#[must_use]
pub fn encode_record(identity: &Identity<'_>) -> [u32; CONTENT_WORDS] {
    let c = &identity.credentials;
    let [i, p, e, b, a] =
        [c.inheritable, c.permitted, c.effective, c.bounding, c.ambient].map(|set| [low(set.0), high(set.0)]);
    [
        u32::try_from(identity.groups.len()).unwrap_or(0),
        c.ruid,
        c.euid,
        c.suid,
        c.fsuid,
        c.rgid,
        c.egid,
        c.sgid,
        c.fsgid,
        i[0],
        i[1],
        p[0],
        p[1],
        e[0],
        e[1],
        b[0],
        b[1],
        a[0],
        a[1],
        c.securebits,
        c.flags,
        identity.fs.session,
        identity.fs.namespace,
        identity.fs.root,
        identity.fs.names,
    ]
}

/// Reads the record in a block. Returns `None` if the block doesn't hold one.
#[must_use]
pub fn decode_record(block: &[u32]) -> Option<Identity<'_>> {
    let (head, rest) = block.split_first_chunk::<HEAD_WORDS>()?;
    if arena::kind_of(head[0]) != arena::IDENTITY {
        return None;
    }
    let (fixed, rest) = rest.split_first_chunk::<CONTENT_WORDS>()?;
    let [groups, ruid, euid, suid, fsuid, rgid, egid, sgid, fsgid, ..] = *fixed;
    let groups = groups as usize;
    if groups > MAX_GROUPS {
        return None;
    }
    let [.., i0, i1, p0, p1, e0, e1, b0, b1, a0, a1, securebits, flags, session, namespace, root, names] =
        *fixed;
    let set = |low: u32, high: u32| Capabilities(u64::from(high) << 32 | u64::from(low));
    Some(Identity {
        credentials: Credentials {
            ruid,
            euid,
            suid,
            fsuid,
            rgid,
            egid,
            sgid,
            fsgid,
            inheritable: set(i0, i1),
            permitted: set(p0, p1),
            effective: set(e0, e1),
            bounding: set(b0, b1),
            ambient: set(a0, a1),
            securebits,
            flags,
        },
        groups: rest.get(..groups)?,
        fs: FsContext { session, namespace, root, names },
    })
}

fn low(value: u64) -> u32 {
    value as u32
}

fn high(value: u64) -> u32 {
    (value >> 32) as u32
}

/// Upper bits of a limit, which mark it as newroot's.
const LIMIT_MARK: u64 = 0x6e72 << 48;

/// Returns the soft limit that refers to the record at byte `offset` of the file.
#[must_use]
pub fn to_limit(tag: u16, offset: u32) -> u64 {
    LIMIT_MARK | u64::from(tag) << 32 | u64::from(offset)
}

/// Returns the offset to which a soft limit refers, or `None` if the limit isn't of this session.
#[must_use]
pub fn from_limit(tag: u16, limit: u64) -> Option<u32> {
    (limit >> 32 == LIMIT_MARK >> 32 | u64::from(tag)).then_some(low(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_survives_the_round_trip() {
        let mut credentials = Credentials::user(33, 34);
        credentials.suid = 7;
        credentials.ambient = Capabilities::CHOWN;
        let groups = [4, 24];
        let fs = FsContext { session: 1, namespace: 2, root: 8192, names: 12288 };
        let identity = Identity { credentials, groups: &groups, fs };
        let mut words = [9; RECORD_WORDS + 3];
        words[0] = arena::head(arena::IDENTITY, 1);
        words[HEAD_WORDS..RECORD_WORDS].copy_from_slice(&encode_record(&identity));
        words[RECORD_WORDS..RECORD_WORDS + 2].copy_from_slice(&groups);
        assert_eq!(decode_record(&words), Some(identity));
        assert_eq!(words[FS_CONTEXT..RECORD_WORDS], [1, 2, 8192, 12288]);
        assert_eq!(decode_record(&words[..RECORD_WORDS + 1]), None, "the groups are missing");
        assert_eq!(decode_record(&[0; RECORD_WORDS]), None, "a hole isn't a record");
    }

    #[test]
    fn a_header_survives_the_round_trip() {
        let header = Header { tag: 7, real_uid: 1, real_gid: 2, namespace: 0x1_2345_6789 };
        let mut words = encode_header(&header);
        assert_eq!(decode_header(&words), Some(header));
        words[0] += 1;
        assert_eq!(decode_header(&words), None);
    }

    #[test]
    fn a_limit_of_another_session_is_ignored() {
        let limit = to_limit(0x1234, 4096);
        assert_eq!(from_limit(0x1234, limit), Some(4096));
        assert_eq!(from_limit(0x1235, limit), None);
        assert_eq!(from_limit(0x1234, u64::MAX), None);
        assert_eq!(from_limit(0x1234, 4096), None);
    }
}
