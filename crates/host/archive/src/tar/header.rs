//! The header block of an entry.

use std::ops::Range;

use super::BLOCK;

pub(super) const NAME: Range<usize> = 0..100;
const MODE: Range<usize> = 100..108;
const UID: Range<usize> = 108..116;
const GID: Range<usize> = 116..124;
const SIZE: Range<usize> = 124..136;
const MTIME: Range<usize> = 136..148;
const CHECKSUM: Range<usize> = 148..156;
const TYPE: usize = 156;
const LINK: Range<usize> = 157..257;
const MAGIC: Range<usize> = 257..265;
const MAJOR: Range<usize> = 329..337;
const MINOR: Range<usize> = 337..345;
const PREFIX: Range<usize> = 345..500;
/// star stores two times behind a shorter prefix, and has a mark of its own at the end.
const STAR_PREFIX: Range<usize> = 345..476;
const STAR_MAGIC: Range<usize> = 508..512;

/// Length of the longest name that needs no extended header, in bytes.
pub(super) const NAME_MAX: usize = NAME.end;

/// The fields of a header.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) kind: u8,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) size: u64,
    pub(super) seconds: i64,
    pub(super) major: u32,
    pub(super) minor: u32,
}

/// Encodes a header. A name that is too long is cut off, a number that is too large is written in
/// GNU tar's way. The caller has put the whole value into an extended header.
pub(super) fn encode(fields: &Fields) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    put_text(&mut block[NAME], &fields.name);
    put_number(&mut block[MODE], fields.mode.into());
    put_number(&mut block[UID], fields.uid.into());
    put_number(&mut block[GID], fields.gid.into());
    put_number(&mut block[SIZE], fields.size.into());
    put_number(&mut block[MTIME], fields.seconds.into());
    block[TYPE] = fields.kind;
    put_text(&mut block[LINK], &fields.link);
    block[MAGIC].copy_from_slice(b"ustar\x0000");
    put_number(&mut block[MAJOR], fields.major.into());
    put_number(&mut block[MINOR], fields.minor.into());
    seal(&mut block);
    block
}

fn put_text(field: &mut [u8], text: &[u8]) {
    let len = text.len().min(field.len());
    field[..len].copy_from_slice(&text[..len]);
}

/// Writes octal digits and a NUL, or base 256 for a number that needs more digits.
fn put_number(field: &mut [u8], number: i128) {
    let digits = field.len() - 1;
    if number >= 0 && number < 1 << (3 * digits) {
        let text = format!("{number:0digits$o}");
        field[..digits].copy_from_slice(text.as_bytes());
        return;
    }
    let bytes = number.to_be_bytes();
    let len = field.len();
    field.copy_from_slice(&bytes[bytes.len() - len..]);
    field[0] = if number < 0 { 0xff } else { 0x80 };
}

/// Returns whether a number fits in a field of `len` bytes in octal.
pub(super) fn fits(number: i128, len: usize) -> bool {
    (0..1 << (3 * (len - 1))).contains(&number)
}

/// Writes the block's checksum.
pub(super) fn seal(block: &mut [u8; BLOCK]) {
    let sum = sum(block, i64::from);
    let text = format!("{sum:06o}\0 ");
    block[CHECKSUM].copy_from_slice(text.as_bytes());
}

fn sum(block: &[u8; BLOCK], value: impl Fn(u8) -> i64) -> i64 {
    let byte = |(at, byte): (usize, &u8)| value(if CHECKSUM.contains(&at) { b' ' } else { *byte });
    block.iter().enumerate().map(byte).sum()
}

/// Returns whether the checksum is right. Some old programs added signed characters, so both sums
/// count.
pub(super) fn is_whole(block: &[u8; BLOCK]) -> bool {
    let Some(stored) = number(&block[CHECKSUM]) else { return false };
    i128::from(sum(block, i64::from)) == stored
        || i128::from(sum(block, |byte| i64::from(byte as i8))) == stored
}

/// Decodes a header. The error names the invalid field.
pub(super) fn decode(block: &[u8; BLOCK]) -> Result<Fields, &'static str> {
    let magic = &block[MAGIC];
    let mut name = text(&block[NAME]).to_vec();
    let has_prefix = magic.starts_with(b"ustar\0");
    if has_prefix {
        let prefix = if block[STAR_MAGIC] == *b"tar\0" { STAR_PREFIX } else { PREFIX };
        let prefix = text(&block[prefix]);
        if !prefix.is_empty() {
            name = [prefix, b"/", &name].concat();
        }
    }
    let kind = block[TYPE];
    let unsigned = |range: Range<usize>, what| {
        number(&block[range]).and_then(|number| u64::try_from(number).ok()).ok_or(what)
    };
    let device = |range: Range<usize>| match kind {
        b'3' | b'4' => number(&block[range]).and_then(|number| u32::try_from(number).ok()).ok_or("a device"),
        _ => Ok(0),
    };
    Ok(Fields {
        name,
        link: text(&block[LINK]).to_vec(),
        kind,
        mode: (unsigned(MODE, "a mode")? & 0o7777) as u32,
        uid: unsigned(UID, "an owner")?,
        gid: unsigned(GID, "a group")?,
        size: unsigned(SIZE, "a size")?,
        seconds: number(&block[MTIME]).and_then(|number| i64::try_from(number).ok()).ok_or("a time")?,
        major: device(MAJOR)?,
        minor: device(MINOR)?,
    })
}

/// Returns a field up to its NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

/// Parses a number: octal with spaces or NULs around it, or base 256 if the highest bit of the
/// first byte is set. An empty field is zero.
pub(super) fn number(field: &[u8]) -> Option<i128> {
    let (&first, rest) = field.split_first()?;
    if first & 0x80 != 0 {
        // The next bit is the sign.
        let start = i128::from(first & 0x7f) - if first & 0x40 != 0 { 0x80 } else { 0 };
        let fits = rest.len() < size_of::<i128>();
        return fits.then(|| rest.iter().fold(start, |number, &byte| number << 8 | i128::from(byte)));
    }
    let digits = text(field).trim_ascii();
    digits.iter().try_fold(0_i128, |number, &digit| {
        matches!(digit, b'0'..=b'7').then(|| number << 3 | i128::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_from_either_form() {
        for value in [0, 1, 0o7777777, 0o10000000, -1, -86400, i128::from(u32::MAX)] {
            let mut field = [0; 8];
            put_number(&mut field, value);
            assert_eq!(number(&field), Some(value), "{field:?}");
        }
    }

    #[test]
    fn numbers_are_read_however_they_are_padded() {
        for (field, value) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b"   644 \0", Some(0o644)),
            (b"000644 \0", Some(0o644)),
            (b"\0\0\0\0\0\0\0\0", Some(0)),
            (b"        ", Some(0)),
            (b"00000008", None),
            (b"0x1\0\0\0\0\0", None),
        ] {
            assert_eq!(number(field), value, "{field:?}");
        }
    }
}
