//! Makes roots from the host's own programs, with progress that the user can watch and interrupt.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use newroot_roots::{Options, Summary};

use crate::commands::interrupt;
use crate::commands::print;
use crate::commands::progress::Progress;
use crate::failure::Failure;
use crate::messages::Messages;

/// Options that the user gave.
#[derive(Clone, Copy, Default)]
pub(super) struct How {
    pub(super) force: bool,
    /// Whether skipped files are reported, too.
    pub(super) verbose: bool,
}

/// Makes a root in `directory`.
pub(super) fn init(
    directory: &Path,
    programs: &[OsString],
    how: How,
    messages: Messages,
) -> Result<u8, Failure> {
    let made =
        watched(messages, how, |progress| newroot_roots::init(directory, programs, &options(how), progress))?;
    print(&format!("{}: {} files, {}\n", directory.display(), made.made, size(&made)))?;
    Ok(0)
}

/// Brings programs into the root at `directory`.
pub(super) fn add(
    directory: &Path,
    programs: &[OsString],
    how: How,
    messages: Messages,
) -> Result<u8, Failure> {
    let made =
        watched(messages, how, |progress| newroot_roots::add(directory, programs, &options(how), progress))?;
    print(&format!(
        "{}: {} files added, {}; {} were already there\n",
        directory.display(),
        made.made,
        size(&made),
        made.present,
    ))?;
    Ok(0)
}

/// Returns the user's default root, and makes it if it doesn't exist.
pub(super) fn default_root(messages: Messages) -> Result<PathBuf, Failure> {
    let mut is_new = false;
    let how = How::default();
    let path = watched(messages, how, |progress| {
        let path = newroot_roots::default_root(&options(how), progress);
        is_new = progress.has_begun();
        path
    })?;
    if is_new {
        messages.note(&format_args!("made the default root in '{}'", path.display()));
    }
    Ok(path)
}

/// Does `work` while the user watches its progress and can interrupt it.
fn watched<T>(
    messages: Messages,
    how: How,
    work: impl FnOnce(&mut Progress<'_>) -> newroot_roots::Result<T>,
) -> Result<T, Failure> {
    let result = interrupt::held_back(|interrupt| {
        let mut progress = Progress::new(messages, interrupt);
        progress.verbose = how.verbose;
        work(&mut progress)
    });
    result.map_err(interrupt::reason)
}

fn options(how: How) -> Options {
    let mut options = Options::default();
    options.force = how.force;
    options
}

/// Returns the size of the written files, in words for the user.
fn size(summary: &Summary) -> String {
    format!("{} MiB", summary.bytes.div_ceil(1 << 20))
}
