//! The shim's image, and its execution.

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

/// The image that build.rs built.
static BYTES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/newroot-shim"));

const PT_LOAD: u32 = 1;

/// An image that is ready to be executed.
#[derive(Debug)]
pub(super) enum Image {
    /// A memory file. The session's mounts are behind the image, unless they travel as strings.
    Memory(OwnedFd, Mounts),
    /// A file in the user's directories.
    File(PathBuf),
}

impl Image {
    /// Puts the image into a memory file, or into a file if the host denies execution of memory
    /// files or `named` asks for one. `table` goes behind the image. A file serves all sessions,
    /// and has no table.
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

    /// Returns the path, if the image is in a file.
    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::Memory(..) => None,
            Self::File(path) => Some(path),
        }
    }

    /// Executes the image, with the plan that fits. Returns only on failure, with the error.
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
                // Some hosts allow memory files but not their execution (vm.memfd_noexec).
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
    // MFD_EXEC asks for what was the default before Linux 6.3. Older kernels don't know the flag.
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

/// Returns the image with one more segment, whose contents are at an offset of the file.
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

/// Writes the image to a directory in which the user can execute files, or uses an image of the
/// same content. Only the user can enter the directory. But a guest that switches to another user
/// executes the file by its name in procfs, so its mode lets all users execute it.
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

/// Mode of the file, regardless of the umask.
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
