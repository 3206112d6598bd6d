//! Loads a program as execve(2) does: segments, interpreter, stack, brk.

mod head;
mod map;
mod stack;

use newroot_abi::Errno;
use newroot_abi::plan::NO_DESCRIPTOR;
use newroot_image::Kind;
use newroot_sys::raw;

use crate::hardlinks;
use crate::kernel::{self, AT_FDCWD, Descriptor, Path};
use crate::limits::{self, Spare};
use crate::program;
use crate::report;
use crate::resolve;
use crate::session::Session;
use crate::slots::{Operand, Scratch};

pub use head::Head;
pub use map::{Mapped, interpreter_of};
pub use stack::{InitialStack, KernelStack};

/// A program in memory, with its interpreter.
#[derive(Debug)]
pub struct Program {
    main: Mapped,
    interpreter: Option<Mapped>,
}

/// Reports that a program can't be loaded, and ends the process. At this point the exec can't fail
/// any more. The kernel would send SIGSEGV or SIGKILL; the shim gives the user a reason.
fn cannot_load(what: &[u8], why: Errno) -> ! {
    report::fatal_error(b"load", what, why, b"")
}

/// Maps the session's program and its interpreter. `random` varies the address of a
/// position-independent program; with 0 the kernel chooses it.
pub fn load(session: &Session, random: u64, scratch: &mut Scratch) -> Program {
    let operand = &mut scratch.first;
    let mut result = try_to_load(session, random, operand);
    // A native exec works with every descriptor in use, so this one must too.
    if let Err(error @ (Errno::MFILE | Errno::NFILE)) = result {
        let spare = Spare::new();
        let mut again = || try_to_load(session, random, operand);
        result = if spare.is_some() {
            again()
        } else {
            // The child's mappings stay.
            let keep = [session.header.descriptor as i32, -1];
            limits::with_fewer_descriptors(keep, again).unwrap_or(Err(error))
        };
    }
    match result {
        Ok(program) => program,
        Err(error) if operand.text.is_empty() => cannot_load(session.exe, error),
        Err(error) => cannot_load(operand.text.bytes(), error),
    }
}

/// Tries to map the program and its interpreter. On failure nothing is mapped, and the operand's
/// text shows which file couldn't be loaded: the path of the interpreter, or empty for the program.
fn try_to_load(session: &Session, random: u64, operand: &mut Operand) -> Result<Program, Errno> {
    let nameless = session.header.descriptor != NO_DESCRIPTOR;
    let main = open_program(session, operand)
        .and_then(|file| {
            let main = map::map(&file, random, Some(&mut operand.text))?;
            program::keep(&file, nameless, main.code.0);
            Ok(main)
        })
        .inspect_err(|_| operand.text.clear())?;
    if !main.interpreted {
        return Ok(Program { main, interpreter: None });
    }
    let opened = match open_where_found(session, operand) {
        Some(file) => Ok(file),
        None => resolve::open_for_exec(operand).map(|(file, _)| file),
    };
    match opened.and_then(|file| map::map(&file, 0, None)) {
        Ok(interpreter) => Ok(Program { main, interpreter: Some(interpreter) }),
        Err(error) => {
            map::unmap(&main);
            program::let_go();
            Err(error)
        }
    }
}

/// Opens the interpreter where the process that executed the program has just found it, provided
/// that the path still has no symlink.
fn open_where_found(session: &Session, operand: &mut Operand) -> Option<Descriptor> {
    if session.interpreter.is_empty() || !session.has_openat2() {
        return None;
    }
    let host = &mut operand.walk.host;
    session.mounts.translate(session.interpreter, host).ok()?;
    let flags = u64::from(raw::O_RDONLY | raw::O_CLOEXEC | raw::O_NOFOLLOW);
    kernel::openat2(AT_FDCWD, Path::new(host.with_nul()), flags, 0, resolve::NO_SYMLINKS).ok()
}

fn open_program(session: &Session, operand: &mut Operand) -> Result<Descriptor, Errno> {
    if session.header.descriptor != NO_DESCRIPTOR {
        return Ok(Descriptor::from_number(session.header.descriptor as i32));
    }
    let host = &mut operand.walk.host;
    session.mounts.translate(session.exe, host)?;
    hardlinks::follow(host)?;
    kernel::openat(AT_FDCWD, Path::new(host.with_nul()), raw::O_RDONLY | raw::O_CLOEXEC, 0)
}

/// Sets the stack, the auxiliary vector and the kernel's records to describe the guest's program;
/// returns the address to enter.
#[must_use]
pub fn settle(session: &Session, stack: &InitialStack, program: &Program, random: u64) -> usize {
    let main = &program.main;
    stack.settle(session, main, program.interpreter.as_ref());
    let break_gap = if main.kind == Kind::Anywhere { random >> 3 & 0x1ff } else { 0 };
    stack.set_mm_map(main, break_gap as usize * 4096);
    if main.executable_stack {
        stack.make_executable();
    }
    program.interpreter.as_ref().map_or(main.entry, |interpreter| interpreter.entry)
}

/// Sets the process's name as exec does: to the last component of the executed path.
pub fn name_process(executed: &[u8]) {
    let start = executed.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    let mut name = [0u8; 16];
    for (place, &byte) in name.iter_mut().take(15).zip(executed.get(start..).unwrap_or(&[])) {
        *place = byte;
    }
    kernel::set_name(&name);
}
