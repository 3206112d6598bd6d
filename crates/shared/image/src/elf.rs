//! ELF headers, as far as execve(2) reads them (elf(5), fs/binfmt_elf.c).

/// Bytes of a 64-bit program header.
pub const PROGRAM_HEADER_LEN: usize = 56;

/// Bytes of a 64-bit ELF header.
pub const ELF_HEADER_LEN: usize = 64;

/// Bytes of a 64-bit ELF header.
const HEADER_LEN: usize = 64;

/// Width of a program's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// 32 bits.
    Elf32,
    /// 64 bits.
    Elf64,
}

/// Way in which a program is to be loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// At the addresses that its headers name (ET_EXEC).
    Fixed,
    /// At any address (ET_DYN).
    Anywhere,
}

/// Reason why a file can't be loaded as a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderError {
    /// The file isn't ELF.
    NotElf,
    /// The file is an ELF file for another machine, given by its class and `e_machine`.
    Foreign(Class, u16),
    /// The file is ELF but not a program, or is damaged.
    Malformed,
}

/// The fields of the ELF header that a loader needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Way in which the program is to be loaded.
    pub kind: Kind,
    /// `e_machine`.
    pub machine: u16,
    /// Entry point, before relocation.
    pub entry: u64,
    /// File offset of the program headers.
    pub program_headers: u64,
    /// Number of program headers.
    pub count: u16,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// `e_machine` of the CPU that this crate was compiled for.
const MACHINE: u16 = if cfg!(target_arch = "aarch64") { 183 } else { 62 };

impl Header {
    /// Reads the header from the head of a file.
    ///
    /// # Errors
    /// The reason, if the file isn't a 64-bit little-endian program for this CPU.
    pub fn parse(head: &[u8]) -> Result<Self, HeaderError> {
        if !head.starts_with(b"\x7fELF") {
            return Err(HeaderError::NotElf);
        }
        let malformed = HeaderError::Malformed;
        let class = match head.get(4) {
            Some(1) => Class::Elf32,
            Some(2) => Class::Elf64,
            _ => return Err(malformed),
        };
        let little_endian = head.get(5) == Some(&1);
        let machine = u16_at(head, 18).ok_or(malformed)?;
        let machine = if little_endian { machine } else { machine.swap_bytes() };
        if class != Class::Elf64 || !little_endian || machine != MACHINE {
            return Err(HeaderError::Foreign(class, machine));
        }
        if head.len() < HEADER_LEN {
            return Err(malformed);
        }
        let kind = match u16_at(head, 16) {
            Some(2) => Kind::Fixed,
            Some(3) => Kind::Anywhere,
            _ => return Err(malformed),
        };
        if u16_at(head, 54) != Some(PROGRAM_HEADER_LEN as u16) {
            return Err(malformed);
        }
        let header = Self {
            kind,
            machine,
            entry: u64_at(head, 24).ok_or(malformed)?,
            program_headers: u64_at(head, 32).ok_or(malformed)?,
            count: u16_at(head, 56).ok_or(malformed)?,
        };
        // The kernel refuses more than 64 KiB of program headers (load_elf_phdrs).
        if header.count == 0 || usize::from(header.count) * PROGRAM_HEADER_LEN > 65536 {
            return Err(malformed);
        }
        Ok(header)
    }
}

/// Kind of a program header, as far as a loader distinguishes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// PT_LOAD.
    Load,
    /// PT_INTERP.
    Interpreter,
    /// PT_GNU_STACK.
    Stack,
    /// Any other type.
    Other,
}

/// A program header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramHeader {
    /// Kind of the header.
    pub segment: Segment,
    /// PF_X 1, PF_W 2, PF_R 4.
    pub flags: u32,
    /// Offset in the file.
    pub offset: u64,
    /// Address in memory, before relocation.
    pub address: u64,
    /// Bytes in the file.
    pub file_size: u64,
    /// Bytes in memory.
    pub memory_size: u64,
    /// Alignment.
    pub align: u64,
}

impl ProgramHeader {
    /// Reads a program header. Returns `None` if `bytes` is too short.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        Some(Self {
            segment: match u32_at(bytes, 0)? {
                1 => Segment::Load,
                3 => Segment::Interpreter,
                0x6474_e551 => Segment::Stack,
                _ => Segment::Other,
            },
            flags: u32_at(bytes, 4)?,
            offset: u64_at(bytes, 8)?,
            address: u64_at(bytes, 16)?,
            file_size: u64_at(bytes, 32)?,
            memory_size: u64_at(bytes, 40)?,
            align: u64_at(bytes, 48)?,
        })
    }

    /// Checks whether the segment's code may be executed.
    #[must_use]
    pub fn executable(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Checks whether the segment's memory may be written.
    #[must_use]
    pub fn writable(&self) -> bool {
        self.flags & 2 != 0
    }

    /// Checks whether the segment's memory may be read.
    #[must_use]
    pub fn readable(&self) -> bool {
        self.flags & 4 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(edit: impl FnOnce(&mut [u8; 64])) -> Result<Header, HeaderError> {
        let mut head = [0; 64];
        head[..6].copy_from_slice(b"\x7fELF\x02\x01");
        head[16] = 3;
        head[18] = MACHINE as u8;
        head[54] = PROGRAM_HEADER_LEN as u8;
        head[56] = 1;
        edit(&mut head);
        Header::parse(&head)
    }

    #[test]
    fn a_program_for_this_machine_is_read() {
        assert_eq!(header(|_| {}).map(|header| header.kind), Ok(Kind::Anywhere));
        assert_eq!(header(|head| head[16] = 2).map(|header| header.kind), Ok(Kind::Fixed));
    }

    #[test]
    fn the_machine_of_a_foreign_program_is_reported() {
        assert_eq!(header(|head| head[18] = 40), Err(HeaderError::Foreign(Class::Elf64, 40)));
        assert_eq!(
            header(|head| {
                head[4] = 1;
                head[18] = 3;
            }),
            Err(HeaderError::Foreign(Class::Elf32, 3))
        );
        let big_endian = header(|head| {
            head[5] = 2;
            (head[18], head[19]) = (0, 21);
        });
        assert_eq!(big_endian, Err(HeaderError::Foreign(Class::Elf64, 21)));
    }

    #[test]
    fn damaged_headers_are_rejected() {
        assert_eq!(header(|head| head[16] = 1), Err(HeaderError::Malformed));
        assert_eq!(header(|head| head[54] = 32), Err(HeaderError::Malformed));
        assert_eq!(header(|head| head[56] = 0), Err(HeaderError::Malformed));
        assert_eq!(Header::parse(b"\x7fELF\x02\x01"), Err(HeaderError::Malformed));
        assert_eq!(Header::parse(b"MZ"), Err(HeaderError::NotElf));
    }
}
