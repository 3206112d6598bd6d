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
}

fn page_down(address: u64) -> u64 {
    address & !(PAGE - 1)
}

fn page_up(address: u64) -> Option<u64> {
    Some(address.checked_add(PAGE - 1)? & !(PAGE - 1))
}

/// Calls `visit` with every program header of the file.
fn for_each_header(
    file: &Descriptor,
    header: &Header,
    mut visit: impl FnMut(&ProgramHeader) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mut batch = [0u8; BATCH * PROGRAM_HEADER_LEN];
    let mut left = usize::from(header.count);
    let mut offset = header.program_headers;
    while left > 0 {
        let count = left.min(BATCH);
        let bytes = batch.get_mut(..count * PROGRAM_HEADER_LEN).ok_or(Errno::NOEXEC)?;
        if host::pread(file.number(), bytes, offset)? != bytes.len() {
            return Err(Errno::NOEXEC);
        }
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
}

/// Maps `file`; the path of its interpreter, if it names one, goes to `interpreter`.
/// `random` varies where a position-independent program lies; 0 leaves that to the kernel.
///
/// # Errors
/// ENOEXEC for a file that can't be a program, ENOMEM if its addresses are taken, or what
/// mmap(2) says.
pub(super) fn map(file: &Descriptor, random: u64, interpreter: &mut GuestBuf) -> Result<Mapped, Errno> {
    let mut head = [0u8; 64];
    let len = host::pread(file.number(), &mut head, 0)?;
    let header = Header::parse(head.get(..len).unwrap_or(&[])).map_err(|_| Errno::NOEXEC)?;

    let mut layout = Layout { low: u64::MAX, high: 0, align: PAGE, executable_stack: false };
    for_each_header(file, &header, |segment| {
        match segment.segment {
            Segment::Load => {
                let end = segment.address.checked_add(segment.memory_size).ok_or(Errno::NOEXEC)?;
                layout.low = layout.low.min(page_down(segment.address));
                layout.high = layout.high.max(end);
                if segment.align.is_power_of_two() {
                    layout.align = layout.align.max(segment.align);
                }
            }
            Segment::Interpreter => read_interpreter(file, segment, interpreter)?,
            Segment::Stack => layout.executable_stack = segment.executable(),
            Segment::Other => {}
        }
        Ok(())
    })?;
    if layout.low >= layout.high {
        return Err(Errno::NOEXEC);
    }

    let bias = reserve(&header, &layout, random)?;
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
    };
    for_each_header(file, &header, |segment| {
        if segment.segment == Segment::Load && segment.memory_size > 0 {
            // SAFETY: the segment lies in the range just reserved.
            unsafe { map_segment(file, segment, bias)? };
            record(&mut mapped, segment, &header);
        }
        Ok(())
    })?;
    Ok(mapped)
}

/// Takes a program that won't be run out of memory again.
pub(super) fn unmap(mapped: &Mapped) {
    let end = page_up(mapped.end).unwrap_or(mapped.end);
    // SAFETY: the range is one that `map` reserved, and nothing of it has run.
    unsafe { host::munmap(mapped.start as usize, (end - mapped.start) as usize) };
}

/// Reads the path of a program's interpreter; false if it names none.
///
/// # Errors
/// ENOEXEC for a file that can't be a program, or what reading it says.
pub fn interpreter_of(file: &Descriptor, out: &mut GuestBuf) -> Result<bool, Errno> {
    let mut head = [0u8; 64];
    let len = host::pread(file.number(), &mut head, 0)?;
    let header = Header::parse(head.get(..len).unwrap_or(&[])).map_err(|_| Errno::NOEXEC)?;
    let mut found = false;
    for_each_header(file, &header, |segment| {
        if segment.segment == Segment::Interpreter && !found {
            found = true;
            read_interpreter(file, segment, out)?;
        }
        Ok(())
    })?;
    Ok(found)
}

fn read_interpreter(file: &Descriptor, segment: &ProgramHeader, out: &mut GuestBuf) -> Result<(), Errno> {
    let len = usize::try_from(segment.file_size).map_err(|_| Errno::NOEXEC)?;
    let space = out.space();
    // Like the kernel: at least one character and the NUL, at most PATH_MAX.
    let bytes = space.get_mut(..len).filter(|_| len >= 2).ok_or(Errno::NOEXEC)?;
    if host::pread(file.number(), bytes, segment.offset)? != len || bytes.last() != Some(&0) {
        return Err(Errno::NOEXEC);
    }
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(0);
    out.set_len(end);
    Ok(())
}

/// Reserves the whole range of the program; the result is what to add to its addresses.
fn reserve(header: &Header, layout: &Layout, random: u64) -> Result<u64, Errno> {
    let len = page_up(layout.high).ok_or(Errno::NOEXEC)? - layout.low;
    let reserve = |at: u64, len: u64, flags: u32| -> Result<u64, Errno> {
        let flags = raw::MAP_PRIVATE | raw::MAP_ANONYMOUS | raw::MAP_NORESERVE | flags;
        // SAFETY: never MAP_FIXED: what is mapped stays.
        unsafe { host::mmap(at as usize, len as usize, raw::PROT_NONE, flags, -1, 0).map(|at| at as u64) }
    };
    // SAFETY: the range is one we reserved and nobody uses.
    let release = |at: u64, len: u64| unsafe { host::munmap(at as usize, len as usize) };

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
    let generous = len + layout.align;
    let got = reserve(0, generous, 0)?;
    let at = (got + layout.align - 1) & !(layout.align - 1);
    if at > got {
        release(got, at - got);
    }
    if got + generous > at + len {
        release(at + len, got + generous - at - len);
    }
    Ok(at.wrapping_sub(layout.low))
}

/// # Safety
/// The segment's range is reserved for it.
unsafe fn map_segment(file: &Descriptor, segment: &ProgramHeader, bias: u64) -> Result<(), Errno> {
    let mut protection = 0;
    for (wanted, bit) in [
        (segment.readable(), raw::PROT_READ),
        (segment.writable(), raw::PROT_WRITE),
        (segment.executable(), raw::PROT_EXEC),
    ] {
        protection |= if wanted { bit } else { 0 };
    }
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
