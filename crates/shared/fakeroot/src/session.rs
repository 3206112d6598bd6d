//! The session's file: what all processes with fake root on one root share.
//!
//! Who a process is must follow it over fork and exec, be its own after vfork, be gone with it, and be
//! found by others (kill(2), `SO_PEERCRED`, `/proc/PID/status`). The kernel keeps one word a process
//! that does all this: the soft limit of `RLIMIT_LOCKS`, which Linux has not enforced since 2.4. It names a
//! record in the file; a record never changes, and its place isn't used again, while a limit names it.
//!
//! The first launcher makes the file, with a [header](encode_header); every process maps it. Behind the header are the
//! blocks of an [arena](crate::arena), which hold [identities](encode_record), the [launches](encode_session) that
//! processes come from, and [roots and mounts](crate::tree). Everything in it is native-endian words.

use crate::arena::{self, HEAD_WORDS};
use crate::{Capabilities, Credentials};

/// Part of the file's name: files of another version are others' business.
pub const VERSION: &str = "2";
/// Bytes of the file at first, all of which lie on the disk.
pub const FIRST_SIZE: usize = 64 << 10;
/// Bytes that it may grow to.
pub const MAX_SIZE: usize = 64 << 20;
/// What the file's name is followed by in that of the directory with what the guest takes for file systems in memory.
pub const MEMORY_SUFFIX: &[u8] = b".d";
/// Where the records begin, in bytes.
pub const RECORDS: usize = 8192;

/// The limit that names a process's record (getrlimit(2)).
pub const RESOURCE: u32 = 10;

const MAGIC: u32 = 0x6e72_7332;

/// Words of the header.
pub const HEADER_WORDS: usize = 16;
/// Index of the header's word that says how many bytes of the file are taken.
pub const USED: usize = 1;
/// How many bytes of the file lie on the disk, so that they can be written to.
pub const RESERVED: usize = 7;
/// How many bytes may be taken before it is worth the time to look for what nobody needs any more.
pub const THRESHOLD: usize = 8;
/// The number of the next [collection](crate::arena::Arena::collect), from 2.
pub const EPOCH: usize = 9;
/// The latest collection that gave something back.
pub const FREED: usize = 10;
/// The thread that is collecting.
pub const COLLECTOR: usize = 11;
/// How many changes of mounts were numbered.
pub const NUMBERED: usize = 12;

/// The longest host or domain name (`__NEW_UTS_LEN`).
pub const NAME_MAX: usize = 64;

/// Where it is kept who processes were when they last connected or listened, in bytes: words of 64 bits, of which
/// each is a process and its record. A place is a process's by its number; whoever comes last has it.
pub const PEERS: usize = 1024;
/// How many of them are kept.
pub const PEER_SLOTS: usize = 256;
/// The same for what they were when they last changed, or sent something.
pub const SENDERS: usize = PEERS + PEER_SLOTS * 8;
/// How many of them are kept.
pub const SENDER_SLOTS: usize = 128;
/// Where threads say that they are changing something, in bytes: pairs of a thread and an epoch.
pub const CHANGERS: usize = SENDERS + SENDER_SLOTS * 8;
/// How many can at a time.
pub const CHANGER_SLOTS: usize = 256;
const _: () = assert!(CHANGERS + CHANGER_SLOTS * 8 <= RECORDS && HEADER_WORDS * 4 <= PEERS);

/// What is the same for all processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Tells the file's limits from what others may have set.
    pub tag: u16,
    /// The user that the kernel knows all of them by.
    pub real_uid: u32,
    /// The user's group.
    pub real_gid: u32,
    /// Inode number of the PID namespace that all of them were launched in.
    pub namespace: u64,
}

/// The first words of a new file.
#[must_use]
pub fn encode_header(header: &Header) -> [u32; HEADER_WORDS] {
    let Header { tag, real_uid, real_gid, namespace } = *header;
    let (records, reserved) = (RECORDS as u32, FIRST_SIZE as u32);
    let [tag, low, high] = [tag.into(), low(namespace), high(namespace)];
    let threshold = reserved / 2;
    [MAGIC, records, tag, real_uid, real_gid, low, high, reserved, threshold, 2, 0, 0, 0, 0, 0, 0]
}

/// Reads a header back; `None` if it isn't one.
#[must_use]
pub fn decode_header(words: &[u32; HEADER_WORDS]) -> Option<Header> {
    let [magic, _, tag, real_uid, real_gid, low, high, ..] = *words;
    let tag = u16::try_from(tag).ok()?;
    let namespace = u64::from(high) << 32 | u64::from(low);
    (magic == MAGIC).then_some(Header { tag, real_uid, real_gid, namespace })
}

/// What all processes of one launch have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// Whom the guest sees as the owner of the root's files that nothing is recorded of.
    pub uid: u32,
    /// Their group.
    pub gid: u32,
}

/// Words of a launch's record, which begins with its block's head.
pub const SESSION_WORDS: usize = NAMES + NAMES_WORDS;
/// Index of the first word of the launch's host name; behind it the domain's. Each is a length, which is one more than
/// it is where a name was set, and the name.
pub const NAMES: usize = HEAD_WORDS + 2;
/// Words of each.
pub const NAME_WORDS: usize = (1 + NAME_MAX).div_ceil(4);
/// Words of both.
pub const NAMES_WORDS: usize = 2 * NAME_WORDS;

/// What a launch's record begins with behind its block's head; all the rest is zero.
#[must_use]
pub const fn encode_session(defaults: &Defaults) -> [u32; 2] {
    [defaults.uid, defaults.gid]
}

/// Reads it from the block.
#[must_use]
pub fn decode_session(block: &[u32]) -> Option<Defaults> {
    let [_, _, _, uid, gid, ..] = *block else { return None };
    Some(Defaults { uid, gid })
}

/// Words of a record without groups, with its block's head.
pub const RECORD_WORDS: usize = HEAD_WORDS + CONTENT_WORDS;
/// Words of it behind the head.
pub const CONTENT_WORDS: usize = 1 + 8 + 2 * 5 + 2 + 4;
/// Index of the word that names the launch; behind it those that name the mount namespace, the root and the names.
pub const PLACE: usize = RECORD_WORDS - 4;
/// The most supplementary groups that a process can have (`NGROUPS_MAX`).
pub const MAX_GROUPS: usize = 65536;

/// Where a process lives: the launch it comes from, and what chroot(2), and unshare(2) with the namespaces
/// that newroot keeps account of, change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Byte offset of the launch's [record](encode_session); 0 for nobody's.
    pub session: u32,
    /// Its mount namespace: byte offset of the [record](crate::tree). 0 for one in which nothing was ever changed.
    pub namespace: u32,
    /// Byte offset of the [record](crate::tree) of its root's path; 0 for the namespace's own root.
    pub root: u32,
    /// Byte offset of the [record](crate::tree) of its host and domain names; 0 for the launch's.
    pub names: u32,
}

/// A process's identity: its credentials and supplementary groups, and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// Ids and capabilities.
    pub credentials: Credentials,
    /// The supplementary groups, in the order in which they were set.
    pub groups: &'a [u32],
    /// Its mount namespace and root.
    pub place: Place,
}

/// A record's words behind its block's head, but for the groups, which follow them.
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
        identity.place.session,
        identity.place.namespace,
        identity.place.root,
        identity.place.names,
    ]
}

/// Reads the record that is in a block; `None` if there is none.
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
        place: Place { session, namespace, root, names },
    })
}

fn low(value: u64) -> u32 {
    value as u32
}

fn high(value: u64) -> u32 {
    (value >> 32) as u32
}

/// In the upper bits of a limit: one of newroot's.
const LIMIT_MARK: u64 = 0x6e72 << 48;

/// The soft limit by which a process says that its record begins at byte `offset` of the file.
#[must_use]
pub fn to_limit(tag: u16, offset: u32) -> u64 {
    LIMIT_MARK | u64::from(tag) << 32 | u64::from(offset)
}

/// The offset that a soft limit names; `None` if it isn't of this session.
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
        let place = Place { session: 1, namespace: 2, root: 8192, names: 12288 };
        let identity = Identity { credentials, groups: &groups, place };
        let mut words = [9; RECORD_WORDS + 3];
        words[0] = arena::head(arena::IDENTITY, 1);
        words[HEAD_WORDS..RECORD_WORDS].copy_from_slice(&encode_record(&identity));
        words[RECORD_WORDS..RECORD_WORDS + 2].copy_from_slice(&groups);
        assert_eq!(decode_record(&words), Some(identity));
        assert_eq!(words[PLACE..RECORD_WORDS], [1, 2, 8192, 12288]);
        assert_eq!(decode_record(&words[..RECORD_WORDS + 1]), None, "its groups are missing");
        assert_eq!(decode_record(&[0; RECORD_WORDS]), None, "a hole is no record");
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
    fn a_limit_of_another_session_names_nothing() {
        let limit = to_limit(0x1234, 4096);
        assert_eq!(from_limit(0x1234, limit), Some(4096));
        assert_eq!(from_limit(0x1235, limit), None);
        assert_eq!(from_limit(0x1234, u64::MAX), None);
        assert_eq!(from_limit(0x1234, 4096), None);
    }
}
