//! The program that a guest process runs, and the contents of its file.
//!
//! The kernel's answer (`/proc/PID/exe`) is the shim for every guest process. But the loader maps
//! each program's file as a whole, and the kernel's list of mappings shows the present name of that
//! file ([`program`]).

use newroot_abi::{Errno, PATH_MAX};
use newroot_paths::{Buffer, GuestBuf, Host, HostBuf};
use newroot_procfs::{Decimal, stat};
use newroot_sys::raw;

use super::map_query::MapQuery;
use super::maps::Maps;
use super::{InProcess, classify, memory_file};
use crate::call::forward;
use crate::hardlinks;
use crate::host_path::Anchored;
use crate::kernel::{self, AT_FDCWD, Descriptor, Path};
use crate::program::{self, Program};
use crate::session::session;

/// Returns whether the text of an `exe` link is the same as the caller's, so that the process runs
/// a shim too.
#[must_use]
pub fn is_shim(text: &[u8]) -> bool {
    let mut own = [0u8; PATH_MAX];
    match kernel::readlinkat(AT_FDCWD, Path::new(b"/proc/self/exe\0"), &mut own) {
        Ok(len) => own.get(..len) == Some(text),
        Err(_) => false,
    }
}

/// Returns whether the name by which the caller's program was executed still leads to its file.
#[must_use]
pub fn has_its_name() -> bool {
    let program = program::own();
    let session = session();
    let mut host = HostBuf::new();
    let found = session.mounts.translate(session.exe, &mut host).and_then(|_| {
        hardlinks::follow(&mut host)?;
        let at = Anchored::new(&mut host)?;
        kernel::fstatat(at.directory(), at.path(), raw::AT_SYMLINK_NOFOLLOW)
    });
    found.is_ok_and(|stat| (stat.st_dev, stat.st_ino) == (program.device, program.inode))
}

/// Writes the kernel's text for the present name of the caller's program.
///
/// # Errors
/// The errnos of open(2) and read(2) for files in /proc; ENOENT if no such file is mapped.
pub fn own(out: &mut GuestBuf) -> Result<(), Errno> {
    let Program { at, code, .. } = program::own();
    named_at(b"self", if at == 0 { code } else { at }, at != 0, out)
}

/// Writes the host path of the program that another guest process runs.
///
/// # Errors
/// The errnos of open(2) and read(2) for files in /proc; ENOENT if no such file is mapped.
pub fn of_process(process: &[u8], out: &mut GuestBuf) -> Result<(), Errno> {
    match program::of_process(process) {
        Ok(Program { at, .. }) if at != 0 => named_at(process, at, true, out),
        _ => named_at(process, start_of_code(process)?, false, out),
    }
}

/// Writes the kernel's text for the file that is mapped at an address. If `kept` is set, it must be
/// the loader's mapping, which has no access rights.
fn named_at(process: &[u8], address: u64, kept: bool, out: &mut GuestBuf) -> Result<(), Errno> {
    let mut use_of = |rights: &[u8], path: &[u8]| {
        let good = path.first() == Some(&b'/') && (!kept || rights == b"---p");
        if good { out.assign(path) } else { Err(Errno::NOENT) }
    };
    let mut query = MapQuery::new(open(process, b"/maps")?);
    match query.at(address as usize) {
        Ok(Some(mapping)) => return use_of(mapping.rights, mapping.name),
        Ok(None) => return Err(Errno::NOENT),
        // The kernel is older than Linux 6.11.
        Err(_) => {}
    }
    let mut maps = Maps::new(query.into_file());
    while let Some(mapping) = maps.next_mapping()? {
        if mapping.start <= address && address < mapping.end {
            return use_of(mapping.rights, mapping.name);
        }
    }
    Err(Errno::NOENT)
}

fn open(process: &[u8], file: &[u8]) -> Result<Descriptor, Errno> {
    let mut path = HostBuf::new();
    path.assign(b"/proc/")?;
    path.extend(process)?;
    path.extend(file)?;
    kernel::openat(AT_FDCWD, Path::new(path.with_nul()), raw::O_RDONLY | raw::O_CLOEXEC, 0)
}

/// Returns the field `startcode` of /proc/PID/stat (proc_pid_stat(5)).
fn start_of_code(process: &[u8]) -> Result<u64, Errno> {
    let file = open(process, b"/stat")?;
    let mut text = [0u8; 1024];
    let len = kernel::read(file.number(), &mut text)?;
    let text = text.get(..len).unwrap_or(&[]);
    stat::field(text, 26).and_then(Decimal::parse).ok_or(Errno::NOENT)
}

/// Returns whether a host path is that of an `exe` link. If the kernel has to follow it
/// ([`newroot_paths::Found::magic`]), no guest path leads to the program's file.
#[must_use]
pub fn is_link(host: &[u8]) -> bool {
    classify(host).is_some_and(|link| link.kind == super::Kind::Exe)
}

/// Opens a substitute for a program's file that has no name. `host` is the host path of the `exe`
/// link, and `flags` are those of the open. With O_PATH, it is an empty file with the program's
/// size and mode.
///
/// # Errors
/// ENOENT if the contents weren't kept; the errnos of memfd_create(2), read(2) and write(2).
pub fn stand_in(host: &[u8], flags: u32) -> Result<Descriptor, Errno> {
    make(host, flags, flags & raw::O_PATH == 0)
}

/// Opens a copy of a program's file for the guest.
///
/// # Errors
/// ENOENT if the contents weren't kept; the errnos of memfd_create(2), read(2) and write(2).
pub fn copy(host: &[u8], flags: u32) -> Result<Descriptor, Errno> {
    make(host, flags, true)
}

fn make(host: &[u8], flags: u32, filled: bool) -> Result<Descriptor, Errno> {
    let InProcess { process, .. } = InProcess::of(host).ok_or(Errno::NOENT)?;
    let mut name = GuestBuf::new();
    let program = program::of_process(process)?;
    if program.at == 0 {
        return Err(Errno::NOENT);
    }
    named_at(process, program.at, true, &mut name)?;
    let mut memory_name = Buffer::new();
    memory_file::name_of_copy(name.bytes(), &mut memory_name)?;
    let sealed = program.seals & !u64::from(raw::F_SEAL_SEAL) != 0;
    let file = kernel::program_file(Path::new(memory_name.with_nul()), sealed)?;
    let fcntl = |number: u32, argument: u64| {
        forward(number, [file.number() as usize, argument as usize, 0, 0, 0, 0]).map(|_| ())
    };
    if filled {
        program::write_contents(process, &program, &file)?;
    } else {
        fcntl(raw::__NR_ftruncate, program.size)?;
    }
    fcntl(raw::__NR_fchmod, program.mode)?;
    if sealed && filled {
        let arguments = [file.number() as usize, raw::F_ADD_SEALS as usize, program.seals as usize, 0, 0, 0];
        forward(raw::__NR_fcntl, arguments)?;
    }
    let mut link = Buffer::<Host, 64>::new();
    super::name_descriptor(file.number(), &mut link)?;
    kernel::openat(AT_FDCWD, Path::new(link.with_nul()), flags & !raw::O_NOFOLLOW | raw::O_CLOEXEC, 0)
}
