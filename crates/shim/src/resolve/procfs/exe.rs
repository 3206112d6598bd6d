//! Which program another guest process runs.
//!
//! The kernel's own answer (`/proc/PID/exe`) is the shim, for all of them. But each told the kernel
//! where its program's code begins, and its map of memory names the file there.

use newroot_abi::Errno;
use newroot_paths::{GuestBuf, HostBuf};
use newroot_procfs::{Decimal, stat};
use newroot_sys::raw;

use super::maps::Maps;
use crate::host::{self, AT_FDCWD, Descriptor, Path};

/// Whether the text of an `exe` link is that of our own: then the process runs a shim too.
#[must_use]
pub fn is_shim(text: &[u8]) -> bool {
    let mut own = [0u8; newroot_abi::PATH_MAX];
    match host::readlinkat(AT_FDCWD, Path::new(b"/proc/self/exe\0"), &mut own) {
        Ok(len) => own.get(..len) == Some(text),
        Err(_) => false,
    }
}

/// Writes the host path of the program that a guest process runs.
///
/// # Errors
/// What reading /proc gives; ENOENT if its map doesn't tell.
pub fn of_process(process: &[u8], out: &mut GuestBuf) -> Result<(), Errno> {
    let start = start_of_code(process)?;
    let mut maps = Maps::new(open(process, b"/maps")?);
    while let Some(mapping) = maps.next_mapping()? {
        if mapping.start <= start && start < mapping.end {
            let path = mapping.name;
            return if path.first() == Some(&b'/') { out.assign(path) } else { Err(Errno::NOENT) };
        }
    }
    Err(Errno::NOENT)
}

fn open(process: &[u8], file: &[u8]) -> Result<Descriptor, Errno> {
    let mut path = HostBuf::new();
    path.assign(b"/proc/")?;
    path.extend(process)?;
    path.extend(file)?;
    host::openat(AT_FDCWD, Path::new(path.with_nul()), raw::O_RDONLY | raw::O_CLOEXEC, 0)
}

/// What /proc/PID/stat calls `startcode`.
fn start_of_code(process: &[u8]) -> Result<u64, Errno> {
    let file = open(process, b"/stat")?;
    let mut text = [0u8; 1024];
    let len = host::read(file.number(), &mut text)?;
    let text = text.get(..len).unwrap_or(&[]);
    stat::field(text, 26).and_then(Decimal::parse).ok_or(Errno::NOENT)
}
