//! The parts of a file's head that execve(2) reads, compared with the kernel's algorithm for a
//! script's line and with a library for ELF files.

use newroot_abi::Errno;
use newroot_image::{
    HEAD_LEN, Header, HeaderError, Image, Kind, PROGRAM_HEADER_LEN, ProgramHeader, Script, Segment, identify,
    is_shim,
};
use object::elf::{self, FileHeader64, ProgramHeader64};
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use object::{LittleEndian, pod};

/// Reads arbitrary bytes as the head of a file.
///
/// # Panics
/// If the kernel would read them differently.
pub fn check(bytes: &[u8]) {
    let head = &bytes[..bytes.len().min(HEAD_LEN)];
    let identified = identify(head);
    let _ = is_shim(head);
    if head.starts_with(b"#!") {
        let expected = as_read_by_the_kernel(head);
        let read = identified.map(|image| match image {
            Image::Script(Script { interpreter, argument }) => {
                (interpreter.to_vec(), argument.map(<[u8]>::to_vec))
            }
            Image::Elf(_) => panic!("a script was taken for ELF"),
        });
        assert_eq!(read, expected, "{}", head.escape_ascii());
        return;
    }
    let header = Header::parse(head);
    match (identified, header) {
        (Ok(Image::Elf(one)), Ok(other)) => assert_eq!(one, other),
        (Err(Errno::NOEXEC), Err(_)) => {}
        (identified, header) => panic!("{identified:?}, {header:?}"),
    }
    // The library requires alignment.
    let mut aligned = [0_u64; HEAD_LEN / 8];
    let buffer = pod::bytes_of_slice_mut(&mut aligned);
    buffer[..head.len()].copy_from_slice(head);
    let head = &buffer[..head.len()];
    check_header(head, header);
    if let Some(header) = ProgramHeader::parse(head) {
        check_program_header(head, &header);
    }
}

/// Returns a script's interpreter and argument, or the kernel's error (`load_script` of
/// fs/binfmt_script.c).
fn as_read_by_the_kernel(head: &[u8]) -> Result<(Vec<u8>, Option<Vec<u8>>), Errno> {
    const LAST: usize = HEAD_LEN - 1;
    let mut buffer = [0; HEAD_LEN];
    buffer[..head.len()].copy_from_slice(head);
    let is_blank = |at: usize| matches!(buffer[at], b' ' | b'\t');
    // Both functions include the last byte, as the kernel's do.
    let other_than_blank = |from: usize, last: usize| (from..=last).find(|&at| !is_blank(at));
    let terminator = |from: usize, last: usize| (from..=last).find(|&at| is_blank(at) || buffer[at] == 0);

    let mut end = LAST;
    match buffer.iter().position(|&byte| matches!(byte, b'\n' | 0)).filter(|&at| buffer[at] == b'\n') {
        Some(newline) => end = newline,
        None => {
            let name = other_than_blank(2, LAST).ok_or(Errno::NOEXEC)?;
            terminator(name, LAST).ok_or(Errno::NOEXEC)?;
        }
    }
    while is_blank(end - 1) {
        end -= 1;
    }
    let name = other_than_blank(2, end).filter(|&name| name != end).ok_or(Errno::NOEXEC)?;
    let separator = terminator(name, end);
    let argument =
        separator.filter(|&at| buffer[at] != 0).and_then(|separator| other_than_blank(separator, end));
    let text = |from: usize, end: usize| {
        buffer[from..end].iter().copied().take_while(|&byte| byte != 0).collect::<Vec<u8>>()
    };
    let name = text(name, if argument.is_some() { separator.unwrap_or(end) } else { end });
    Ok((name, argument.map(|from| text(from, end))))
}

fn check_header(head: &[u8], header: Result<Header, HeaderError>) {
    let Ok((file, _)) = pod::from_bytes::<FileHeader64<LittleEndian>>(head) else {
        assert!(header.is_err(), "{header:?}");
        return;
    };
    let endian = LittleEndian;
    let (kind, count) = (file.e_type(endian), file.e_phnum(endian));
    let is_program = matches!(kind, elf::ET_EXEC | elf::ET_DYN)
        && head.starts_with(b"\x7fELF")
        && file.is_class_64()
        && file.is_little_endian()
        && file.e_machine(endian) == elf::EM_X86_64
        && usize::from(file.e_phentsize(endian)) == PROGRAM_HEADER_LEN
        && (1..=65536 / PROGRAM_HEADER_LEN).contains(&usize::from(count));
    assert_eq!(header.is_ok(), is_program, "{header:?}");
    if let Ok(header) = header {
        assert_eq!(header.kind, if kind == elf::ET_EXEC { Kind::Fixed } else { Kind::Anywhere });
        assert_eq!(header.machine, file.e_machine(endian).0);
        assert_eq!(header.entry, file.e_entry(endian));
        assert_eq!(header.program_headers, file.e_phoff(endian));
        assert_eq!(header.count, count);
    }
}

fn check_program_header(bytes: &[u8], header: &ProgramHeader) {
    let endian = LittleEndian;
    let (other, _) =
        pod::from_bytes::<ProgramHeader64<LittleEndian>>(bytes).expect("long enough for newroot's parser");
    let segment = match other.p_type(endian) {
        elf::PT_LOAD => Segment::Load,
        elf::PT_INTERP => Segment::Interpreter,
        elf::PT_GNU_STACK => Segment::Stack,
        _ => Segment::Other,
    };
    assert_eq!(header.segment, segment);
    assert_eq!(header.flags, other.p_flags(endian).0);
    assert_eq!(header.offset, other.p_offset(endian));
    assert_eq!(header.address, other.p_vaddr(endian));
    assert_eq!(header.file_size, other.p_filesz(endian));
    assert_eq!(header.memory_size, other.p_memsz(endian));
    assert_eq!(header.align, other.p_align(endian));
}
