//! The file of the running program: its attributes when it was loaded, and its contents.
//!
//! The kernel's `/proc/self/exe` is the shim, and by now the program's name may lead to another
//! file, or nowhere. The shim must not keep a descriptor open, but a mapping keeps its file as
//! well. So the loader maps the whole file once more, without any rights. Such a mapping costs only
//! address space. The process itself adds the right to read while it needs it; other processes read
//! the mapping through `/proc/PID/mem`. The record has the same address in every process, so other
//! processes find it there in the same way.
//!
//! # Safety
//! The record is written once, at the start of a program, before any other code runs.
#![allow(unsafe_code)]

use core::cell::UnsafeCell;

use newroot_abi::Errno;
use newroot_abi::plan::PROTOCOL;
use newroot_paths::{Buffer, Host};
use newroot_procfs::Decimal;
use newroot_sys::raw;

use crate::kernel::{self, AT_FDCWD, Descriptor, Path};
use crate::{limits, memory};

/// Record of a program's file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct Program {
    /// [`MARK`], which distinguishes such a record from other data.
    mark: u64,
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Size of the contents in bytes.
    pub size: u64,
    /// Permission bits of the file's mode.
    pub mode: u64,
    /// Seals (F_GET_SEALS) of a memory file without a name; else 0.
    pub seals: u64,
    /// Address of the mapping of the whole file; 0 if there is none.
    pub at: u64,
    /// First address of the program's code.
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

/// Returns the calling process's program.
#[must_use]
pub fn own() -> Program {
    // SAFETY: no code writes it any more.
    unsafe { *PROGRAM.0.get() }
}

/// Returns whether a directory of procfs belongs to the calling process.
#[must_use]
pub fn is_own(process: &[u8]) -> bool {
    matches!(process, b"self" | b"thread-self") || Decimal::parse(process) == Some(kernel::getpid().into())
}

/// Returns the program of a guest process: the caller or another one.
///
/// # Errors
/// The errnos of open(2) for `/proc/PID/mem`; ENOENT for a process without such a record.
pub fn of_process(process: &[u8]) -> Result<Program, Errno> {
    if is_own(process) {
        return Ok(own());
    }
    let file = open_memory(process)?;
    let mut program = Program::default();
    // SAFETY: words only, for which any bytes are valid.
    let bytes =
        unsafe { core::slice::from_raw_parts_mut((&raw mut program).cast::<u8>(), size_of::<Program>()) };
    let len = kernel::pread(file.number(), bytes, PROGRAM.0.get().addr() as u64).map_err(|_| Errno::NOENT)?;
    if len == size_of::<Program>() && program.mark == MARK { Ok(program) } else { Err(Errno::NOENT) }
}

/// Writes the contents of a program's file into another file.
///
/// # Errors
/// The errnos of open(2) and read(2) for `/proc/PID/mem`, and of write(2); EIO if the file was
/// truncated.
pub fn write_contents(process: &[u8], program: &Program, to: &Descriptor) -> Result<(), Errno> {
    // The kernel may deny a process its own `/proc/self/mem` (PR_SET_DUMPABLE), but never its
    // memory.
    if is_own(process) {
        return write_own(program, to);
    }
    let memory = open_memory(process)?;
    let mut piece = [0u8; 16 * 1024];
    let mut done = 0;
    while done < program.size {
        let len = usize::try_from(program.size - done).unwrap_or(usize::MAX).min(piece.len());
        let buffer = piece.get_mut(..len).unwrap_or(&mut []);
        let got = kernel::pread(memory.number(), buffer, program.at + done)?;
        let mut left = buffer.get(..got).unwrap_or(&[]);
        if left.is_empty() {
            return Err(Errno::IO);
        }
        while !left.is_empty() {
            let written = kernel::write(to.number(), left)?;
            left = left.get(written..).unwrap_or(&[]);
        }
        done += got as u64;
    }
    Ok(())
}

fn write_own(program: &Program, to: &Descriptor) -> Result<(), Errno> {
    /// Number of times that another thread, when it has finished, may take the right to read away
    /// again.
    const TRIES: u32 = 1000;
    let (at, size) = (program.at as usize, program.size as usize);
    let protect = |protection: u32| {
        // SAFETY: the mapping belongs to the shim, and only the kernel reads it.
        unsafe { kernel::mprotect(at, size, protection) }
    };
    let mut done = 0;
    let mut tries = 0;
    let mut result = protect(raw::PROT_READ);
    while result.is_ok() && done < size {
        let arguments = [to.number() as usize, at + done, size - done, 0, 0, 0];
        // SAFETY: the kernel reads the mapping, and reports EFAULT where the file has been
        // truncated.
        match Errno::check(unsafe { kernel::forward(raw::__NR_write, &arguments) }) {
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

/// Opens a process's memory (`/proc/PID/mem`).
fn open_memory(process: &[u8]) -> Result<Descriptor, Errno> {
    let mut path = Buffer::<Host, 64>::new();
    path.assign(b"/proc/")?;
    path.extend(process)?;
    path.extend(b"/mem")?;
    kernel::openat(AT_FDCWD, Path::new(path.with_nul()), raw::O_RDONLY | raw::O_CLOEXEC, 0)
}

/// Records the program's file and keeps its contents. `nameless` means that it was passed on as an
/// open descriptor. After an error the process has no record, or a record without contents.
pub fn keep(file: &Descriptor, nameless: bool, code: u64) {
    let Ok(stat) = kernel::fstat(file.number()) else { return };
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    let seals = if nameless { seals(file) } else { 0 };
    // If the address space is limited, all of it is left to the guest.
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
    // SAFETY: no other code runs yet.
    unsafe { *PROGRAM.0.get() = program };
}

/// Unmaps the contents of a program that won't run.
pub fn let_go() {
    let Program { at, size, .. } = own();
    if at != 0 {
        memory::unmap_owned(at as usize, size as usize);
    }
}

fn seals(file: &Descriptor) -> u64 {
    let arguments = [file.number() as usize, raw::F_GET_SEALS as usize, 0, 0, 0, 0];
    // SAFETY: touches no memory.
    u64::try_from(unsafe { kernel::forward(raw::__NR_fcntl, &arguments) }).unwrap_or(0)
}

fn map(file: &Descriptor, size: u64) -> u64 {
    // SAFETY: the kernel chooses a range where nothing is mapped.
    let at = unsafe { kernel::mmap(0, size as usize, raw::PROT_NONE, raw::MAP_PRIVATE, file.number(), 0) };
    at.map_or(0, |at| at as u64)
}
