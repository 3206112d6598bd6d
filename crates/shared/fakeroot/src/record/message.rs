//! The record as an extended attribute: the protocol buffers message of
//! <https://rootlesscontaine.rs>,
//!
//! ```proto
//! syntax = "proto3";
//! message Resource {
//!     uint32 uid = 1; // 4294967295: not set
//!     uint32 gid = 2;
//! }
//! ```
//!
//! with additional fields, which other readers skip. By the rules of proto3, an absent field of the
//! specification is zero, which means root. An absent field of newroot's isn't set. (The encoding:
//! <https://protobuf.dev/programming-guides/encoding>.)

use newroot_abi::Errno;

use super::{Record, Writer};

/// Name of the attribute.
pub const ATTRIBUTE: &[u8] = b"user.rootlesscontainers";

/// Length of the longest message that is written.
pub const MESSAGE_MAX: usize = 64;

/// Value of an owner that isn't set: the specification's `NoopID`.
const UNSET: u32 = u32::MAX;

const UID: u64 = 1;
const GID: u64 = 2;
/// The additional fields begin at "nr" in ASCII, far from numbers that a new version of the
/// specification would use.
const MODE: u64 = 0x6e72;
const DEVICE: u64 = MODE + 1;
const BIRTH: u64 = MODE + 2;
const WRITTEN: u64 = MODE + 3;

/// Wire types: the lowest three bits of a field's tag.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const GROUP: u64 = 3;
const GROUP_END: u64 = 4;
const FIXED32: u64 = 5;

pub(super) fn encode(record: &Record, out: &mut [u8; MESSAGE_MAX]) -> usize {
    let mut writer = Writer { out, len: 0 };
    let mut field = |number: u64, value: u64| {
        varint(&mut writer, number << 3 | VARINT);
        varint(&mut writer, value);
    };
    // Zeros could be left out. But root's record would then be an empty value, and not every file
    // system or reader distinguishes that from no value.
    field(UID, u64::from(record.uid.unwrap_or(UNSET)));
    field(GID, u64::from(record.gid.unwrap_or(UNSET)));
    if let Some(mode) = record.mode {
        field(MODE, u64::from(mode));
    }
    if let Some(written) = record.written {
        field(WRITTEN, u64::from(written));
    }
    if let Some(device) = record.device {
        field(DEVICE, device);
    }
    if let Some(birth) = record.birth {
        field(BIRTH, birth);
    }
    writer.len
}

fn varint(writer: &mut Writer<'_>, mut value: u64) {
    while value >= 0x80 {
        writer.byte(value as u8 | 0x80);
        value >>= 7;
    }
    writer.byte(value as u8);
}

pub(super) fn decode(value: &[u8]) -> Result<Record, Errno> {
    let mut record = Record { uid: Some(0), gid: Some(0), ..Record::NONE };
    let mut reader = Reader { rest: value };
    // Number of open groups. A reader of other fields doesn't need their numbers, because groups
    // end in pairs.
    let mut depth = 0_usize;
    while !reader.rest.is_empty() {
        let tag = reader.varint()?;
        let number = tag >> 3;
        // Tags have 32 bits, and no field has number 0.
        if number == 0 || tag > u64::from(u32::MAX) {
            return Err(Errno::INVAL);
        }
        match tag & 7 {
            VARINT => {
                let value = reader.varint()?;
                if depth == 0 {
                    store(&mut record, number, value);
                }
            }
            FIXED64 => reader.skip(8)?,
            FIXED32 => reader.skip(4)?,
            BYTES => {
                let len = reader.varint()?;
                reader.skip(usize::try_from(len).map_err(|_| Errno::INVAL)?)?;
            }
            GROUP => depth = depth.saturating_add(1),
            GROUP_END => depth = depth.checked_sub(1).ok_or(Errno::INVAL)?,
            _ => return Err(Errno::INVAL),
        }
    }
    if depth == 0 { Ok(record) } else { Err(Errno::INVAL) }
}

/// Stores a field in the record. If a field occurs twice, the last one counts; if it is too wide,
/// its lower bits count. The encoding defines both rules.
fn store(record: &mut Record, number: u64, value: u64) {
    let narrow = value as u32;
    let owner = if narrow == UNSET { None } else { Some(narrow) };
    match number {
        UID => record.uid = owner,
        GID => record.gid = owner,
        MODE => record.mode = Some(narrow),
        WRITTEN => record.written = Some(narrow),
        DEVICE => record.device = Some(value),
        BIRTH => record.birth = Some(value),
        _ => {}
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn varint(&mut self) -> Result<u64, Errno> {
        let mut value = 0_u64;
        // Ten times seven bits; bits beyond 64 are dropped.
        for shift in (0..70).step_by(7) {
            let (byte, rest) = self.rest.split_first().ok_or(Errno::INVAL)?;
            self.rest = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Errno::INVAL)
    }

    fn skip(&mut self, len: usize) -> Result<(), Errno> {
        self.rest = self.rest.get(len..).ok_or(Errno::INVAL)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(record: &Record) -> ([u8; MESSAGE_MAX], usize) {
        let mut out = [0; MESSAGE_MAX];
        let len = encode(record, &mut out);
        (out, len)
    }

    #[test]
    fn owners_are_encoded_as_specified() {
        let (out, len) = encoded(&Record { uid: Some(33), gid: None, ..Record::NONE });
        assert_eq!(&out[..len], [0x08, 33, 0x10, 0xff, 0xff, 0xff, 0xff, 0x0f]);
        let (out, len) = encoded(&Record { uid: Some(0), gid: Some(300), ..Record::NONE });
        assert_eq!(&out[..len], [0x08, 0, 0x10, 0xac, 0x02]);
    }

    #[test]
    fn an_absent_owner_is_root() {
        let root = Record { uid: Some(0), gid: Some(0), ..Record::NONE };
        assert_eq!(decode(b""), Ok(root));
        assert_eq!(decode(&[0x10, 5]), Ok(Record { gid: Some(5), ..root }));
    }

    #[test]
    fn the_longest_record_survives_the_round_trip() {
        let longest = Record {
            uid: Some(u32::MAX - 1),
            gid: Some(u32::MAX - 1),
            mode: Some(u32::MAX),
            written: Some(u32::MAX),
            device: Some(u64::MAX),
            birth: Some(u64::MAX),
        };
        for record in [longest, Record::NONE, Record { mode: Some(0), ..longest }] {
            let (out, len) = encoded(&record);
            assert!(len < MESSAGE_MAX);
            assert_eq!(decode(&out[..len]), Ok(record));
        }
    }

    #[test]
    fn a_truncated_message_is_rejected() {
        let (out, len) = encoded(&Record { mode: Some(0o104_755), device: Some(1 << 40), ..Record::NONE });
        // A cut between two fields leaves a valid message; a cut within a field doesn't.
        let whole = [0, 6, 12, 18, len];
        for end in 0..=len {
            assert_eq!(decode(&out[..end]).is_ok(), whole.contains(&end), "{end}");
        }
    }

    #[test]
    fn unknown_fields_of_every_kind_are_skipped() {
        let with = |more: &[u8]| {
            let mut value = [0; 64];
            value[..2].copy_from_slice(&[0x08, 7]);
            value[2..2 + more.len()].copy_from_slice(more);
            decode(&value[..2 + more.len()])
        };
        let owner = Ok(Record { uid: Some(7), gid: Some(0), ..Record::NONE });
        assert_eq!(with(&[0x18, 0x80, 0x01]), owner);
        assert_eq!(with(&[0x19, 1, 2, 3, 4, 5, 6, 7, 8]), owner);
        assert_eq!(with(&[0x1a, 3, 1, 2, 3]), owner);
        assert_eq!(with(&[0x1d, 1, 2, 3, 4]), owner);
        // A group that contains a field which looks like an owner.
        assert_eq!(with(&[0x1b, 0x08, 9, 0x1c]), owner);
        for cut in [&[0x18, 0x80][..], &[0x19, 1], &[0x1a, 3, 1], &[0x1d, 1], &[0x1b], &[0x1c], &[0x1e], &[0]]
        {
            assert_eq!(with(cut), Err(Errno::INVAL), "{cut:?}");
        }
        assert_eq!(
            with(&[0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
            Err(Errno::INVAL)
        );
    }
}
