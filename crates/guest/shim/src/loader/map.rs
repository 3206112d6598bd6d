//! Mapping the segments of one ELF file (fs/binfmt_elf.c is the rule).
//!
//! # Safety
//! A fixed mapping goes only into a range that was reserved for it just before; a program
//! linked at fixed addresses goes where nothing is, or isn't loaded at all.
#![allow(unsafe_code)]

use newroot_abi::Errno;
use newroot_image::{Header, Kind, PROGRAM_HEADER_LEN, ProgramHeader, Segment};
use newroot_paths::GuestBuf;
use newroot_sys::raw;

use super::head::Head;
use crate::host::{self, Descriptor};

const PAGE: u64 = 4096;
/// Where the kernel puts a position-independent program (ELF_ET_DYN_BASE, x86-64).
const ANYWHERE_BASE: u64 = 0x5555_5555_4000;
/// Program headers read at a time.
const BATCH: usize = 16;

/// One mapped file.
#[derive(Clone, Copy, Debug)]
pub struct Mapped {
    /// How it was loaded.
    pub kind: Kind,
    /// What was added to its addresses.
    pub bias: u64,
    /// Where it begins.
    pub start: u64,
    /// Where it is entered.
    pub entry: usize,
    /// Address of its program headers in memory, and how many there are.
    pub program_headers: (u64, u16),
    /// First executable segment, for the kernel's records.
    pub code: (u64, u64),
    /// Last writable segment, for the kernel's records.
    pub data: (u64, u64),
    /// First address behind everything.
    pub end: u64,
    /// It asks for an executable stack.
    pub executable_stack: bool,
    /// It names an interpreter.
    pub interpreted: bool,
    /// Others' memory lies between its segments.
    scattered: bool,
}

fn page_down(address: u64) -> u64 {
    address & !(PAGE - 1)
}

fn page_up(address: u64) -> Option<u64> {
    Some(address.checked_add(PAGE - 1)? & !(PAGE - 1))
}

/// Calls `visit` with every program header of the file.
fn for_each_header(
    head: &Head<'_>,
    header: &Header,
    mut visit: impl FnMut(&ProgramHeader) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mut batch = [0u8; BATCH * PROGRAM_HEADER_LEN];
    let mut left = usize::from(header.count);
    let mut offset = header.program_headers;
    while left > 0 {
        let count = left.min(BATCH);
        let bytes = batch.get_mut(..count * PROGRAM_HEADER_LEN).ok_or(Errno::NOEXEC)?;
        head.fill(bytes, offset)?;
        for one in bytes.chunks_exact(PROGRAM_HEADER_LEN) {
            visit(&ProgramHeader::parse(one).ok_or(Errno::NOEXEC)?)?;
        }
        left -= count;
        offset += bytes.len() as u64;
    }
    Ok(())
}

/// What the program headers say about the whole.
struct Layout {
    low: u64,
    high: u64,
    align: u64,
    executable_stack: bool,
    interpreted: bool,
    /// The segment at the lowest address that comes first, if nothing but the file is mapped for it.
    first: Option<ProgramHeader>,
}

/// Maps `file`; the path of its interpreter, if it names one and that is wanted, goes to `interpreter`.
/// `random` varies where a position-independent program lies; 0 leaves that to the kernel.
///
/// # Errors
/// ENOEXEC for a file that can't be a program, ENOMEM if its addresses are taken, or what
/// mmap(2) says.
pub(super) fn map(
    file: &Descriptor,
    random: u64,
    mut interpreter: Option<&mut GuestBuf>,
) -> Result<Mapped, Errno> {
    let head = Head::read(file)?;
    let header = Header::parse(head.bytes()).map_err(|_| Errno::NOEXEC)?;

    let mut layout = Layout {
        low: u64::MAX,
        high: 0,
        align: PAGE,
        executable_stack: false,
        interpreted: false,
        first: None,
    };
    for_each_header(&head, &header, |segment| {
        match segment.segment {
            Segment::Load => {
                let end = segment.address.checked_add(segment.memory_size).ok_or(Errno::NOEXEC)?;
                if layout.high == 0 && is_of_the_file(segment) {
                    layout.first = Some(*segment);
                }
                layout.low = layout.low.min(page_down(segment.address));
                layout.high = layout.high.max(end);
                if segment.align.is_power_of_two() {
                    layout.align = layout.align.max(segment.align);
                }
            }
            Segment::Interpreter => {
                if let Some(interpreter) = &mut interpreter {
                    read_interpreter(&head, segment, interpreter)?;
                    layout.interpreted = true;
                }
            }
            Segment::Stack => layout.executable_stack = segment.executable(),
            Segment::Other => {}
        }
        Ok(())
    })?;
    if layout.low >= layout.high {
        return Err(Errno::NOEXEC);
    }

    layout.first = layout.first.filter(|first| page_down(first.address) == layout.low);
    let place = reserve(file, &header, &layout, random);
    let scattered = header.kind == Kind::Fixed && matches!(place, Err(Errno::NOMEM | Errno::EXIST));
    if scattered {
        layout.first = None;
    }
    let bias = if scattered { 0 } else { place? };
    let mut mapped = Mapped {
        kind: header.kind,
        bias,
        start: layout.low.wrapping_add(bias),
        entry: header.entry.wrapping_add(bias) as usize,
        program_headers: (0, header.count),
        code: (0, 0),
        data: (0, 0),
        end: layout.high.wrapping_add(bias),
        executable_stack: layout.executable_stack,
        interpreted: layout.interpreted,
        scattered,
    };
    // Up to where the range is what it should be.
    let mut done = layout.low;
    let all = for_each_header(&head, &header, |segment| {
        if segment.segment == Segment::Load && segment.memory_size > 0 {
            let start = page_down(segment.address);
            if layout.first.is_some() && start > done {
                release(done.wrapping_add(bias), start - done);
            }
            if scattered {
                reserve_segment(start.max(done), segment)?;
            }
            if layout.first != Some(*segment) {
                // SAFETY: the segment lies in the range just reserved.
                unsafe { map_segment(file, segment, bias)? };
            }
            done = done.max(page_up(segment.address + segment.memory_size).ok_or(Errno::NOEXEC)?);
            record(&mut mapped, segment, &header);
        }
        Ok(())
    });
    all.inspect_err(|_| unmap(&mapped)).map(|()| mapped)
}

/// Whether a segment is nothing but pages of the file that nobody writes.
fn is_of_the_file(segment: &ProgramHeader) -> bool {
    segment.file_size > 0 && segment.memory_size <= segment.file_size && !segment.writable()
}

/// Takes a program that won't be run out of memory again; one whose range isn't its own stays.
pub(super) fn unmap(mapped: &Mapped) {
    if mapped.scattered {
        return;
    }
    let end = page_up(mapped.end).unwrap_or(mapped.end);
    // SAFETY: the range is one that `map` reserved, and nothing of it has run.
    unsafe { host::munmap(mapped.start as usize, (end - mapped.start) as usize) };
}

/// Reads the path of a program's interpreter; false if it names none.
///
/// # Errors
/// ENOEXEC for a file that can't be a program, or what reading it says.
pub fn interpreter_of(head: &Head<'_>, out: &mut GuestBuf) -> Result<bool, Errno> {
    let header = Header::parse(head.bytes()).map_err(|_| Errno::NOEXEC)?;
    let mut found = false;
    for_each_header(head, &header, |segment| {
        if segment.segment == Segment::Interpreter && !found {
            found = true;
            read_interpreter(head, segment, out)?;
        }
        Ok(())
    })?;
    Ok(found)
}

fn read_interpreter(head: &Head<'_>, segment: &ProgramHeader, out: &mut GuestBuf) -> Result<(), Errno> {
    let len = usize::try_from(segment.file_size).map_err(|_| Errno::NOEXEC)?;
    let space = out.space();
    // Like the kernel: at least one character and the NUL, at most PATH_MAX.
    let bytes = space.get_mut(..len).filter(|_| len >= 2).ok_or(Errno::NOEXEC)?;
    head.fill(bytes, segment.offset)?;
    if bytes.last() != Some(&0) {
        return Err(Errno::NOEXEC);
    }
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(0);
    out.set_len(end);
    Ok(())
}

/// Gives back a part of the range.
fn release(at: u64, len: u64) {
    // SAFETY: the range is one we reserved and nobody uses.
    unsafe { host::munmap(at as usize, len as usize) };
}

/// Reserves the whole range of the program, as the kernel does: by mapping its first segment over all of it, where
/// that is nothing but pages of the file. The result is what to add to its addresses.
fn reserve(file: &Descriptor, header: &Header, layout: &Layout, random: u64) -> Result<u64, Errno> {
    let len = page_up(layout.high).ok_or(Errno::NOEXEC)? - layout.low;
    let reserve = |at: u64, len: u64, flags: u32| -> Result<u64, Errno> {
        // SAFETY: never MAP_FIXED: what is mapped stays.
        let at = unsafe {
            match &layout.first {
                Some(first) => {
                    let flags = raw::MAP_PRIVATE | flags;
                    let offset = page_down(first.offset);
                    host::mmap(at as usize, len as usize, protection_of(first), flags, file.number(), offset)
                }
                None => {
                    let flags = raw::MAP_PRIVATE | raw::MAP_ANONYMOUS | raw::MAP_NORESERVE | flags;
                    host::mmap(at as usize, len as usize, raw::PROT_NONE, flags, -1, 0)
                }
            }
        };
        at.map(|at| at as u64)
    };

    if header.kind == Kind::Fixed {
        // A kernel before 4.17 takes the address for a hint: look where it went.
        let at = reserve(layout.low, len, raw::MAP_FIXED_NOREPLACE)?;
        if at != layout.low {
            release(at, len);
            return Err(Errno::NOMEM);
        }
        return Ok(0);
    }
    if random != 0 {
        let wanted = (ANYWHERE_BASE + (random & 0xff_ffff) * PAGE) & !(layout.align - 1);
        match reserve(wanted, len, raw::MAP_FIXED_NOREPLACE) {
            Ok(at) if at == wanted => return Ok(at.wrapping_sub(layout.low)),
            Ok(at) => release(at, len),
            Err(_) => {}
        }
    }
    if layout.align <= PAGE {
        return Ok(reserve(0, len, 0)?.wrapping_sub(layout.low));
    }
    // Somewhere, at a multiple of its alignment: found by a range that is large enough.
    let generous = len + layout.align;
    let flags = raw::MAP_PRIVATE | raw::MAP_ANONYMOUS | raw::MAP_NORESERVE;
    // SAFETY: not MAP_FIXED: what is mapped stays.
    let got = unsafe { host::mmap(0, generous as usize, raw::PROT_NONE, flags, -1, 0)? } as u64;
    let at = (got + layout.align - 1) & !(layout.align - 1);
    release(got, generous);
    let placed = reserve(at, len, raw::MAP_FIXED_NOREPLACE)?;
    if placed != at {
        release(placed, len);
        return Err(Errno::NOMEM);
    }
    Ok(placed.wrapping_sub(layout.low))
}

/// Reserves the range of one segment, from `start` on. That is how the kernel maps a program that is linked at fixed
/// addresses, which may lie far apart.
fn reserve_segment(start: u64, segment: &ProgramHeader) -> Result<(), Errno> {
    let end = page_up(segment.address + segment.memory_size).ok_or(Errno::NOEXEC)?;
    let Some(len) = end.checked_sub(start).filter(|&len| len > 0) else { return Ok(()) };
    let flags = raw::MAP_PRIVATE | raw::MAP_ANONYMOUS | raw::MAP_NORESERVE | raw::MAP_FIXED_NOREPLACE;
    // SAFETY: never MAP_FIXED: what is mapped stays.
    let at = unsafe { host::mmap(start as usize, len as usize, raw::PROT_NONE, flags, -1, 0)? } as u64;
    if at != start {
        release(at, len);
        return Err(Errno::NOMEM);
    }
    Ok(())
}

/// The rights that a segment's pages have.
fn protection_of(segment: &ProgramHeader) -> u32 {
    let mut protection = 0;
    for (wanted, bit) in [
        (segment.readable(), raw::PROT_READ),
        (segment.writable(), raw::PROT_WRITE),
        (segment.executable(), raw::PROT_EXEC),
    ] {
        protection |= if wanted { bit } else { 0 };
    }
    protection
}

/// # Safety
/// The segment's range is reserved for it.
unsafe fn map_segment(file: &Descriptor, segment: &ProgramHeader, bias: u64) -> Result<(), Errno> {
    let protection = protection_of(segment);
    let address = segment.address.wrapping_add(bias);
    let start = page_down(address);
    let file_end = address + segment.file_size;
    let memory_end = page_up(address + segment.memory_size).ok_or(Errno::NOEXEC)?;
    let mut anonymous_from = start;
    if segment.file_size > 0 {
        let len = file_end - start;
        let flags = raw::MAP_PRIVATE | raw::MAP_FIXED;
        // SAFETY: within the reserved range.
        unsafe {
            host::mmap(
                start as usize,
                len as usize,
                protection,
                flags,
                file.number(),
                page_down(segment.offset),
            )?;
        }
        anonymous_from = page_up(file_end).ok_or(Errno::NOEXEC)?;
        let tail = anonymous_from - file_end;
        if segment.memory_size > segment.file_size && segment.writable() && tail > 0 {
            // SAFETY: the rest of the last page, just mapped writable; the kernel zeroes it as well.
            unsafe { core::ptr::write_bytes(file_end as *mut u8, 0, tail as usize) };
        }
    }
    if memory_end > anonymous_from {
        let flags = raw::MAP_PRIVATE | raw::MAP_ANONYMOUS | raw::MAP_FIXED;
        // SAFETY: within the reserved range.
        unsafe {
            host::mmap(
                anonymous_from as usize,
                (memory_end - anonymous_from) as usize,
                protection,
                flags,
                -1,
                0,
            )?;
        }
    }
    Ok(())
}

fn record(mapped: &mut Mapped, segment: &ProgramHeader, header: &Header) {
    let address = segment.address.wrapping_add(mapped.bias);
    let range = (address, address + segment.file_size);
    if segment.executable() && mapped.code.0 == 0 {
        mapped.code = range;
    }
    if segment.writable() {
        mapped.data = range;
    }
    let headers = header.program_headers;
    if segment.offset <= headers && headers < segment.offset + segment.file_size {
        mapped.program_headers.0 = address + (headers - segment.offset);
    }
}
