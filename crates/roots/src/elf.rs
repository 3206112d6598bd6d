//! What an ELF file says about how it is run and linked.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use object::Endianness;
use object::elf;
use object::read::elf::{Dyn as _, FileHeader, ProgramHeader as _};
use object::read::{ReadCache, ReadRef};

/// The parts of a program or library that the kernel and the loader go by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Elf {
    /// `PT_INTERP`: the dynamic loader.
    pub(crate) interpreter: Option<PathBuf>,
    /// `DT_NEEDED`, in order.
    pub(crate) needed: Vec<OsString>,
    /// `DT_SONAME`.
    pub(crate) soname: Option<OsString>,
    /// `DT_RPATH`, unless there is a `DT_RUNPATH`: both loaders ignore it then.
    pub(crate) rpath: Option<OsString>,
    /// `DT_RUNPATH`.
    pub(crate) runpath: Option<OsString>,
    /// `DF_1_NODEFLIB`: the loader's own directories are not searched.
    pub(crate) no_default_directories: bool,
}

/// What a file is, as far as its first bytes tell.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    /// ELF for this machine.
    Native(Elf),
    /// ELF for another machine, and its name.
    Foreign(String),
    /// ELF by its first bytes, but not to be made sense of.
    Malformed,
    /// Something else.
    Other,
}

/// Reads the headers and the dynamic section of the file at `path`, and no more of it.
pub(crate) fn read(path: &Path) -> io::Result<Kind> {
    let file = File::open(path)?;
    let data = ReadCache::new(file);
    let ident = match (&data).read_bytes_at(0, 20) {
        Ok(ident) if ident.starts_with(b"\x7fELF") => ident,
        _ => return Ok(Kind::Other),
    };
    let machine = match ident[5] {
        2 => u16::from_be_bytes([ident[18], ident[19]]),
        _ => u16::from_le_bytes([ident[18], ident[19]]),
    };
    let here = Machine::of_this_build();
    let there = Machine { class: ident[4], encoding: ident[5], machine };
    if here.machine != 0 && there != here {
        return Ok(Kind::Foreign(there.name()));
    }
    let parsed = if cfg!(target_pointer_width = "64") {
        parse::<elf::FileHeader64<Endianness>>(&data)
    } else {
        parse::<elf::FileHeader32<Endianness>>(&data)
    };
    Ok(parsed.map_or(Kind::Malformed, Kind::Native))
}

/// Word size, byte order and processor, as an ELF header numbers them.
#[derive(PartialEq, Eq)]
struct Machine {
    class: u8,
    encoding: u8,
    machine: u16,
}

/// `EM_*` numbers and the names that uname(1) and Rust give those processors.
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

/// `None` where the file contradicts itself.
fn parse<Header>(data: &ReadCache<File>) -> Option<Elf>
where
    Header: FileHeader<Endian = Endianness>,
{
    let header = Header::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let segments = header.program_headers(endian, data).ok()?;
    let mut found = Elf::default();
    let mut dynamic = None;
    for segment in segments {
        if let Some(path) = segment.interpreter(endian, data).ok()? {
            found.interpreter = Some(OsString::from_vec(path.to_vec()).into());
        }
        if let Some(entries) = segment.dynamic(endian, data).ok()? {
            dynamic = Some(entries);
        }
    }
    let Some(entries) = dynamic else {
        return Some(found);
    };
    let entries: Vec<_> = entries
        .iter()
        .map(|entry| (entry.tag(endian), entry.val(endian)))
        .take_while(|(tag, _)| *tag != elf::DT_NULL)
        .collect();
    let Some((_, table)) = entries.iter().find(|(tag, _)| *tag == elf::DT_STRTAB) else {
        return Some(found);
    };
    // The table is given by its address in memory; the segment that is loaded there
    // says where it is in the file.
    let strings = segments.iter().find_map(|segment| {
        let address: u64 = segment.p_vaddr(endian).into();
        let (offset, size) = segment.file_range(endian);
        let into = table.checked_sub(address)?;
        (segment.p_type(endian) == elf::PT_LOAD && into < size)
            .then(|| (offset.saturating_add(into), offset.saturating_add(size)))
    })?;
    let string = |at: u64| -> Option<OsString> {
        let start = strings.0.checked_add(at)?;
        let text = data.read_bytes_at_until(start..strings.1, 0).ok()?;
        Some(OsString::from_vec(text.to_vec()))
    };
    for (tag, value) in entries {
        match tag {
            elf::DT_NEEDED => found.needed.push(string(value)?),
            elf::DT_SONAME => found.soname = Some(string(value)?),
            elf::DT_RPATH => found.rpath = Some(string(value)?),
            elf::DT_RUNPATH => found.runpath = Some(string(value)?),
            elf::DT_FLAGS_1 => {
                found.no_default_directories = value & elf::DF_1_NODEFLIB.0 != 0;
            }
            _ => {}
        }
    }
    if found.runpath.is_some() {
        found.rpath = None;
    }
    Some(found)
}
