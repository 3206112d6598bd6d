//! Directories from which programs can be executed. The first shim is executed from a memory file,
//! or from a file where the host denies that.

use std::env;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{MemfdFlags, Mode, OFlags};
use rustix::io::Errno;

use super::Outcome;
use super::attempt::attempt;
use super::program;
use super::raw;

/// Tries a memory file.
pub(super) fn memory() -> Outcome {
    let image = program::image();
    attempt(|narrator| {
        narrator.begin("create a memfd");
        let file = executable_memfd()?;
        narrator.begin("fill a memfd");
        write_all(&file, &image)?;
        narrator.begin("execute a memfd");
        Err(raw::execute(file.as_fd()))
    })
    .outcome_of_exec(program::STATUS, String::new())
}

/// Tries the user's home directory.
pub(super) fn home() -> Outcome {
    place_named_by("HOME")
}

/// Tries the shared directory in memory, /dev/shm.
pub(super) fn shared_memory() -> Outcome {
    place(Path::new("/dev/shm"))
}

/// Tries the shared directory of temporary files, /tmp.
pub(super) fn tmp() -> Outcome {
    place(Path::new("/tmp"))
}

/// Tries the user's directory for files that end with the login, `$XDG_RUNTIME_DIR`.
pub(super) fn runtime_dir() -> Outcome {
    place_named_by("XDG_RUNTIME_DIR")
}

fn place_named_by(variable: &str) -> Outcome {
    match env::var_os(variable).filter(|value| !value.is_empty()) {
        Some(directory) => place(Path::new(&directory)),
        None => Outcome::Absent(format!("{variable} is not set")),
    }
}

/// Executes a temporary file in `directory`.
fn place(directory: &Path) -> Outcome {
    let image = program::image();
    let shown = directory.display().to_string();
    let create = format!("create a file in {shown}");
    let execute = format!("execute a file in {shown}");
    let name = directory.join(format!(".newroot-doctor-{}", std::process::id()));
    attempt(|narrator| {
        narrator.begin(&create);
        // Not every file system has files without a name, and without /proc such a file can't be
        // opened again.
        let program = unnamed(directory, &image).or_else(|_| unlinked(&name, &image))?;
        narrator.begin(&execute);
        Err(raw::execute_by_link(program.as_fd()))
    })
    .outcome_of_exec(program::STATUS, shown)
}

/// Makes a file that never has a name (O_TMPFILE).
fn unnamed(directory: &Path, image: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let writer = rustix::fs::open(directory, flags, Mode::RWXU)?;
    write_all(&writer, image)?;
    // The kernel doesn't execute a file that is open for writing.
    open_to_read(Path::new(&format!("/proc/self/fd/{}", writer.as_raw_fd())))
}

/// Makes a file and removes its name.
fn unlinked(name: &Path, image: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
    let writer = rustix::fs::open(name, flags, Mode::RWXU)?;
    let reader = write_all(&writer, image).and_then(|()| open_to_read(name));
    rustix::fs::unlink(name)?;
    reader
}

fn open_to_read(path: &Path) -> Result<OwnedFd, Errno> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

/// Makes a memory file that can be executed. Where the sysctl vm.memfd_noexec is set, it has to be
/// asked for.
fn executable_memfd() -> Result<OwnedFd, Errno> {
    let name = "newroot-doctor";
    match rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::EXEC) {
        // Linux before 6.3 doesn't know the flag. There every memory file can be executed.
        Err(Errno::INVAL) => rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC),
        result => result,
    }
}

fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::write(file, bytes)? {
            0 => return Err(Errno::IO),
            written => bytes = bytes.get(written..).unwrap_or_default(),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_in_a_file_runs_and_leaves_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        assert_eq!(place(directory.path()), Outcome::Works(directory.path().display().to_string()));
        let left = std::fs::read_dir(directory.path()).expect("it is readable").count();
        assert_eq!(left, 0);
    }

    #[test]
    fn file_that_had_a_name_loses_it() {
        let directory = tempfile::tempdir().expect("a directory");
        unlinked(&directory.path().join("program"), b"text").expect("it can be made");
        let left = std::fs::read_dir(directory.path()).expect("it is readable").count();
        assert_eq!(left, 0);
    }

    #[test]
    fn missing_directory_is_named() {
        let outcome = place(Path::new("/missing/directory"));
        assert_eq!(
            outcome,
            Outcome::Fails(
                "cannot create a file in /missing/directory: No such file or directory".to_owned()
            )
        );
    }
}
