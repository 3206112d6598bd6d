//! Programs and libraries that are copied into a root: newroot must read a working program as the
//! kernel and glibc's loader do.

use std::ffi::{OsStr, OsString};
use std::io::Cursor;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt as _;

use newroot_roots::elf::{self, Elf, Kind};

const LOAD: u32 = 1;
const DYNAMIC: u32 = 2;
const INTERPRETER: u32 = 3;

/// Bytes of the longest possible path, including its NUL.
const PATH_MAX: usize = 4096;

/// Reads arbitrary bytes as a program.
///
/// # Panics
/// If newroot reads a program that the kernel and the loader accept differently from them.
pub fn check(bytes: &[u8]) {
    let kind = elf::parse(Cursor::new(bytes));
    match &kind {
        Kind::Other => assert!(bytes.len() < 20 || !bytes.starts_with(b"\x7fELF")),
        Kind::Foreign(name) => assert!(!name.is_empty() && !is_native(bytes)),
        Kind::Native(_) | Kind::Malformed => assert!(is_native(bytes)),
    }
    if let Some(expected) = File(bytes).as_executed() {
        assert_eq!(kind, Kind::Native(expected));
    }
}

/// Checks for 64 bits, little-endian order and this processor.
fn is_native(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\x7fELF\x02\x01") && bytes.get(18..20) == Some(&[62, 0])
}

/// A file, read by the offsets of elf(5). A method returns `None` where the kernel or the loader
/// would fail.
struct File<'a>(&'a [u8]);

/// A program header.
#[derive(Debug)]
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    size: u64,
}

impl File<'_> {
    fn bytes(&self, range: Range<u64>) -> Option<&[u8]> {
        self.0.get(range.start.try_into().ok()?..range.end.try_into().ok()?)
    }

    fn number<const N: usize>(&self, at: u64) -> Option<u64> {
        let mut number = [0; 8];
        number[..N].copy_from_slice(self.bytes(at..at.checked_add(N as u64)?)?);
        Some(u64::from_le_bytes(number))
    }

    fn segments(&self) -> Option<Vec<Segment>> {
        let (start, count) = (self.number::<8>(32)?, self.number::<2>(56)?);
        // The kernel accepts at most 64 KiB of program headers. By elf(5), offset 0 means that
        // there are none, although the kernel would read the file's header as one.
        let is_valid = start > 0 && self.number::<2>(54)? == 56 && (1..=65536 / 56).contains(&count);
        let segment = |at: u64| {
            self.bytes(at..at.checked_add(56)?)?;
            Some(Segment {
                kind: self.number::<4>(at)? as u32,
                offset: self.number::<8>(at + 8)?,
                address: self.number::<8>(at + 16)?,
                size: self.number::<8>(at + 32)?,
            })
        };
        is_valid.then(|| (0..count).map(|index| segment(start.checked_add(index * 56)?)).collect())?
    }

    fn as_executed(&self) -> Option<Elf> {
        // The loader requires a version, the kernel a complete header.
        if !is_native(self.0) || self.0.get(6) != Some(&1) || self.0.len() < 64 {
            return None;
        }
        let segments = self.segments()?;
        let mut elf = Elf { interpreter: self.interpreter(&segments)?.map(Into::into), ..Elf::default() };
        let Some(dynamic) = segments.iter().rfind(|segment| segment.kind == DYNAMIC && segment.size > 0)
        else {
            return Some(elf);
        };
        // The loader finds the section in memory.
        if loaded(&segments, dynamic.address)?.start != dynamic.offset {
            return None;
        }
        let entries = self.dynamic(dynamic)?;
        let last = |tag: u64| entries.iter().rfind(|entry| entry.0 == tag).map(|entry| entry.1);
        let strings = last(5);
        let string = |at: u64, most: usize| {
            let range = loaded(&segments, strings?)?;
            let text = self.bytes(range.start.checked_add(at)?..range.end)?;
            let end = text.iter().take(most).position(|&byte| byte == 0)?;
            Some(OsStr::from_bytes(&text[..end]).to_owned())
        };
        let needed = entries.iter().filter(|entry| entry.0 == 1);
        elf.needed = needed.map(|entry| string(entry.1, PATH_MAX)).collect::<Option<_>>()?;
        // A string that is present must be readable.
        let text = |tag: u64, most: usize| last(tag).map_or(Some(None), |at| string(at, most).map(Some));
        elf.soname = text(14, PATH_MAX)?;
        elf.runpath = text(29, usize::MAX)?;
        if elf.runpath.is_none() {
            elf.rpath = text(15, usize::MAX)?;
        }
        elf.no_default_directories = last(0x6fff_fffb).is_some_and(|flags| flags & 0x800 != 0);
        Some(elf)
    }

    /// Returns the first interpreter, as load_elf_binary() of fs/binfmt_elf.c reads it; the outer
    /// `None` is an error.
    fn interpreter(&self, segments: &[Segment]) -> Option<Option<OsString>> {
        let Some(segment) = segments.iter().find(|segment| segment.kind == INTERPRETER) else {
            return Some(None);
        };
        let text = self.bytes(segment.offset..segment.offset.checked_add(segment.size)?)?;
        let is_valid = (2..=PATH_MAX).contains(&text.len()) && text.last() == Some(&0);
        let end = text.iter().position(|&byte| byte == 0)?;
        is_valid.then(|| Some(OsStr::from_bytes(&text[..end]).to_owned()))
    }

    /// Returns the tags and values in front of the one that ends the section.
    fn dynamic(&self, segment: &Segment) -> Option<Vec<(u64, u64)>> {
        // The loader wouldn't notice that bytes behind the last entry are missing.
        self.bytes(segment.offset..segment.offset.checked_add(segment.size & !15)?)?;
        let mut entries = Vec::new();
        for index in 0..segment.size / 16 {
            let at = segment.offset.checked_add(index * 16)?;
            match (self.number::<8>(at)?, self.number::<8>(at.checked_add(8)?)?) {
                (0, _) => return Some(entries),
                entry => entries.push(entry),
            }
        }
        None
    }
}

/// Returns the part of the file that is loaded from this address on.
fn loaded(segments: &[Segment], address: u64) -> Option<Range<u64>> {
    let mut end = 0;
    let mut found = None;
    for segment in segments.iter().filter(|segment| segment.kind == LOAD) {
        // A segment that isn't above the others covers a part of them.
        if segment.address < end {
            return None;
        }
        end = segment.address.checked_add(segment.size)?;
        if (segment.address..end).contains(&address) {
            let offset = segment.offset.checked_add(address - segment.address)?;
            found = Some(offset..segment.offset.checked_add(segment.size)?);
        }
    }
    found
}
