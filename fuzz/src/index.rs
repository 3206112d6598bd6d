//! The index of libraries, `ld.so.cache`, of the host and of a root; the latter may contain any
//! bytes.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use newroot_roots::loader::index::{Entry, Index};

/// Bytes of a header and of an entry.
const HEADER: usize = 48;
const ENTRY: usize = 24;

/// Reads arbitrary bytes as an index, and writes the result again.
///
/// # Panics
/// If an entry is read differently from the file, or if a library isn't found in the written index
/// where glibc's loader looks for it.
pub fn check(bytes: &[u8]) {
    let Some(index) = Index::parse(bytes) else { return };
    for (number, entry) in index.entries().iter().enumerate() {
        assert_eq!(*entry, read_directly(bytes, number), "entry {number}");
    }

    let written = index.to_bytes();
    let again = Index::parse(&written).expect("newroot's own index");
    assert_eq!(again.to_bytes(), written, "a sorted index stays the same");
    for entry in index.entries() {
        let kept = |index: &Index| index.entries_for(&entry.name).filter(|other| *other == entry).count();
        assert_eq!(kept(&again), kept(&index), "{entry:?}");
        // newroot doesn't write entries that require a processor feature.
        if entry.hwcap == 0 {
            let found = looked_up(&again, &entry.name);
            assert!(found.contains(&entry), "{entry:?} in {again:?}");
        }
    }

    let mut larger = index.clone();
    for entry in index.entries() {
        assert!(!larger.insert(entry.clone()), "the entry exists already");
    }
    assert_eq!(larger, index);
}

/// Returns an entry of the file by the offsets in glibc's sysdeps/generic/dl-cache.h.
fn read_directly(bytes: &[u8], number: usize) -> Entry {
    let word = |bytes: &[u8], at: usize| u32::from_ne_bytes(*bytes[at..].first_chunk().expect("a word"));
    let mut table = bytes;
    if bytes.starts_with(b"ld.so-1.7.0") {
        let end = 16 + 12 * word(bytes, 12) as usize;
        table = &bytes[end + (8 - end % 8) % 8..];
    }
    let entry = &table[HEADER + number * ENTRY..][..ENTRY];
    let text = |at: usize| {
        let text = &table[word(entry, at) as usize..];
        let end = (0..).find(|&end| text[end] == 0).expect("a NUL, or else a panic at the end");
        OsStr::from_bytes(&text[..end]).to_owned()
    };
    let hwcap = u64::from_ne_bytes(*entry[16..].first_chunk().expect("two words"));
    Entry { flags: word(entry, 0), name: text(4), path: text(8), hwcap }
}

/// Returns the entries that the loader finds for a library: a binary search in a descending table,
/// and from the hit on in both directions.
fn looked_up<'a>(index: &'a Index, library: &OsStr) -> Vec<&'a Entry> {
    let entries = index.entries();
    let order = |entry: &Entry| loader_order(library.as_bytes(), entry.name.as_bytes());
    let (mut left, mut right) = (0, entries.len());
    while left < right {
        let middle = left.midpoint(right);
        match order(&entries[middle]) {
            Ordering::Less => left = middle + 1,
            Ordering::Greater => right = middle,
            Ordering::Equal => {
                let is_same = |entry: &&Entry| order(entry) == Ordering::Equal;
                let before = entries[..middle].iter().rev().take_while(is_same);
                return before.chain(entries[middle..].iter().take_while(is_same)).collect();
            }
        }
    }
    Vec::new()
}

/// Compares as `_dl_cache_libcmp` of glibc's elf/dl-cache.c does on C strings: the end reads as
/// NUL, `char` is signed, and an overflowing `int` wraps around.
fn loader_order(one: &[u8], other: &[u8]) -> Ordering {
    let digit = |text: &[u8], at: usize| text.get(at).copied().filter(u8::is_ascii_digit);
    let character = |text: &[u8], at: usize| text.get(at).map_or(0, |&byte| i32::from(byte.cast_signed()));
    let (mut i, mut j) = (0, 0);
    while i < one.len() {
        match (digit(one, i), digit(other, j)) {
            (Some(_), Some(_)) => {
                let [mut number, mut other_number] = [0_i32; 2];
                for (text, at, number) in [(one, &mut i, &mut number), (other, &mut j, &mut other_number)] {
                    while let Some(digit) = digit(text, *at) {
                        *number = number.wrapping_mul(10).wrapping_add(i32::from(digit - b'0'));
                        *at += 1;
                    }
                }
                if number != other_number {
                    return number.cmp(&other_number);
                }
            }
            (Some(_), None) => return Ordering::Greater,
            (None, Some(_)) => return Ordering::Less,
            (None, None) if character(one, i) != character(other, j) => break,
            (None, None) => (i, j) = (i + 1, j + 1),
        }
    }
    character(one, i).cmp(&character(other, j))
}
