//! Owners of a process's files in procfs, and the check of who may read them.

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Credentials, permission as rules};
use newroot_paths::{Buffer, Host};

use super::file::File;
use crate::host_path::name_descriptor;
use crate::identity::process;
use crate::kernel::{self, AT_FDCWD, Path};
use crate::resolve::procfs::{InProcess, memory_file};

/// Files that show a process's memory, or lead there. Only a process that may trace it can read
/// them (fs/proc/base.c).
const GUARDED: [&[u8]; 14] = [
    b"maps",
    b"smaps",
    b"smaps_rollup",
    b"numa_maps",
    b"mem",
    b"pagemap",
    b"auxv",
    b"environ",
    b"io",
    b"stack",
    b"syscall",
    b"personality",
    b"timers",
    b"timerslack_ns",
];
/// Links with the same rule.
const GUARDED_LINKS: [&[u8]; 6] = [b"exe", b"cwd", b"root", b"fd", b"map_files", b"ns"];

/// Number of bytes of a path in procfs that identify the process.
const ENOUGH: usize = 96;

/// Returns the path of a file in procfs, or at least its beginning.
fn path_of<'a>(file: File<'_>, out: &'a mut [u8; ENOUGH]) -> Option<&'a [u8]> {
    let len = match file {
        File::Host(path) => {
            let path = path.bytes();
            let len = path.len().min(ENOUGH);
            out.get_mut(..len)?.copy_from_slice(path.get(..len)?);
            len
        }
        File::Descriptor(AT_FDCWD) => {
            kernel::readlinkat(AT_FDCWD, Path::new(b"/proc/self/cwd\0"), out).ok()?
        }
        File::Descriptor(descriptor) | File::Found(descriptor) => {
            let mut link = Buffer::<Host, 64>::new();
            name_descriptor(descriptor, &mut link).ok()?;
            kernel::readlinkat(AT_FDCWD, Path::new(link.with_nul()), out).ok()?
        }
    };
    let path = out.get(..len)?;
    Some(memory_file::stands_for(path).filter(|path| memory_file::is_of_procfs(path)).unwrap_or(path))
}

/// Returns the process whose directory in /proc a descriptor has open.
#[must_use]
pub fn process_of_descriptor(descriptor: i32) -> Option<u32> {
    let mut path = [0; ENOUGH];
    let of = InProcess::of(path_of(File::Descriptor(descriptor), &mut path)?)?;
    if of.file.is_empty() { process::number(of.task()) } else { None }
}

/// Returns the owner of a file of procfs that belongs to the real user on the host: a process's
/// files belong to the user that the process seems to be.
#[must_use]
pub fn owner(file: File<'_>) -> Option<Credentials> {
    let mut path = [0; ENOUGH];
    let of = InProcess::of(path_of(file, &mut path)?)?;
    Some(process::of_directory(of.task()).map_or_else(process::stranger, |identity| identity.credentials))
}

/// Checks whether a file of procfs may be opened, by its contents.
///
/// # Errors
/// EACCES.
pub fn may_read(me: &Identity<'_>, file: File<'_>) -> Result<(), Errno> {
    let mut path = [0; ENOUGH];
    match path_of(file, &mut path).and_then(InProcess::of) {
        Some(of) if GUARDED.contains(&of.file) => may_look_into(me, of.task()),
        _ => Ok(()),
    }
}

/// Checks whether a host path, if it is a magic link, may be followed and read.
///
/// # Errors
/// EACCES.
pub fn may_follow(me: &Identity<'_>, host: &[u8]) -> Result<(), Errno> {
    match InProcess::of(host) {
        Some(of) if GUARDED_LINKS.contains(&of.first()) => may_look_into(me, of.task()),
        _ => Ok(()),
    }
}

fn may_look_into(me: &Identity<'_>, process: &[u8]) -> Result<(), Errno> {
    let other = match process::number(process) {
        None | Some(0) => return Ok(()),
        Some(other) if other == kernel::getpid() || other == kernel::gettid() => return Ok(()),
        Some(other) => process::of(other).map_or_else(process::stranger, |other| other.credentials),
    };
    // The check uses the file system ids and the effective capabilities (PTRACE_MODE_FSCREDS).
    let of = me.credentials;
    let asks = Credentials { ruid: of.fsuid, rgid: of.fsgid, permitted: of.effective, ..of };
    rules::may_trace(&asks, &other).map_err(|_| Errno::ACCES)
}
