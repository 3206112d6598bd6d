//! The record as a text: `u=33,g=33,m=020666,d=1:3,b=1718000000.000000042`, or `-` for an empty
//! record. The mode, and `w` for the mode after a write, are octal with a leading zero. The device
//! is its major and minor number, the birth time is in seconds with nine digits of nanoseconds. All
//! other numbers are decimal.

use newroot_abi::Errno;

use super::{Record, Writer, device, device_numbers};

/// Length of the longest text that is written.
pub const TEXT_MAX: usize = 112;

/// Text of an empty record.
const NOTHING: &[u8] = b"-";

const NANOSECONDS: u64 = 1_000_000_000;

pub(super) fn encode(record: &Record, out: &mut [u8; TEXT_MAX]) -> usize {
    let mut writer = Writer { out, len: 0 };
    if let Some(uid) = record.uid {
        key(&mut writer, b"u=");
        number(&mut writer, u64::from(uid), 10, 1);
    }
    if let Some(gid) = record.gid {
        key(&mut writer, b"g=");
        number(&mut writer, u64::from(gid), 10, 1);
    }
    if let Some(mode) = record.mode {
        key(&mut writer, b"m=0");
        number(&mut writer, u64::from(mode), 8, 1);
    }
    if let Some(written) = record.written {
        key(&mut writer, b"w=0");
        number(&mut writer, u64::from(written), 8, 1);
    }
    if let Some(device) = record.device {
        let (major, minor) = device_numbers(device);
        key(&mut writer, b"d=");
        number(&mut writer, u64::from(major), 10, 1);
        writer.byte(b':');
        number(&mut writer, u64::from(minor), 10, 1);
    }
    if let Some(birth) = record.birth {
        key(&mut writer, b"b=");
        number(&mut writer, birth / NANOSECONDS, 10, 1);
        writer.byte(b'.');
        number(&mut writer, birth % NANOSECONDS, 10, 9);
    }
    if writer.len == 0 {
        writer.bytes(NOTHING);
    }
    writer.len
}

fn key(writer: &mut Writer<'_>, key: &[u8]) {
    if writer.len > 0 {
        writer.byte(b',');
    }
    writer.bytes(key);
}

/// Writes `number` in base 8 or 10, with leading zeros up to `width`.
fn number(writer: &mut Writer<'_>, number: u64, base: u8, width: usize) {
    let mut digits = [b'0'; 22];
    let mut rest = number;
    let mut written = 0;
    for digit in digits.iter_mut().rev() {
        let (quotient, remainder) = match base {
            8 => (rest / 8, rest % 8),
            _ => (rest / 10, rest % 10),
        };
        *digit = b'0' + remainder as u8;
        rest = quotient;
        written += 1;
        if rest == 0 && written >= width {
            break;
        }
    }
    writer.bytes(digits.get(digits.len() - written..).unwrap_or(&[]));
}

pub(super) fn decode(text: &[u8]) -> Result<Record, Errno> {
    let mut record = Record::NONE;
    if text == NOTHING {
        return Ok(record);
    }
    for item in text.split(|byte| *byte == b',') {
        let (key, value) = cut(item, b'=').ok_or(Errno::INVAL)?;
        match key {
            b"u" => record.uid = Some(narrow(value, 10)?),
            b"g" => record.gid = Some(narrow(value, 10)?),
            b"m" => record.mode = Some(narrow(value, 8)?),
            b"w" => record.written = Some(narrow(value, 8)?),
            b"d" => {
                let (major, minor) = cut(value, b':').ok_or(Errno::INVAL)?;
                record.device = Some(device(narrow(major, 10)?, narrow(minor, 10)?));
            }
            b"b" => record.birth = Some(birth(value)?),
            b"" => return Err(Errno::INVAL),
            _ => {}
        }
    }
    Ok(record)
}

/// Returns the parts before and behind the first `mark`.
fn cut(bytes: &[u8], mark: u8) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == mark)?;
    Some((bytes.get(..at)?, bytes.get(at + 1..)?))
}

fn parse(digits: &[u8], base: u8) -> Result<u64, Errno> {
    if digits.is_empty() {
        return Err(Errno::INVAL);
    }
    let mut value = 0_u64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit >= base {
            return Err(Errno::INVAL);
        }
        value = value
            .checked_mul(u64::from(base))
            .and_then(|value| value.checked_add(u64::from(digit)))
            .ok_or(Errno::INVAL)?;
    }
    Ok(value)
}

fn narrow(digits: &[u8], base: u8) -> Result<u32, Errno> {
    u32::try_from(parse(digits, base)?).map_err(|_| Errno::INVAL)
}

fn birth(value: &[u8]) -> Result<u64, Errno> {
    let (seconds, nanoseconds) = cut(value, b'.').ok_or(Errno::INVAL)?;
    if nanoseconds.len() != 9 {
        return Err(Errno::INVAL);
    }
    parse(seconds, 10)?
        .checked_mul(NANOSECONDS)
        .and_then(|whole| whole.checked_add(parse(nanoseconds, 10).ok()?))
        .ok_or(Errno::INVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(record: &Record) -> ([u8; TEXT_MAX], usize) {
        let mut out = [0; TEXT_MAX];
        let len = encode(record, &mut out);
        (out, len)
    }

    #[test]
    fn a_record_has_the_documented_format() {
        let record = Record {
            uid: Some(33),
            gid: Some(0),
            mode: Some(0o020_666),
            written: None,
            device: Some(device(1, 3)),
            birth: Some(1_718_000_000_000_000_042),
        };
        let (out, len) = encoded(&record);
        assert_eq!(&out[..len], b"u=33,g=0,m=020666,d=1:3,b=1718000000.000000042");
        assert_eq!(decode(&out[..len]), Ok(record));
        let (out, len) = encoded(&Record::NONE);
        assert_eq!(&out[..len], b"-");
        assert_eq!(decode(b"-"), Ok(Record::NONE));
    }

    #[test]
    fn the_longest_record_fits() {
        let record = Record {
            uid: Some(u32::MAX),
            gid: Some(u32::MAX),
            mode: Some(u32::MAX),
            written: Some(u32::MAX),
            device: Some(u64::MAX),
            birth: Some(u64::MAX),
        };
        let (out, len) = encoded(&record);
        assert!(len < TEXT_MAX);
        assert_eq!(decode(&out[..len]), Ok(record));
    }

    #[test]
    fn unknown_keys_are_skipped_and_invalid_text_is_rejected() {
        assert_eq!(decode(b"x=a:b,u=1,flags="), Ok(Record { uid: Some(1), ..Record::NONE }));
        for bad in [
            &b""[..],
            b"u",
            b"u=",
            b"u=x",
            b"u=-1",
            b"=1",
            b"u=1,",
            b"u=4294967296",
            b"m=9",
            b"d=1",
            b"d=1:",
            b"b=1",
            b"b=1.5",
            b"b=1.0000000000",
            b"b=99999999999.000000000",
        ] {
            assert_eq!(decode(bad), Err(Errno::INVAL), "{bad:?}");
        }
    }
}
