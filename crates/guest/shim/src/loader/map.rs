//! Maps the segments of one ELF file, by the rules of fs/binfmt_elf.c.
//!
//! # Safety
//! A fixed mapping goes only into a range that was reserved for it just before. A program that is
//! linked at fixed addresses is mapped where nothing else is, or not at all.
#![allow(unsafe_code)]

use newroot_abi::Errno;
use newroot_image::{Header, Kind, PROGRAM_HEADER_LEN, ProgramHeader, Segment};
use newroot_paths::GuestBuf;
use newroot_sys::raw;

use super::head::Head;
use crate::kernel::{self, Descriptor};

const PAGE: u64 = 4096;
/// The lowest address where the kernel puts a position-independent program (ELF_ET_DYN_BASE,
/// x86-64).
const ANYWHERE_BASE: u64 = 0x5555_5555_4000;
/// Number of program headers that are read at a time.
const BATCH: usize = 16;

/// A mapped file.
#[derive(Clone, Copy, Debug)]
pub struct Mapped {
    /// Whether its addresses are fixed or movable.
    pub kind: Kind,
    /// Number that was added to the file's addresses.
    pub bias: u64,
    /// First address.
    pub start: u64,
    /// Address of the entry point.
    pub entry: usize,
    /// Address of its program headers in memory, and their number.
    pub program_headers: (u64, u16),
    /// Range of the first executable segment, for the kernel's records.
    pub code: (u64, u64),
    /// Range of the last writable segment, for the kernel's records.
    pub data: (u64, u64),
    /// First address behind all segments.
    pub end: u64,
    /// Whether it asks for an executable stack.
    pub executable_stack: bool,
    /// Whether it names an interpreter.
    pub interpreted: bool,
    /// Whether other mappings may lie between its segments.
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

/// The facts that the program headers give about the file as a whole.
struct Layout {
    low: u64,
    high: u64,
    align: u64,
    executable_stack: bool,
    interpreted: bool,
    /// The first segment, if it has the lowest address and consists only of pages of the file.
    first: Option<ProgramHeader>,
}

/// Maps `file`. If it names an interpreter and `interpreter` is given, the interpreter's path is
/// written there. `random` varies the address of a position-independent program; with 0 the kernel
/// chooses it.
///
/// # Errors
/// ENOEXEC for a file that can't be a program; ENOMEM if its addresses are taken; the errnos of
/// mmap(2) and pread(2).
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
                if layout.high == 0 && has_only_file_pages(segment) {
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
    // Up to this address the range has its final mappings.
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
                // SAFETY: the segment lies in the range that was just reserved.
                unsafe { map_segment(file, segment, bias)? };
            }
            done = done.max(page_up(segment.address + segment.memory_size).ok_or(Errno::NOEXEC)?);
            record(&mut mapped, segment, &header);
        }
        Ok(())
    });
    all.inspect_err(|_| unmap(&mapped)).map(|()| mapped)
}

/// Returns whether a segment consists only of pages of the file, and isn't writable.
fn has_only_file_pages(segment: &ProgramHeader) -> bool {
    segment.file_size > 0 && segment.memory_size <= segment.file_size && !segment.writable()
}

/// Unmaps a program that won't run. A scattered program stays mapped, because its range may contain
/// other mappings.
pub(super) fn unmap(mapped: &Mapped) {
    if mapped.scattered {
        return;
    }
    let end = page_up(mapped.end).unwrap_or(mapped.end);
    // SAFETY: `map` reserved this range, and no code in it has run.
    unsafe { kernel::munmap(mapped.start as usize, (end - mapped.start) as usize) };
}

/// Reads the path of a program's interpreter into `out`; returns false if the program names none.
///
/// # Errors
/// ENOEXEC for a file that can't be a program; the errnos of pread(2).
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
    // As in the kernel: at least one character and the NUL, at most PATH_MAX bytes.
    let bytes = space.get_mut(..len).filter(|_| len >= 2).ok_or(Errno::NOEXEC)?;
    head.fill(bytes, segment.offset)?;
    if bytes.last() != Some(&0) {
        return Err(Errno::NOEXEC);
    }
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(0);
    out.set_len(end);
    Ok(())
}

/// Unmaps a part of the reserved range.
fn release(at: u64, len: u64) {
    // SAFETY: this file reserved the range, and no code uses it.
    unsafe { kernel::munmap(at as usize, len as usize) };
}

/// Reserves the whole range of the program and returns the number to add to its addresses. As the
/// kernel does, it maps the first segment over the whole range if that segment consists only of
/// pages of the file.
fn reserve(file: &Descriptor, header: &Header, layout: &Layout, random: u64) -> Result<u64, Errno> {
    let len = page_up(layout.high).ok_or(Errno::NOEXEC)? - layout.low;
    let reserve = |at: u64, len: u64, flags: u32| -> Result<u64, Errno> {
        // SAFETY: never MAP_FIXED: existing mappings stay.
        let at = unsafe {
            match &layout.first {
                Some(first) => {
                    let flags = raw::MAP_PRIVATE | flags;
                    let offset = page_down(first.offset);
                    kernel::mmap(
                        at as usize,
                        len as usize,
                        protection_of(first),
                        flags,
                        file.number(),
                        offset,
                    )
                }
                None => {
                    let flags = raw::MAP_PRIVATE | raw::MAP_ANONYMOUS | raw::MAP_NORESERVE | flags;
                    kernel::mmap(at as usize, len as usize, raw::PROT_NONE, flags, -1, 0)
                }
            }
        };
        at.map(|at| at as u64)
    };

    if header.kind == Kind::Fixed {
        // Kernels before 4.17 take the address for a hint: check the result.
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
    // To find a range at a multiple of the alignment, map one that is larger by the alignment.
    let generous = len + layout.align;
    let flags = raw::MAP_PRIVATE | raw::MAP_ANONYMOUS | raw::MAP_NORESERVE;
    // SAFETY: not MAP_FIXED: existing mappings stay.
    let got = unsafe { kernel::mmap(0, generous as usize, raw::PROT_NONE, flags, -1, 0)? } as u64;
    let at = (got + layout.align - 1) & !(layout.align - 1);
    release(got, generous);
    let placed = reserve(at, len, raw::MAP_FIXED_NOREPLACE)?;
    if placed != at {
        release(placed, len);
        return Err(Errno::NOMEM);
    }
    Ok(placed.wrapping_sub(layout.low))
}

/// Reserves the range of one segment, from `start` on. The kernel does the same for a program that
/// is linked at fixed addresses, whose segments may lie far apart.
fn reserve_segment(start: u64, segment: &ProgramHeader) -> Result<(), Errno> {
    let end = page_up(segment.address + segment.memory_size).ok_or(Errno::NOEXEC)?;
    let Some(len) = end.checked_sub(start).filter(|&len| len > 0) else { return Ok(()) };
    let flags = raw::MAP_PRIVATE | raw::MAP_ANONYMOUS | raw::MAP_NORESERVE | raw::MAP_FIXED_NOREPLACE;
    // SAFETY: never MAP_FIXED: existing mappings stay.
    let at = unsafe { kernel::mmap(start as usize, len as usize, raw::PROT_NONE, flags, -1, 0)? } as u64;
    if at != start {
        release(at, len);
        return Err(Errno::NOMEM);
    }
    Ok(())
}

/// Returns the protection of a segment's pages, for mmap(2).
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

/// Maps one segment: the pages of the file, then zeroed memory.
///
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
            kernel::mmap(
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
            // SAFETY: the rest of the last page, which was just mapped writable; the kernel zeroes
            // it as well.
            unsafe { core::ptr::write_bytes(file_end as *mut u8, 0, tail as usize) };
        }
    }
    if memory_end > anonymous_from {
        let flags = raw::MAP_PRIVATE | raw::MAP_ANONYMOUS | raw::MAP_FIXED;
        // SAFETY: within the reserved range.
        unsafe {
            kernel::mmap(
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
