//! The session's file: what all processes of a session with fake root share.
//!
//! Who a process is must follow it over fork and exec, be its own after vfork, be gone with it, and be
//! found by others (kill(2), `SO_PEERCRED`, `/proc/PID/status`). The kernel keeps one word a process
//! that does all this: the soft limit of `RLIMIT_LOCKS`, which Linux has not enforced since 2.4. It names a
//! record in the file; a record never changes once a limit names it.
//!
//! The launcher makes the file, with a [header](encode_header) and the first [record](encode_record); every
//! process maps it. Everything in it is native-endian words.

use crate::{Capabilities, Credentials, tree};

/// Bytes of the file, most of them a hole.
pub const SIZE: usize = 1 << 20;
/// What the file's name is followed by in that of the directory with what the guest takes for file systems in memory.
pub const MEMORY_SUFFIX: &[u8] = b".d";
/// Where the records begin, in bytes.
pub const RECORDS: usize = 4096;

/// The limit that names a process's record (getrlimit(2)).
pub const RESOURCE: u32 = 10;

const MAGIC: u32 = 0x6e72_7366;

/// Words of the header.
pub const HEADER_WORDS: usize = 8;
/// Index of the header's word that says how many bytes of the file are taken. Processes add to it atomically.
pub const USED: usize = 1;
/// Index of the word that names the latest of the [chained records](crate::tree); 0 if there is none.
pub const CHAIN: usize = 7;
/// Where the word of the first mount namespace is, in bytes: it names the latest change of its mounts.
pub const FIRST_NAMESPACE: u32 = 512;

/// Where the session's host name begins, in bytes; behind it the domain's. Each is a length and the name.
pub const NAMES: usize = 64;
/// The longest name (`__NEW_UTS_LEN`).
pub const NAME_MAX: usize = 64;
/// Bytes of each, with its length.
pub const NAME_ROOM: usize = 128;
/// Words of both.
pub const NAMES_WORDS: usize = 2 * NAME_ROOM / 4;

/// Where it is kept who processes were when they last connected or listened, in bytes: words of 64 bits, of which
/// each is a process and its record. A place is a process's by its number; whoever comes last has it.
pub const PEERS: usize = 1024;
/// How many of them are kept.
pub const PEER_SLOTS: usize = 256;
/// The same for what they were when they last changed, or sent something.
pub const SENDERS: usize = PEERS + PEER_SLOTS * 8;
/// How many of them are kept.
pub const SENDER_SLOTS: usize = 128;
const _: () =
    assert!(SENDERS + SENDER_SLOTS * 8 <= RECORDS && NAMES + 2 * NAME_ROOM <= FIRST_NAMESPACE as usize);
const _: () = assert!(FIRST_NAMESPACE as usize + 4 <= PEERS);

/// What is the same for all processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Tells the session's limits from what others may have set.
    pub tag: u16,
    /// The user that the kernel knows all of them by.
    pub real_uid: u32,
    /// The user's group.
    pub real_gid: u32,
    /// Whom the guest sees as the owner of the root's files that nothing is recorded of.
    pub default_uid: u32,
    /// Their group.
    pub default_gid: u32,
}

/// The file's first words, if `used` bytes of it are taken.
#[must_use]
pub fn encode_header(header: &Header, used: u32) -> [u32; HEADER_WORDS] {
    let Header { tag, real_uid, real_gid, default_uid, default_gid } = *header;
    [MAGIC, used, tag.into(), real_uid, real_gid, default_uid, default_gid, 0]
}

/// Reads a header back; `None` if it isn't one.
#[must_use]
pub fn decode_header(words: &[u32; HEADER_WORDS]) -> Option<Header> {
    let [magic, _, tag, real_uid, real_gid, default_uid, default_gid, _] = *words;
    let tag = u16::try_from(tag).ok()?;
    (magic == MAGIC).then_some(Header { tag, real_uid, real_gid, default_uid, default_gid })
}

/// Words of a record without groups.
pub const RECORD_WORDS: usize = 2 + 8 + 2 * 5 + 2 + 3;
/// Records begin at multiples of so many words, so that the next one is found behind a place that somebody took
/// and was killed before they had written there.
pub const STEP_WORDS: usize = 32;
/// The most supplementary groups that a process can have (`NGROUPS_MAX`).
pub const MAX_GROUPS: usize = 65536;

/// Where a process lives: what chroot(2), and unshare(2) with the namespaces that newroot keeps account of, change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its mount namespace: the byte offset of the word that names the latest change of its mounts.
    pub namespace: u32,
    /// Byte offset of the [record](crate::tree) of its root's path; 0 for the namespace's own root.
    pub root: u32,
    /// Byte offset of its host and domain names, as at [`NAMES`]; 0 for those there, which are the session's.
    pub names: u32,
}

impl Place {
    /// That of a session's first process.
    pub const FIRST: Self = Self { namespace: FIRST_NAMESPACE, root: 0, names: 0 };
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

/// A record's words but for the groups, which follow them. The first is how many there are in all.
#[must_use]
pub fn encode_record(identity: &Identity<'_>) -> [u32; RECORD_WORDS] {
    let c = &identity.credentials;
    let [i, p, e, b, a] =
        [c.inheritable, c.permitted, c.effective, c.bounding, c.ambient].map(|set| [low(set.0), high(set.0)]);
    let groups = u32::try_from(identity.groups.len()).unwrap_or(0);
    [
        RECORD_WORDS as u32 + groups,
        groups,
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
        identity.place.namespace,
        identity.place.root,
        identity.place.names,
    ]
}

/// Reads the record that `words` begins with; `None` if there is none.
#[must_use]
pub fn decode_record(words: &[u32]) -> Option<Identity<'_>> {
    let (fixed, rest) = words.split_first_chunk::<RECORD_WORDS>()?;
    let [len, groups, ruid, euid, suid, fsuid, rgid, egid, sgid, fsgid, ..] = *fixed;
    let groups = groups as usize;
    if groups > MAX_GROUPS || len as usize != RECORD_WORDS + groups {
        return None;
    }
    let [.., i0, i1, p0, p1, e0, e1, b0, b1, a0, a1, securebits, flags, namespace, root, names] = *fixed;
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
        place: Place { namespace, root, names },
    })
}

/// Words that are taken for a record with so many groups.
#[must_use]
pub const fn room(groups: usize) -> usize {
    (RECORD_WORDS + groups).next_multiple_of(STEP_WORDS)
}

/// The record of an identity among `words`, which begin with a record: its distance in words.
///
/// No record is seen where there is none. A step leads into a record only where its first word isn't written
/// yet; what is seen there is zeroes, or groups, which ascend, while a record's second word is less than its first.
#[must_use]
pub fn find(words: &[u32], identity: &Identity<'_>) -> Option<usize> {
    let mut at = 0;
    while let Some(rest) = words.get(at..).filter(|rest| !rest.is_empty()) {
        at += match decode_record(rest) {
            Some(found) if found == *identity => return Some(at),
            Some(found) => room(found.groups.len()),
            // A chained one, or a place that stays unwritten.
            None => rest
                .first()
                .and_then(|&first| tree::read_head(first))
                .map_or(STEP_WORDS, |(_, words)| words.max(1).next_multiple_of(STEP_WORDS)),
        };
    }
    None
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
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn a_record_survives_the_round_trip() {
        let mut credentials = Credentials::user(33, 34);
        credentials.suid = 7;
        credentials.ambient = Capabilities::CHOWN;
        let groups = [4, 24];
        let place = Place { root: 8192, names: 12288, ..Place::FIRST };
        let identity = Identity { credentials, groups: &groups, place };
        let mut words = [9; RECORD_WORDS + 3];
        words[..RECORD_WORDS].copy_from_slice(&encode_record(&identity));
        words[RECORD_WORDS..RECORD_WORDS + 2].copy_from_slice(&groups);
        assert_eq!(decode_record(&words), Some(identity));
        assert_eq!(decode_record(&words[..RECORD_WORDS + 1]), None, "its groups are missing");
        assert_eq!(decode_record(&[0; RECORD_WORDS]), None, "a hole is no record");
    }

    /// Lays records down as processes do; what is `None` was taken by somebody who was killed.
    fn file(records: &[Option<&Identity<'_>>], taken: usize) -> Vec<u32> {
        let mut words = Vec::new();
        for record in records {
            let start = words.len();
            if let Some(identity) = record {
                words.extend(encode_record(identity));
                words.extend(identity.groups);
            }
            words.resize(start + record.map_or(taken, |identity| room(identity.groups.len())), 0);
        }
        words
    }

    #[test]
    fn a_record_is_found_behind_places_that_nobody_wrote_to() {
        let groups: Vec<u32> = (0..100).collect();
        let root = Identity { credentials: Credentials::root(), groups: &[], place: Place::FIRST };
        let many = Identity { credentials: Credentials::user(22, 0), groups: &groups, place: Place::FIRST };
        let user = Identity { credentials: Credentials::user(33, 33), groups: &[4, 24], place: Place::FIRST };
        for taken in [room(0), room(10), room(11), room(300)] {
            let mut words = file(&[Some(&root), None, Some(&many), None, None, Some(&user)], taken);
            for identity in [&root, &many, &user] {
                let at = find(&words, identity).expect("it is there");
                assert_eq!(decode_record(&words[at..]), Some(*identity));
            }
            let absent = Identity { groups: &[4], ..user };
            assert_eq!(find(&words, &absent), None);
            // Killed between the groups and the first word: nothing of it is taken for a record.
            let at = find(&words, &many).expect("it is there");
            words[at] = 0;
            assert_eq!(find(&words, &many), None);
            assert!(find(&words, &user).is_some());
        }
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
