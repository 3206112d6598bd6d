//! The destination of an archive.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, IsTerminal as _, Write};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};
use crate::interruptible::{Ended, InterruptibleIo};

/// The destination of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output. A terminal is refused.
    Stdout,
    /// A file. It replaces an existing one when it is complete.
    File(PathBuf),
}

impl Output {
    /// Checks in advance whether the archive can be written there.
    pub(super) fn check(&self) -> Result<()> {
        if *self == Self::Stdout && io::stdout().is_terminal() { Err(Error::Terminal) } else { Ok(()) }
    }

    /// Returns device and inode number of an existing output file.
    pub(super) fn identity(&self) -> Option<(u64, u64)> {
        let found = match self {
            Self::Stdout => {
                rustix::fs::fstat(io::stdout()).ok().map(|stat| (stat.st_mode, stat.st_dev, stat.st_ino))
            }
            Self::File(path) => fs::metadata(path).ok().map(|found| (found.mode(), found.dev(), found.ino())),
        };
        let (mode, device, inode) = found?;
        (mode & 0o170_000 == 0o100_000).then_some((device, inode))
    }
}

/// An output that is being written.
pub(super) enum Destination<'a> {
    Stdout(InterruptibleIo<'a, io::Stdout>),
    /// A device or FIFO that the user named. It can't be replaced.
    Special(InterruptibleIo<'a, File>, PathBuf),
    Temporary(NamedTempFile, PathBuf),
}

impl<'a> Destination<'a> {
    pub(super) fn open(output: &Output, ended: Ended<'a>) -> Result<Self> {
        let path = match output {
            Output::Stdout => return Ok(Self::Stdout(InterruptibleIo::new(io::stdout(), ended))),
            Output::File(path) => path,
        };
        let failed = |cause| Error::io("write", path, cause);
        // A symlink stays. The file that it leads to is replaced.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        match fs::metadata(&path) {
            Ok(found) if found.is_dir() => Err(failed(io::ErrorKind::IsADirectory.into())),
            Ok(found) if !found.is_file() => {
                let file = File::options().write(true).open(&path).map_err(failed)?;
                Ok(Self::Special(InterruptibleIo::new(file, ended), path))
            }
            found => {
                let file = temporary(&path, found.ok().as_ref()).map_err(failed)?;
                Ok(Self::Temporary(file, path))
            }
        }
    }

    /// Publishes the complete archive.
    pub(super) fn keep(mut self) -> Result<()> {
        let name = match &self {
            Self::Stdout(_) => PathBuf::from("standard output"),
            Self::Special(_, path) | Self::Temporary(_, path) => path.clone(),
        };
        let failed = |cause| Error::io("write", &name, cause);
        self.flush().map_err(failed)?;
        if let Self::Temporary(file, path) = self {
            file.persist(path).map_err(|error| failed(error.error))?;
        }
        Ok(())
    }
}

/// Makes a temporary file beside `path`, with the mode that a new file there would have.
fn temporary(path: &Path, existing: Option<&Metadata>) -> io::Result<NamedTempFile> {
    let parent = path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let mode = existing.map_or(0o666, |existing| existing.mode() & 0o777);
    let made = tempfile::Builder::new()
        .prefix(".newroot-")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(parent);
    // The library puts a path of its own in front of the kernel's error.
    made.map_err(|error| {
        let inner = || error.get_ref()?.source()?.downcast_ref::<io::Error>()?.raw_os_error();
        error.raw_os_error().or_else(inner).map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
    })
}

impl Write for Destination<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::Special(file, _) => file.write(bytes),
            Self::Temporary(file, _) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::Special(file, _) => file.flush(),
            Self::Temporary(file, _) => file.flush(),
        }
    }
}
