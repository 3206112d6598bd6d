//! The shim's image, and executing it.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use newroot_abi::table;
use newroot_image::{ELF_HEADER_LEN, PROGRAM_HEADER_LEN};
use rustix::fs::MemfdFlags;

use crate::environment::{self, Variables};
use crate::error::{Error, Result};
use crate::trap::plan::Mounts;
use crate::{exec, places};

/// Built by build.rs.
static BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/newroot-shim"));

const PT_LOAD: u32 = 1;

/// Where the image lies, ready to be executed.
#[derive(Debug)]
pub(super) enum Image {
    /// In memory, under no name, with the session's mounts behind it if they don't travel as strings.
    Memory(OwnedFd, Mounts),
    /// In a file of the user's.
    File(PathBuf),
}

impl Image {
    /// Puts the image into memory; into a file if the host forbids executing that, or if `named`
    /// asks for one. `table` is what goes behind it: a file is one for all sessions, and has none.
    pub(super) fn prepare(named: bool, table: Option<&[u8]>) -> Result<Self> {
        let fail = |cause| Error::System { operation: "prepare the shim".to_owned(), cause };
        if !named {
            match in_memory(table) {
                Ok(file) => {
                    let mounts = if table.is_some() { Mounts::Table } else { Mounts::Strings };
                    return Ok(Self::Memory(file, mounts));
                }
                Err(error) if error.raw_os_error() == Some(libc::ENOMEM) => return Err(fail(error)),
                Err(_) => {}
            }
        }
        in_file().map(Self::File).map_err(fail)
    }

    /// The file's path, if it is one.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Memory(..) => None,
            Self::File(path) => Some(path),
        }
    }

    /// Executes it with the plan for where it lies and how the mounts travel. Returns only to say why not.
    pub(super) fn execute(
        &self,
        arguments: &[OsString],
        variables: &Variables,
        plan: impl Fn(Option<&Path>, Mounts) -> Vec<OsString>,
    ) -> io::Error {
        let variables = |path: Option<&Path>, mounts| {
            let mut variables = environment::strings(variables);
            variables.extend(plan(path, mounts));
            variables
        };
        let execute_file =
            |path: &Path| exec::execute_path(path, arguments, &variables(Some(path), Mounts::Strings));
        match self {
            Self::Memory(file, mounts) => {
                let error = exec::execute_descriptor(file, arguments, &variables(None, *mounts));
                // Some hosts let one make a memory file and not execute it (vm.memfd_noexec).
                match (error.raw_os_error(), in_file()) {
                    (Some(libc::EACCES | libc::EPERM | libc::ENOSYS), Ok(path)) => execute_file(&path),
                    _ => error,
                }
            }
            Self::File(path) => execute_file(path),
        }
    }
}

fn in_memory(table: Option<&[u8]>) -> io::Result<OwnedFd> {
    // MFD_EXEC asks for what was the default before Linux 6.3, which doesn't know the flag.
    let create = |flags| rustix::fs::memfd_create(c"newroot", flags);
    let executable = MemfdFlags::CLOEXEC | MemfdFlags::EXEC;
    let file = create(executable).or_else(|_| create(MemfdFlags::CLOEXEC))?;
    let mut file = File::from(file);
    match table {
        None => file.write_all(BYTES)?,
        Some(table) => {
            let at = BYTES.len().next_multiple_of(PAGE);
            file.write_all(&with_segment(at, table.len()))?;
            file.write_all_at(table, at as u64)?;
        }
    }
    Ok(file.into())
}

const PAGE: usize = 4096;

/// The image with a segment more, which lies at an offset of its file.
fn with_segment(offset: usize, len: usize) -> Vec<u8> {
    const READ: u32 = 4;
    let mut image = BYTES.to_vec();
    // The linker script puts the program headers behind the ELF header.
    let header = ELF_HEADER_LEN + table::PROGRAM_HEADER * PROGRAM_HEADER_LEN;
    let mut put = |at: usize, bytes: &[u8]| image[header + at..][..bytes.len()].copy_from_slice(bytes);
    // Elf64_Phdr.
    put(0, &PT_LOAD.to_ne_bytes());
    put(4, &READ.to_ne_bytes());
    for (at, value) in
        [(8, offset), (16, table::ADDRESS), (24, table::ADDRESS), (32, len), (40, len), (48, PAGE)]
    {
        put(at, &(value as u64).to_ne_bytes());
    }
    image
}

/// Writes the image where the user may execute files; an image of the same content is used again. The directory
/// is the user's alone; but a guest that becomes another executes the file by the name procfs has for it.
fn in_file() -> io::Result<PathBuf> {
    let mut failure = io::Error::from_raw_os_error(libc::EACCES);
    for place in places::candidates() {
        match write_into(&place) {
            Ok(path) => return Ok(path),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// The mode of the file, whatever the umask.
const MODE: u32 = 0o755;

fn write_into(place: &Path) -> io::Result<PathBuf> {
    places::claim(place)?;
    let uid = rustix::process::geteuid().as_raw();
    let path = place.join(format!("shim-{:016x}", newroot_abi::hash(BYTES)));
    let usable = |path: &Path| rustix::fs::access(path, rustix::fs::Access::EXEC_OK).map_err(io::Error::from);
    let same = |path: &Path| {
        fs::symlink_metadata(path)
            .is_ok_and(|file| file.is_file() && file.uid() == uid && file.mode() & 0o777 == MODE)
            && fs::read(path).is_ok_and(|bytes| bytes == BYTES)
    };
    if same(&path) {
        usable(&path)?;
        return Ok(path);
    }
    let new = place.join(format!(".shim-{}", std::process::id()));
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&new)
        .and_then(|mut file| {
            file.set_permissions(Permissions::from_mode(MODE))?;
            file.write_all(BYTES)
        })
        .and_then(|()| usable(&new))
        .and_then(|()| fs::rename(&new, &path));
    if let Err(error) = written {
        let _ = fs::remove_file(&new);
        return Err(error);
    }
    Ok(path)
}

#[cfg(test)]
mod tests;
