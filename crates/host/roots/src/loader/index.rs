//! The index of libraries that ldconfig(8) writes and glibc's loader reads: `ld.so.cache`.
//!
//! The file has a header, a table sorted for binary search, and the strings that it refers to. Only
//! the format since glibc 2.2 is read. Older files may have it behind an older table. newroot reads
//! the host's index, and the root's, which may be hostile.

use std::cmp::Ordering;
use std::ffi::{OsStr, OsString, c_char};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use newroot_abi::PATH_MAX;

/// Start of the table that every loader since glibc 2.2 reads.
const MAGIC: &[u8; 20] = b"glibc-ld.so.cache1.1";
/// Start of the older table, which ldconfig could still write in front.
const OLD_MAGIC: &[u8] = b"ld.so-1.7.0";

const HEADER_SIZE: usize = 48;
const ENTRY_SIZE: usize = 24;

/// Byte order, in the header since glibc 2.33.
const BYTE_ORDER: u8 = if cfg!(target_endian = "big") { 3 } else { 2 };

/// Contents of an index. For each name, the best library comes first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    entries: Vec<Entry>,
}

/// One library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// C library and machine, in ldconfig's numbers.
    pub flags: u32,
    /// Name that programs have in `DT_NEEDED`.
    pub name: OsString,
    /// Path of the library.
    pub path: OsString,
    /// Required processor features. 0 means none.
    pub hwcap: u64,
}

impl Entry {
    /// Returns the path of the library.
    #[must_use]
    pub fn path(&self) -> &Path {
        Path::new(&self.path)
    }
}

impl Index {
    /// Parses an index. `None` if `bytes` is no index, or a damaged one.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let table = bytes.get(table_start(bytes)?..)?;
        if !table.starts_with(MAGIC) {
            return None;
        }
        let string = |at: u32| {
            let text = table.get(usize::try_from(at).ok()?..)?;
            // A longer path can't be opened. Without a limit, a small file could hold many large
            // strings.
            let end = text.iter().take(PATH_MAX).position(|&byte| byte == 0)?;
            Some(OsString::from_vec(text[..end].to_vec()))
        };
        let count = usize::try_from(word(table, MAGIC.len())?).ok()?;
        let entries = table
            .get(HEADER_SIZE..)?
            .get(..count.checked_mul(ENTRY_SIZE)?)?
            .chunks_exact(ENTRY_SIZE)
            .map(|entry| {
                Some(Entry {
                    flags: word(entry, 0)?,
                    name: string(word(entry, 4)?)?,
                    path: string(word(entry, 8)?)?,
                    hwcap: u64::from_ne_bytes(entry[16..24].try_into().ok()?),
                })
            })
            .collect::<Option<_>>()?;
        Some(Self { entries })
    }

    /// Returns all entries, in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Returns the entries for `library` that require no processor features.
    pub fn entries_for(&self, library: &OsStr) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.name == library && entry.hwcap == 0)
    }

    /// Adds `entry`, unless the index has a library of that name for that machine. Returns whether
    /// it was added.
    pub fn insert(&mut self, entry: Entry) -> bool {
        let known = self.entries.iter().any(|known| known.name == entry.name && known.flags == entry.flags);
        if !known {
            self.entries.push(entry);
        }
        !known
    }

    /// Encodes the index as the loader reads it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut entries: Vec<_> = self
            .entries
            .iter()
            // The meaning of a hwcap is in an extension of the file, which isn't kept.
            .filter(|entry| entry.hwcap == 0)
            .collect();
        // The loader's search expects a descending table.
        entries
            .sort_by(|a, b| compare_names(b.name.as_bytes(), a.name.as_bytes()).then(b.flags.cmp(&a.flags)));
        let mut strings: Vec<u8> = Vec::new();
        let mut table: Vec<u8> = Vec::new();
        let strings_start = HEADER_SIZE + entries.len() * ENTRY_SIZE;
        let mut place = |text: &OsStr| {
            let at = strings_start + strings.len();
            strings.extend_from_slice(text.as_bytes());
            strings.push(0);
            u32::try_from(at).unwrap_or(u32::MAX).to_ne_bytes()
        };
        for entry in &entries {
            table.extend(entry.flags.to_ne_bytes());
            table.extend(place(&entry.name));
            table.extend(place(&entry.path));
            table.extend(0_u32.to_ne_bytes());
            table.extend(entry.hwcap.to_ne_bytes());
        }
        let count = u32::try_from(entries.len()).unwrap_or(u32::MAX);
        let length = u32::try_from(strings.len()).unwrap_or(u32::MAX);
        let mut bytes = MAGIC.to_vec();
        bytes.extend(count.to_ne_bytes());
        bytes.extend(length.to_ne_bytes());
        bytes.extend([BYTE_ORDER, 0, 0, 0]);
        bytes.resize(HEADER_SIZE, 0);
        bytes.extend(table);
        bytes.extend(strings);
        bytes
    }
}

/// Returns where the table of the current format starts.
fn table_start(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(OLD_MAGIC) {
        return Some(0);
    }
    // The old table: its start padded to 12 bytes, a count, and 12 bytes for each entry.
    let count = usize::try_from(word(bytes, 12)?).ok()?;
    Some((16 + count.checked_mul(12)?).next_multiple_of(8))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(u32::from_ne_bytes(bytes))
}

/// Compares as the table is sorted: by bytes, but runs of digits as numbers, and digits after
/// everything else. Strings end in a NUL, as in C, and C's `char` is signed on some processors.
fn compare_names(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        match (a.first(), b.first()) {
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (number_a, rest_a) = number(a);
                let (number_b, rest_b) = number(b);
                if number_a != number_b {
                    return number_a.cmp(&number_b);
                }
                (a, b) = (rest_a, rest_b);
            }
            (Some(x), _) if x.is_ascii_digit() => return Ordering::Greater,
            (_, Some(y)) if y.is_ascii_digit() => return Ordering::Less,
            (Some(x), Some(y)) if x == y => (a, b) = (&a[1..], &b[1..]),
            (x, y) => return character(x).cmp(&character(y)),
        }
    }
}

/// Returns a character, or the NUL at the end, as C promotes it.
fn character(byte: Option<&u8>) -> i32 {
    byte.map_or(0, |&byte| i32::from(byte as c_char))
}

/// Returns the number at the beginning of `text`, and the rest. The loader's number is an `int`,
/// which wraps around if it is too large.
fn number(text: &[u8]) -> (i32, &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let value = text[..end]
        .iter()
        .fold(0_i32, |value, digit| value.wrapping_mul(10).wrapping_add(i32::from(digit - b'0')));
    (value, &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, path: &str) -> Entry {
        Entry { flags: 0x0303, name: name.into(), path: path.into(), hwcap: 0 }
    }

    #[test]
    fn numbers_in_names_count_as_numbers() {
        for (a, b, order) in [
            ("libx.so.9", "libx.so.10", Ordering::Less),
            ("libx.so.1", "libx.so", Ordering::Greater),
            ("libx1.so", "libxa.so", Ordering::Greater),
            ("liba.so", "libb.so", Ordering::Less),
            ("libx.so.010", "libx.so.10", Ordering::Equal),
        ] {
            assert_eq!(compare_names(a.as_bytes(), b.as_bytes()), order, "{a} {b}");
        }
    }

    #[test]
    fn names_are_in_the_order_of_the_loaders_int_and_char() {
        for (a, b) in [("libx.so.3000000000", "libx.so.2"), ("lib\u{e9}.so", "liba.so"), ("lib\u{e9}", "lib")]
        {
            assert_eq!(compare_names(a.as_bytes(), b.as_bytes()), Ordering::Less, "{a} {b}");
        }
    }

    #[test]
    fn what_is_written_is_read_back_sorted() {
        let mut index = Index::default();
        assert!(index.insert(entry("libb.so.2", "/opt/b/libb.so.2")));
        assert!(index.insert(entry("libb.so.10", "/opt/b/libb.so.10")));
        assert!(!index.insert(entry("libb.so.2", "/elsewhere/libb.so.2")));
        let back = Index::parse(&index.to_bytes()).expect("an index");
        let names: Vec<_> = back.entries.iter().map(|entry| &entry.name).collect();
        assert_eq!(names, ["libb.so.10", "libb.so.2"]);
        let found: Vec<_> = back.entries_for(OsStr::new("libb.so.2")).map(Entry::path).collect();
        assert_eq!(found, [Path::new("/opt/b/libb.so.2")]);
    }

    #[test]
    fn table_behind_an_old_one_is_found() {
        let mut index = Index::default();
        index.insert(entry("libb.so.2", "/opt/b/libb.so.2"));
        let mut bytes = OLD_MAGIC.to_vec();
        bytes.resize(12, 0);
        bytes.extend(1_u32.to_ne_bytes());
        bytes.resize(16 + 12, 0);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes.extend(index.to_bytes());
        assert_eq!(Index::parse(&bytes), Some(index));
    }

    #[test]
    fn damage_is_no_index() {
        let mut index = Index::default();
        index.insert(entry("libb.so.2", "/opt/b/libb.so.2"));
        let bytes = index.to_bytes();
        for end in 0..bytes.len() {
            assert_eq!(Index::parse(&bytes[..end]), None, "cut at {end}");
        }
        assert_eq!(Index::parse(b"ld.so-1.7.0"), None);
    }
}
