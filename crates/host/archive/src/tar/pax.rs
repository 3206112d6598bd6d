//! Extended headers: records `LENGTH KEYWORD=VALUE\n`. The length includes its own digits.

use newroot_records::attribute::Attributes;

use super::Time;
use super::sparse::Segment;

/// Prefix of an attribute's name.
const ATTRIBUTE: &[u8] = b"SCHILY.xattr.";

/// The values of an extended header for the entry that follows.
#[derive(Clone, Debug, Default)]
pub(super) struct Extended {
    pub(super) name: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) modified: Option<Time>,
    pub(super) attributes: Attributes,
    /// Version of GNU tar's format of sparse files.
    pub(super) sparse_version: (u32, u32),
    /// Whole size of a sparse file, in bytes.
    pub(super) sparse_size: Option<u64>,
    /// Real name of a sparse file.
    pub(super) sparse_name: Option<Vec<u8>>,
    /// Segments of a sparse file, if the header has them.
    pub(super) sparse_map: Vec<Segment>,
    sparse_offset: Option<u64>,
    /// Keyword of attributes in a form that this crate doesn't read.
    pub(super) unread: Option<&'static str>,
}

/// Appends a record.
pub(super) fn write(out: &mut Vec<u8>, keyword: &[u8], value: &[u8]) {
    let rest = keyword.len() + value.len() + 3;
    let mut len = rest;
    // The length's own digits can make it one digit longer.
    while rest + len.to_string().len() != len {
        len = rest + len.to_string().len();
    }
    out.extend(len.to_string().as_bytes());
    out.push(b' ');
    out.extend(keyword);
    out.push(b'=');
    out.extend(value);
    out.push(b'\n');
}

/// Returns the keyword of an attribute. A `=` would end the keyword, so GNU tar encodes it as a URL
/// does.
pub(super) fn attribute_keyword(name: &[u8]) -> Vec<u8> {
    let mut keyword = ATTRIBUTE.to_vec();
    for &byte in name {
        match byte {
            b'%' => keyword.extend(b"%25"),
            b'=' => keyword.extend(b"%3D"),
            _ => keyword.push(byte),
        }
    }
    keyword
}

fn attribute_name(keyword: &[u8]) -> Vec<u8> {
    let mut name = Vec::new();
    let mut rest = keyword;
    while let Some((&byte, after)) = rest.split_first() {
        let (byte, after) = match after.split_at_checked(2) {
            Some((b"25", after)) if byte == b'%' => (b'%', after),
            Some((b"3D", after)) if byte == b'%' => (b'=', after),
            _ => (byte, after),
        };
        name.push(byte);
        rest = after;
    }
    name
}

/// Formats a time: seconds, and nanoseconds unless they are zero.
pub(super) fn time_text(time: Time) -> String {
    let Time { seconds, nanoseconds } = time;
    if nanoseconds == 0 {
        return seconds.to_string();
    }
    // In the text the sign counts for both parts.
    let (sign, seconds, nanoseconds) = if seconds < 0 {
        ("-", (i128::from(seconds) + 1).unsigned_abs(), 1_000_000_000 - nanoseconds)
    } else {
        ("", i128::from(seconds).unsigned_abs(), nanoseconds)
    };
    let fraction = format!("{nanoseconds:09}");
    format!("{sign}{seconds}.{}", fraction.trim_end_matches('0'))
}

fn time(text: &[u8]) -> Option<Time> {
    let text = std::str::from_utf8(text).ok()?;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let (seconds, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !is_number(seconds.as_bytes()) || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Digits below a nanosecond are cut off, towards the past.
    let finer = fraction.len() > 9 && fraction.bytes().skip(9).any(|digit| digit != b'0');
    let fraction: String = fraction.chars().chain("000000000".chars()).take(9).collect();
    let whole = seconds.parse::<i128>().ok()?.checked_mul(1_000_000_000)?;
    let whole = sign * (whole + fraction.parse::<i128>().ok()?) - i128::from(sign < 0 && finer);
    let seconds = i64::try_from(whole.div_euclid(1_000_000_000)).ok()?;
    Some(Time { seconds, nanoseconds: whole.rem_euclid(1_000_000_000) as u32 })
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// Parses a decimal number.
pub(super) fn number(text: &[u8]) -> Option<u64> {
    is_number(text).then_some(())?;
    std::str::from_utf8(text).ok()?.parse().ok()
}

impl Extended {
    /// Adds the records of a header.
    pub(super) fn read(&mut self, mut records: &[u8]) -> Result<(), &'static str> {
        const BROKEN: &str = "an extended header";
        while !records.is_empty() {
            // Some programs pad with NULs.
            if records.iter().all(|&byte| byte == 0) {
                break;
            }
            let space = records.iter().position(|&byte| byte == b' ').ok_or(BROKEN)?;
            let len = number(&records[..space]).and_then(|len| usize::try_from(len).ok()).ok_or(BROKEN)?;
            let (record, rest) = records.split_at_checked(len).ok_or(BROKEN)?;
            let record =
                record.get(space + 1..).and_then(|record| record.strip_suffix(b"\n")).ok_or(BROKEN)?;
            let equals = record.iter().position(|&byte| byte == b'=').ok_or(BROKEN)?;
            self.take(&record[..equals], &record[equals + 1..])?;
            records = rest;
        }
        Ok(())
    }

    fn take(&mut self, keyword: &[u8], value: &[u8]) -> Result<(), &'static str> {
        // An empty value cancels a global header's value.
        let given = |value: &[u8]| (!value.is_empty()).then(|| value.to_vec());
        let path = |value: &[u8]| match value.contains(&0) {
            true => Err("a name in an extended header"),
            false => Ok(given(value)),
        };
        let count = |value: &[u8]| match value {
            b"" => Ok(None),
            value => number(value).map(Some).ok_or("a number in an extended header"),
        };
        match keyword {
            b"path" => self.name = path(value)?,
            b"linkpath" => self.link = path(value)?,
            b"size" => self.size = count(value)?,
            b"uid" => self.uid = count(value)?,
            b"gid" => self.gid = count(value)?,
            b"mtime" if value.is_empty() => self.modified = None,
            b"mtime" => self.modified = Some(time(value).ok_or("a time in an extended header")?),
            b"GNU.sparse.major" => self.sparse_version.0 = count(value)?.unwrap_or(0) as u32,
            b"GNU.sparse.minor" => self.sparse_version.1 = count(value)?.unwrap_or(0) as u32,
            b"GNU.sparse.name" => self.sparse_name = path(value)?,
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.sparse_size = count(value)?,
            b"GNU.sparse.offset" => self.sparse_offset = count(value)?,
            b"GNU.sparse.numbytes" => {
                let offset = self.sparse_offset.take().ok_or("a sparse file's map")?;
                self.sparse_map.push(Segment { offset, len: count(value)?.unwrap_or(0) });
            }
            b"GNU.sparse.map" => self.sparse_map = map(value).ok_or("a sparse file's map")?,
            _ if keyword.starts_with(b"SCHILY.acl.") => self.unread = Some("SCHILY.acl"),
            _ if keyword.starts_with(b"LIBARCHIVE.xattr.") => self.unread = Some("LIBARCHIVE.xattr"),
            _ => {
                if let Some(name) = keyword.strip_prefix(ATTRIBUTE).filter(|name| !name.is_empty()) {
                    self.attributes.insert(attribute_name(name), value.to_vec());
                }
            }
        }
        Ok(())
    }
}

fn map(text: &[u8]) -> Option<Vec<Segment>> {
    let numbers: Option<Vec<u64>> = text.split(|&byte| byte == b',').map(number).collect();
    let (pairs, rest) = numbers.as_deref()?.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|&[offset, len]| Segment { offset, len }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_itself() {
        for len in 0..2000 {
            let mut out = Vec::new();
            write(&mut out, b"comment", &vec![b'x'; len]);
            let text = String::from_utf8(out).unwrap();
            assert_eq!(text.split_once(' ').unwrap().0, text.len().to_string());
        }
    }

    #[test]
    fn times_come_back() {
        for (seconds, nanoseconds, text) in [
            (0, 0, "0"),
            (1, 500_000_000, "1.5"),
            (-1, 0, "-1"),
            (-1, 999_999_999, "-0.000000001"),
            (-2, 750_000_000, "-1.25"),
        ] {
            let value = Time { seconds, nanoseconds };
            assert_eq!(time_text(value), text);
            assert_eq!(time(text.as_bytes()), Some(value));
        }
        for bad in ["", "-", "1.x", "+1", "1e5", " 1", "99999999999999999999"] {
            assert_eq!(time(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn attributes_with_an_equals_sign_come_back() {
        let keyword = attribute_keyword(b"user.a=b%3D%");
        assert_eq!(keyword, b"SCHILY.xattr.user.a%3Db%253D%25");
        assert_eq!(attribute_name(&keyword[ATTRIBUTE.len()..]), b"user.a=b%3D%");
    }
}
