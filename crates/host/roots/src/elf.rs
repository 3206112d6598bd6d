//! Reads how an ELF file is run and linked.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::ops::Range;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use newroot_abi::PATH_MAX;
use object::Endianness;
use object::elf;
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _};
use object::read::{ReadCache, ReadRef};

/// The parts of a program or library that the kernel and the loader use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elf {
    /// `PT_INTERP`: the dynamic loader.
    pub interpreter: Option<PathBuf>,
    /// `DT_NEEDED`, in order.
    pub needed: Vec<OsString>,
    /// `DT_SONAME`.
    pub soname: Option<OsString>,
    /// `DT_RPATH`, unless there is a `DT_RUNPATH`: both loaders ignore it then.
    pub rpath: Option<OsString>,
    /// `DT_RUNPATH`.
    pub runpath: Option<OsString>,
    /// `DF_1_NODEFLIB`: the loader's own directories are not searched.
    pub no_default_directories: bool,
}

/// Type of a file, by its first bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// ELF for this machine.
    Native(Elf),
    /// ELF for another machine, whose name this is.
    Foreign(String),
    /// ELF by its first bytes, but damaged.
    Malformed,
    /// Something else.
    Other,
}

/// Reads the file at `path`.
pub(crate) fn read(path: &Path) -> io::Result<Kind> {
    Ok(parse(File::open(path)?))
}

/// Reads the headers and the dynamic section of a file, and nothing else.
pub fn parse(file: impl Read + Seek) -> Kind {
    let data = ReadCache::new(file);
    let ident = match (&data).read_bytes_at(0, 20) {
        Ok(ident) if ident.starts_with(b"\x7fELF") => ident,
        _ => return Kind::Other,
    };
    let machine = match ident[5] {
        2 => u16::from_be_bytes([ident[18], ident[19]]),
        _ => u16::from_le_bytes([ident[18], ident[19]]),
    };
    let here = Machine::of_this_build();
    let there = Machine { class: ident[4], encoding: ident[5], machine };
    if here.machine != 0 && there != here {
        return Kind::Foreign(there.name());
    }
    let parsed = if cfg!(target_pointer_width = "64") {
        parse_native::<elf::FileHeader64<Endianness>, _>(&data)
    } else {
        parse_native::<elf::FileHeader32<Endianness>, _>(&data)
    };
    parsed.map_or(Kind::Malformed, Kind::Native)
}

/// Word size, byte order and processor, in the numbers of an ELF header.
#[derive(PartialEq, Eq)]
struct Machine {
    class: u8,
    encoding: u8,
    machine: u16,
}

/// `EM_*` numbers, and the names of uname(1) and Rust for those processors.
const MACHINES: &[(u16, &str)] = &[
    (3, "i386"),
    (8, "mips"),
    (20, "powerpc"),
    (21, "powerpc64"),
    (22, "s390x"),
    (40, "arm"),
    (62, "x86_64"),
    (183, "aarch64"),
    (243, "riscv64"),
    (258, "loongarch64"),
];

impl Machine {
    fn of_this_build() -> Self {
        let number = MACHINES
            .iter()
            .find(|(_, name)| *name == std::env::consts::ARCH)
            .map_or(0, |(number, _)| *number);
        Self {
            class: if cfg!(target_pointer_width = "64") { 2 } else { 1 },
            encoding: if cfg!(target_endian = "big") { 2 } else { 1 },
            machine: number,
        }
    }

    fn name(&self) -> String {
        match (self.machine, self.class) {
            // 32-bit pointers on a 64-bit processor.
            (62, 1) => "x32".to_owned(),
            (183, 1) => "aarch64 ILP32".to_owned(),
            (number, _) => MACHINES
                .iter()
                .find(|(known, _)| *known == number)
                .map_or_else(|| format!("machine {number}"), |(_, name)| (*name).to_owned()),
        }
    }
}

/// Returns `None` if the file contradicts itself.
fn parse_native<Header, File>(data: &ReadCache<File>) -> Option<Elf>
where
    Header: FileHeader<Endian = Endianness>,
    File: Read + Seek,
{
    let header = Header::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, data).ok()?;
    // The kernel uses the first interpreter, the loader the last dynamic section that isn't empty.
    let mut found = Elf::default();
    if let Some(segment) = segments.iter().find(|segment| segment.p_type(endian) == elf::PT_INTERP) {
        let path = segment.interpreter(endian, data).ok()??;
        found.interpreter = Some(OsString::from_vec(path.to_vec()).into());
    }
    // Bytes behind the last whole entry don't matter.
    let dynamic = segments.iter().filter(|segment| segment.p_type(endian) == elf::PT_DYNAMIC);
    let dynamic = dynamic.map(|segment| segment.file_range(endian));
    let mut dynamic = dynamic.map(|(offset, size)| (offset, size / size_of::<Header::Dyn>() as u64));
    let Some((offset, count)) = dynamic.rfind(|(_, count)| *count > 0) else {
        return Some(found);
    };
    let entries = data.read_slice_at::<Header::Dyn>(offset, usize::try_from(count).ok()?).ok()?;
    let entries: Vec<_> = entries
        .iter()
        .map(|entry| (entry.tag(endian), entry.val(endian)))
        .take_while(|(tag, _)| *tag != elf::DT_NULL)
        .collect();
    // Of several entries with one tag the loader uses the last.
    let last = |wanted| entries.iter().rfind(|(tag, _)| *tag == wanted).map(|(_, value)| *value);
    found.no_default_directories =
        last(elf::DT_FLAGS_1).is_some_and(|flags| flags & elf::DF_1_NODEFLIB.0 != 0);
    // The string table's address is that in memory. The segment that is loaded there has its offset
    // in the file.
    let table = last(elf::DT_STRTAB);
    let strings = segments.iter().find_map(|segment| {
        let address: u64 = segment.p_vaddr(endian).into();
        let (offset, size) = segment.file_range(endian);
        let into = table?.checked_sub(address)?;
        (segment.p_type(endian) == elf::PT_LOAD && into < size)
            .then(|| (offset.saturating_add(into), offset.saturating_add(size)))
    });
    let string = |at: u64, most: u64| {
        let (start, end) = strings?;
        text(data, start.checked_add(at)?..end, most)
    };
    for (_, name) in entries.iter().filter(|(tag, _)| *tag == elf::DT_NEEDED) {
        found.needed.push(string(*name, PATH_MAX as u64)?);
    }
    if let Some(name) = last(elf::DT_SONAME) {
        found.soname = Some(string(name, PATH_MAX as u64)?);
    }
    if let Some(list) = last(elf::DT_RUNPATH) {
        found.runpath = Some(string(list, LIST_MAX)?);
    } else if let Some(list) = last(elf::DT_RPATH) {
        found.rpath = Some(string(list, LIST_MAX)?);
    }
    Some(found)
}

/// Size limit of a list of directories, in bytes. A list may be longer than any path, but must end.
const LIST_MAX: u64 = 1 << 20;

/// Returns the string at the beginning of this range of the file, if it has fewer than `most`
/// bytes.
fn text<File: Read + Seek>(data: &ReadCache<File>, range: Range<u64>, most: u64) -> Option<OsString> {
    const STEP: u64 = 256;
    let end = range.end.min(range.start.saturating_add(most));
    let mut text = Vec::new();
    let mut at = range.start;
    // The library's read_bytes_at_until() stops after 4 KiB.
    while at < end {
        let part = data.read_bytes_at(at, STEP.min(end - at)).ok()?;
        if let Some(length) = part.iter().position(|&byte| byte == 0) {
            text.extend_from_slice(&part[..length]);
            return Some(OsString::from_vec(text));
        }
        text.extend_from_slice(part);
        at += STEP;
    }
    None
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;
    use std::io::Cursor;

    const ADDRESS: u64 = 0x1000;

    /// Makes a program with these interpreters, dynamic entries and strings, all loaded at
    /// [`ADDRESS`].
    fn program(interpreters: &[&str], entries: &[(u64, u64)], strings: &[u8]) -> Vec<u8> {
        let segments = interpreters.len() + 2;
        let mut content: Vec<u8> = Vec::new();
        let mut place = |kind: u32, bytes: &[u8]| {
            let offset = (64 + 56 * segments + content.len()) as u64;
            content.extend(bytes);
            content.resize(content.len().next_multiple_of(8), 0);
            (kind, offset, bytes.len() as u64)
        };
        let mut headers: Vec<_> =
            interpreters.iter().map(|path| place(3, format!("{path}\0").as_bytes())).collect();
        let (_, table, _) = place(0, strings);
        let entries = [entries, &[(5, ADDRESS + table), (0, 0)]].concat();
        let dynamic: Vec<u8> = entries
            .iter()
            .flat_map(|(tag, value)| [tag.to_le_bytes(), value.to_le_bytes()].concat())
            .collect();
        headers.push(place(2, &dynamic));
        headers.insert(0, (1, 0, (64 + 56 * segments + content.len()) as u64));

        let mut file = b"\x7fELF\x02\x01\x01".to_vec();
        file.resize(16, 0);
        file.extend([3, 0, 62, 0, 1, 0, 0, 0]);
        file.extend([ADDRESS, 64, 0].map(u64::to_le_bytes).concat());
        file.extend([0, 0, 0, 0, 64, 0, 56, 0, segments as u8, 0, 0, 0, 0, 0, 0, 0]);
        for (kind, offset, size) in headers {
            let address = ADDRESS + offset;
            file.extend([kind.to_le_bytes(), 5_u32.to_le_bytes()].concat());
            file.extend([offset, address, address, size, size, 8].map(u64::to_le_bytes).concat());
        }
        file.extend(content);
        file
    }

    fn native(file: Vec<u8>) -> Elf {
        match parse(Cursor::new(file)) {
            Kind::Native(elf) => elf,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn another_dynamic_section_in_front_does_no_harm() {
        let mut file = program(&["/one", "/two"], &[(1, 0)], b"libx.so\0");
        // Turns the second interpreter into another dynamic section, at another offset.
        file[64 + 2 * 56] = 2;
        file[64 + 2 * 56 + 8..][..8].fill(0xff);
        let elf = native(file);
        assert_eq!((elf.interpreter, elf.needed), (Some("/one".into()), vec!["libx.so".into()]));
    }

    #[test]
    fn interpreter_is_the_first() {
        assert_eq!(native(program(&["/one", "/two"], &[], b"")).interpreter, Some("/one".into()));
    }

    #[test]
    fn part_of_an_entry_behind_the_others_does_no_harm() {
        for part in 1..16 {
            let mut file = program(&["/one"], &[(0x6fff_fffb, 0x800)], b"");
            // Changes the size of the last of three segments.
            file[64 + 2 * 56 + 32] += part;
            file.extend(vec![0; part.into()]);
            assert!(native(file).no_default_directories);
        }
    }

    #[test]
    fn empty_dynamic_section_is_none() {
        let mut file = program(&["/one"], &[(1, 0)], b"");
        file[64 + 2 * 56 + 32..][..8].fill(0);
        assert_eq!(native(file), Elf { interpreter: Some("/one".into()), ..Elf::default() });
    }

    #[test]
    fn last_of_several_entries_counts() {
        let strings = b"\0/a\0/b\0libx.so\0";
        let elf = native(program(&[], &[(1, 7), (29, 999), (29, 1), (29, 4), (1, 4)], strings));
        assert_eq!((elf.needed, elf.runpath), (vec!["libx.so".into(), "/b".into()], Some("/b".into())));
    }

    #[test]
    fn list_of_directories_may_be_longer_than_a_path() {
        let list = "/nix/store/0123456789-package/lib:".repeat(200);
        let strings = format!("{list}\0");
        assert_eq!(native(program(&[], &[(29, 0)], strings.as_bytes())).runpath, Some(list.into()));
        assert_eq!(parse(Cursor::new(program(&[], &[(1, 0)], strings.as_bytes()))), Kind::Malformed);
    }

    #[test]
    fn strings_that_nothing_asks_for_may_be_nowhere() {
        let elf = native(program(&[], &[(5, 7), (0x6fff_fffb, 0x800), (0, 0)], b""));
        assert!(elf.no_default_directories);
        assert_eq!(parse(Cursor::new(program(&[], &[(1, 7), (5, 7), (0, 0)], b""))), Kind::Malformed);
    }
}
