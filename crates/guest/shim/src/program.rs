//! The file of the program that runs: what it was when it was loaded, and its contents.
//!
//! The kernel's `/proc/self/exe` is the shim, and a name may lead to another file by now, or
//! nowhere. No descriptor may be kept open, but a mapping keeps its file as well: so the loader
//! maps the whole file once more, without any rights. Such a mapping costs addresses alone. The
//! process itself gets the right to read it for as long as it needs it, others read it through
//! `/proc/PID/mem`. The record lies at the same address in every process, where others find it in
//! the same way.
//!
//! # Safety
//! The record is written once, at the start of a program, before anyone else runs.
#![allow(unsafe_code)]

use core::cell::UnsafeCell;

use newroot_abi::Errno;
use newroot_abi::plan::PROTOCOL;
use newroot_paths::{Buffer, Host};
use newroot_procfs::Decimal;
use newroot_sys::raw;

use crate::host::{self, AT_FDCWD, Descriptor, Path};
use crate::{limits, memory};

/// A program's file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Program {
    /// Tells that this is such a record.
    mark: u64,
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Bytes of contents.
    pub size: u64,
    /// Rights of the file's mode.
    pub mode: u64,
    /// Seals (F_GET_SEALS), if it is a memory file without a name; else 0.
    pub seals: u64,
    /// Address of the mapping of the whole file; 0 if it couldn't be made.
    pub at: u64,
    /// Where the program's code begins.
    pub code: u64,
}
// SAFETY: words only.
unsafe impl memory::Plain for Program {}

const MARK: u64 = 0x6e65_7772_6f6f_7400 | PROTOCOL as u64;

struct Cell(UnsafeCell<Program>);
// SAFETY: see the head of the file.
unsafe impl Sync for Cell {}
static PROGRAM: Cell = Cell(UnsafeCell::new(Program {
    mark: 0,
    device: 0,
    inode: 0,
    size: 0,
    mode: 0,
    seals: 0,
    at: 0,
    code: 0,
}));

/// The calling process's program.
#[must_use]
pub fn own() -> Program {
    // SAFETY: nobody writes it any more.
    unsafe { *PROGRAM.0.get() }
}

/// Whether a directory of procfs is the calling process's.
#[must_use]
pub fn is_own(process: &[u8]) -> bool {
    matches!(process, b"self" | b"thread-self") || Decimal::parse(process) == Some(host::getpid().into())
}

/// The program of a guest process, the caller's or another's.
///
/// # Errors
/// open(2)'s, of `/proc/PID/mem`; ENOENT for a process that has no such record.
pub fn of_process(process: &[u8]) -> Result<Program, Errno> {
    if is_own(process) {
        return Ok(own());
    }
    let file = open_memory(process)?;
    let mut program = Program::default();
    // SAFETY: words only, which any bytes are.
    let bytes =
        unsafe { core::slice::from_raw_parts_mut((&raw mut program).cast::<u8>(), size_of::<Program>()) };
    let len = host::pread(file.number(), bytes, PROGRAM.0.get().addr() as u64).map_err(|_| Errno::NOENT)?;
    if len == size_of::<Program>() && program.mark == MARK { Ok(program) } else { Err(Errno::NOENT) }
}

/// Writes what a program's file holds into another file.
///
/// # Errors
/// open(2)'s and read(2)'s, of `/proc/PID/mem`; write(2)'s; EIO if the file was cut off.
pub fn write_contents(process: &[u8], program: &Program, to: &Descriptor) -> Result<(), Errno> {
    // Of its own memory a process may be denied the file (PR_SET_DUMPABLE), but never the memory.
    if is_own(process) {
        return write_own(program, to);
    }
    let memory = open_memory(process)?;
    let mut piece = [0u8; 16 * 1024];
    let mut done = 0;
    while done < program.size {
        let len = usize::try_from(program.size - done).unwrap_or(usize::MAX).min(piece.len());
        let room = piece.get_mut(..len).unwrap_or(&mut []);
        let got = host::pread(memory.number(), room, program.at + done)?;
        let mut left = room.get(..got).unwrap_or(&[]);
        if left.is_empty() {
            return Err(Errno::IO);
        }
        while !left.is_empty() {
            let written = host::write(to.number(), left)?;
            left = left.get(written..).unwrap_or(&[]);
        }
        done += got as u64;
    }
    Ok(())
}

fn write_own(program: &Program, to: &Descriptor) -> Result<(), Errno> {
    /// How often another thread may have taken the right to read away again, having come to its
    /// end.
    const TRIES: u32 = 1000;
    let (at, size) = (program.at as usize, program.size as usize);
    let protect = |protection: u32| {
        // SAFETY: the mapping is ours, and nobody reads it but through the kernel.
        unsafe { host::mprotect(at, size, protection) }
    };
    let mut done = 0;
    let mut tries = 0;
    let mut result = protect(raw::PROT_READ);
    while result.is_ok() && done < size {
        let arguments = [to.number() as usize, at + done, size - done, 0, 0, 0];
        // SAFETY: the kernel reads what is mapped there, and answers EFAULT where the file has been
        // cut off.
        match Errno::check(unsafe { host::forward(raw::__NR_write, &arguments) }) {
            Ok(0) => result = Err(Errno::IO),
            Ok(written) => done += written,
            Err(Errno::FAULT) if tries < TRIES => {
                tries += 1;
                result = protect(raw::PROT_READ);
            }
            Err(Errno::FAULT) => result = Err(Errno::IO),
            Err(error) => result = Err(error),
        }
    }
    protect(raw::PROT_NONE)?;
    result
}

/// Opens a process's memory.
fn open_memory(process: &[u8]) -> Result<Descriptor, Errno> {
    let mut path = Buffer::<Host, 64>::new();
    path.assign(b"/proc/")?;
    path.extend(process)?;
    path.extend(b"/mem")?;
    host::openat(AT_FDCWD, Path::new(path.with_nul()), raw::O_RDONLY | raw::O_CLOEXEC, 0)
}

/// Notes which file the program is and keeps its contents. `nameless` tells that it was handed on
/// open. An error leaves
/// the process without the record, or without the contents.
pub fn keep(file: &Descriptor, nameless: bool, code: u64) {
    let Ok(stat) = host::fstat(file.number()) else { return };
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    let seals = if nameless { seals(file) } else { 0 };
    // Where addresses are counted, they are the guest's.
    let at = if limits::is_space_limited() { 0 } else { map(file, size) };
    let program = Program {
        mark: MARK,
        device: stat.st_dev,
        inode: stat.st_ino,
        size,
        mode: u64::from(stat.st_mode & 0o777),
        seals,
        at,
        code,
    };
    // SAFETY: nobody else runs yet.
    unsafe { *PROGRAM.0.get() = program };
}

/// Gives up what was kept of a program that won't be run.
pub fn let_go() {
    let Program { at, size, .. } = own();
    if at != 0 {
        memory::unmap_owned(at as usize, size as usize);
    }
}

fn seals(file: &Descriptor) -> u64 {
    let arguments = [file.number() as usize, raw::F_GET_SEALS as usize, 0, 0, 0, 0];
    // SAFETY: touches no memory.
    u64::try_from(unsafe { host::forward(raw::__NR_fcntl, &arguments) }).unwrap_or(0)
}

fn map(file: &Descriptor, size: u64) -> u64 {
    // SAFETY: the kernel chooses a place where nothing is.
    let at = unsafe { host::mmap(0, size as usize, raw::PROT_NONE, raw::MAP_PRIVATE, file.number(), 0) };
    at.map_or(0, |at| at as u64)
}
