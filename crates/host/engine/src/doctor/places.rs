//! Where programs can be executed from: the first shim comes from memory, or from a file
//! where the host forbids that.

use std::env;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;

use rustix::fs::{MemfdFlags, Mode, OFlags};
use rustix::io::Errno;

use super::Outcome;
use super::attempt::attempt;
use super::program;
use super::raw;

/// A file in memory alone.
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

/// The user's home directory.
pub(super) fn home() -> Outcome {
    place_named_by("HOME")
}

/// The directory for everybody's files in memory.
pub(super) fn shared_memory() -> Outcome {
    place(Path::new("/dev/shm"))
}

/// The directory for everybody's temporary files.
pub(super) fn tmp() -> Outcome {
    place(Path::new("/tmp"))
}

/// The user's directory for files that don't outlive the session.
pub(super) fn runtime_dir() -> Outcome {
    place_named_by("XDG_RUNTIME_DIR")
}

fn place_named_by(variable: &str) -> Outcome {
    match env::var_os(variable).filter(|value| !value.is_empty()) {
        Some(directory) => place(Path::new(&directory)),
        None => Outcome::Absent(format!("{variable} is not set")),
    }
}

/// Executes a file that is in `directory` for a moment.
fn place(directory: &Path) -> Outcome {
    let image = program::image();
    let shown = directory.display().to_string();
    let create = format!("create a file in {shown}");
    let execute = format!("execute a file in {shown}");
    let name = directory.join(format!(".newroot-doctor-{}", std::process::id()));
    attempt(|narrator| {
        narrator.begin(&create);
        // Not every filesystem has files without a name, and without /proc there is no way
        // to open one again.
        let program = unnamed(directory, &image).or_else(|_| unlinked(&name, &image))?;
        narrator.begin(&execute);
        Err(raw::execute_by_link(program.as_fd()))
    })
    .outcome_of_exec(program::STATUS, shown)
}

/// A file that never has a name.
fn unnamed(directory: &Path, image: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    let writer = rustix::fs::open(directory, flags, Mode::RWXU)?;
    write_all(&writer, image)?;
    // A file that is open for writing can't be executed.
    open_to_read(Path::new(&format!("/proc/self/fd/{}", writer.as_raw_fd())))
}

/// A file that has no name any more.
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

/// A memfd that may be executed, even where the sysctl vm.memfd_noexec makes others than
/// those that ask for it not executable.
fn executable_memfd() -> Result<OwnedFd, Errno> {
    let name = "newroot-doctor";
    match rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::EXEC) {
        // Before Linux 6.3 nobody had to ask.
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
